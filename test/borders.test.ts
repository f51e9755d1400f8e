/** Holds the borders of ARCHITECTURE.md: who may import whom, and what no file may contain. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { findCycles, type Import, parseSource, reach, readSources, type SourceFile } from "./import-graph.ts";

process.removeAllListeners("warning"); // stripTypeScriptTypes is called experimental, once a process

const ROOT = join(import.meta.dirname, "..");
const SOURCES = readSources(ROOT);
const IMPORTS = SOURCES.flatMap(({ imports }) => imports);
const SENSOR_FOLDERS = foldersOf("src/sensors");

// What features.ts loads lazily belongs to one process each; nothing else of it is loaded there.
const PROCESSES: Readonly<Record<string, string | null>> = {
  "bin/garrison-sentry.ts": "sensor.ts",
  "bin/garrison-mind.ts": "facts.ts",
  "bin/garrison-drill.ts": "drill.ts",
  "bin/garrison-warden.ts": null,
};

suite("the parser of imports", () => {
  test("parseSource() tells imports that run from those that are types only", () => {
    const { imports } = parseSource(
      "src/sentry/one.ts",
      [
        'import { type A, b } from "#src/lib/lru.ts";',
        'import type { C } from "../store/store.ts";',
        'import { type D } from "./two.ts";',
        'import "node:fs";',
        "import {\n  e,\n} from 'single.ts';",
        'import {\n  f,\n} from "@scope/name/deep";',
        'export type { G } from "zod";',
        'export { h } from "path";',
        '// import { i } from "./comment.ts";',
        'const j = await import("./lazy.ts");',
        'let k: import("./inline.ts").K;',
      ].join("\n"),
    );
    assert.deepEqual(
      imports.map(({ to, kind }) => `${kind} ${to}`),
      [
        "static src/lib/lru.ts",
        "static src/sentry/two.ts",
        "static node:fs",
        "static @scope/name",
        "static node:path",
        "lazy src/sentry/lazy.ts",
        "type src/store/store.ts",
        "type zod",
        "type src/sentry/inline.ts",
      ],
    );
  });

  test("parseSource() refuses what is not erasable", () => {
    for (const text of [
      "enum A { b }",
      "namespace A { export const b = 1; }",
      "class A { constructor(private b: 1) {} }",
    ])
      assert.throws(() => parseSource("src/one.ts", text), /^SyntaxError: Cannot strip the types of "src\/one.ts": /);
  });

  test("findCycles() names a ring, also through a lazy import, and none of types", () => {
    const files = [
      parseSource("src/a.ts", 'import { b } from "./b.ts";\nimport type { D } from "./d.ts";'),
      parseSource("src/b.ts", 'export const c = import("./c.ts");'),
      parseSource("src/c.ts", 'import "./a.ts";'),
      parseSource("src/d.ts", 'import "./a.ts";'),
    ];
    assert.deepEqual(findCycles(files), [["src/a.ts", "src/b.ts", "src/c.ts", "src/a.ts"]]);
  });

  test("every import leads to a file, a package of package.json or Node", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const isKnown = ({ to }: Import): boolean =>
      to.startsWith("node:") || Object.hasOwn(dependencies, to) || existsSync(join(ROOT, to));
    assertNone(
      IMPORTS.filter((one) => !isKnown(one)).map((one) => `${one.from} imports "${one.to}", which is not there`),
    );
    assert.ok(IMPORTS.length > SOURCES.length, `only ${IMPORTS.length} imports were found in ${SOURCES.length} files`);
  });
});

suite("who may import whom", () => {
  test("no file leads back to itself at run time", () => {
    assertNone(findCycles(SOURCES).map((cycle) => cycle.join(" -> ")));
  });

  test("model/ imports types of model/ only", () => {
    assertImports("src/model/", ({ to, kind }) => kind === "type" && to.startsWith("src/model/"));
  });

  test("lib/ is pure: it imports lib/, model/ and the package diff, nothing of Node", () => {
    assertImports("src/lib/", ({ to }) => isIn(to, "src/lib/", "src/model/") || to === "diff");
  });

  test("linux/ stands on Node, lib/ and model/ alone", () => {
    assertImports(
      "src/linux/",
      ({ to }) => isIn(to, "src/linux/", "src/lib/", "src/model/", "node:") || to === "koffi",
    );
  });

  test("koffi is imported by linux/ffi.ts alone", () => {
    const others = IMPORTS.filter(({ from, to }) => to === "koffi" && from !== "src/linux/ffi.ts");
    assertNone(others.map(describe));
  });

  test("wire/ stands on Node, lib/ and model/ alone", () => {
    assertImports("src/wire/", ({ to }) => isIn(to, "src/wire/", "src/lib/", "src/model/", "node:"));
  });

  test("ordinary/ is pure: it imports ordinary/, lib/ and model/, nothing of Node", () => {
    assertImports("src/ordinary/", ({ to }) => isIn(to, "src/ordinary/", "src/lib/", "src/model/"));
  });

  test("features.ts alone imports what lies in a sensor's folder", () => {
    const others = SENSOR_FOLDERS.flatMap((folder) =>
      IMPORTS.filter(({ from, to }) => to.startsWith(folder) && !from.startsWith(folder) && from !== "src/features.ts"),
    );
    assertNone(others.map(describe));
  });

  test("features.ts loads nothing of a sensor before it is asked to", () => {
    assertImports("src/features.ts", ({ kind }) => kind !== "static");
  });
});

suite("what each process can load", () => {
  test("no sensor reaches the mind's side, the configuration or a package but koffi", () => {
    for (const folder of SENSOR_FOLDERS) {
      const allowed = [
        "src/sensors/",
        "src/mail/spool/",
        "src/wire/",
        "src/lib/",
        "src/linux/",
        "src/model/",
        "node:",
        "koffi",
      ];
      assertReaches(`${folder}sensor.ts`, reach(SOURCES, `${folder}sensor.ts`), (one) => isIn(one, ...allowed));
    }
  });

  test("the sentry reaches sensors and what they stand on, and no package but koffi", () => {
    assertProcess("bin/garrison-sentry.ts", (one) =>
      isIn(one, "src/sentry/", "src/sensors/", "src/mail/spool/", "src/features.ts", "src/processes/", ...COMMON),
    );
  });

  test("the warden reaches actions and journal, no sensor, no part of the mind, and no package but koffi", () => {
    assertProcess("bin/garrison-warden.ts", (one) =>
      isIn(one, "src/warden/", "src/actions/", "src/journal/", "src/blocks/web/", "src/processes/", ...COMMON),
    );
  });

  test("the mind reaches neither the configuration's packages nor the command line's", () => {
    const never = ["yaml", "zod", "commander", "src/config/", "src/cli/", "src/up/", "src/warden/", "src/sentry/"];
    assertProcess(
      "bin/garrison-mind.ts",
      (one) => !isIn(one, ...never) && !/^src\/sensors\/.*(?:sensor|config)\.ts$/.test(one),
    );
  });

  test("the stager of drills, which may run as root, reaches no package", () => {
    assertProcess("bin/garrison-drill.ts", (one) => isIn(one, "src/", "bin/", "node:") && !isIn(one, "src/mind/"));
  });
});

suite("what no file may contain", () => {
  test("no fanotify permission event: nobody may ever wait for us", () => {
    // Put together, so that this file does not contain it either.
    const forbidden = new RegExp(`FAN_\\w*${"_PERM"}\\b|FAN_CLASS_(?:PRE_)?${"CONTENT"}\\b`);
    assertNone(filesWith(forbidden, allFiles(["src", "bin"])));
  });

  test("no shell: programs start by spawn or execFile with an argument list, from up/, drill/ and linux/", () => {
    const starters = IMPORTS.filter(({ to, kind }) => to === "node:child_process" && kind !== "type");
    assertNone(starters.filter(({ from }) => !isIn(from, "src/up/", "src/drill/", "src/linux/")).map(describe));
    const files = SOURCES.filter(({ path }) => starters.some(({ from }) => from === path));
    assertNone(filesWith(/\bshell\s*:/, files));
    assertNone(files.flatMap(otherStarters));
  });

  test("no code from text: neither eval nor new Function, and node:vm for a constant text in time-limit.ts alone", () => {
    assertNone(filesWith(/\beval\(|\bnew Function\(/));
    assertNone(filesWith(/\bcreateRequire\(|\bgetBuiltinModule\(|\bprocess\.binding\(/));
    const limit = "src/logs/match/time-limit.ts";
    assertNone(IMPORTS.filter(({ from, to }) => to === "node:vm" && from !== limit).map(describe));
    const scripts = [
      ...readFileSync(join(ROOT, limit), "utf8").matchAll(/\b(?:new Script|vm\.\w+|compileFunction)\(.*/g),
    ];
    assert.deepEqual(
      scripts.map(([text]) => text),
      [`new Script('globalThis[Symbol.for("garrison.logs.run-within")]()');`],
    );
  });

  test("every sensor's folder has facts.ts, sensor.ts, README.md and a test", () => {
    const missing = SENSOR_FOLDERS.flatMap((folder) => {
      const names = readdirSync(join(ROOT, folder));
      const wanted = ["facts.ts", "sensor.ts", "README.md"].filter((name) => !names.includes(name));
      const hasTest = names.some((name) => name.endsWith(".test.ts"));
      return [...wanted, ...(hasTest ? [] : ["*.test.ts"])].map((name) => `${folder} has no ${name}`);
    });
    assertNone(missing);
  });

  test("every file of linux/ begins with what it is an interface to", () => {
    const silent = SOURCES.filter(({ path, text }) => isIn(path, "src/linux/") && !text.startsWith("/**"));
    assertNone(silent.map(({ path }) => `${path} does not begin with a comment`));
  });
});

const COMMON = ["bin/", "src/wire/", "src/lib/", "src/linux/", "src/model/", "node:", "koffi"];

function isIn(path: string, ...places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith("/") || place.endsWith(":") ? path.startsWith(place) : path === place));
}

function foldersOf(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== "testdata")
    .map(({ name }) => `${folder}/${name}/`);
}

function describe({ from, to, kind }: Import): string {
  return `${from} imports "${to}"${kind === "static" ? "" : ` (${kind})`}`;
}

function assertImports(place: string, isAllowed: (one: Import) => boolean): void {
  const own = IMPORTS.filter(({ from }) => isIn(from, place));
  assert.ok(
    SOURCES.some(({ path }) => isIn(path, place)),
    `there is no file in ${place}`,
  );
  assertNone(own.filter((one) => !isAllowed(one)).map(describe));
}

function assertProcess(entry: string, isAllowed: (path: string) => boolean): void {
  const part = PROCESSES[entry];
  const followsLazy = ({ from, to }: Import): boolean =>
    from !== "src/features.ts" || (part !== null && to.endsWith(`/${part}`));
  assertReaches(entry, reach(SOURCES, entry, followsLazy), isAllowed);
}

function assertReaches(
  entry: string,
  chains: ReadonlyMap<string, readonly string[]>,
  isAllowed: (path: string) => boolean,
): void {
  assert.ok(chains.size > 2, `${entry} imports nothing`);
  const wrong = [...chains].filter(([path]) => !isAllowed(path));
  assertNone(wrong.map(([path, chain]) => `${entry} reaches ${path}: ${chain.join(" -> ")}`));
}

function assertNone(faults: readonly string[]): void {
  assert.equal(faults.join("\n"), "");
}

function filesWith(pattern: RegExp, files: readonly Pick<SourceFile, "path" | "text">[] = SOURCES): string[] {
  return files.flatMap(({ path, text }) => {
    const line = text.split("\n").findIndex((one) => pattern.test(one));
    return line === -1 ? [] : [`${path}:${line + 1} contains "${pattern.exec(text)?.[0]}"`];
  });
}

/** Tests too. */
function allFiles(folders: readonly string[]): Pick<SourceFile, "path" | "text">[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => ({ path: join(folder, name), text: readFileSync(join(ROOT, folder, name), "utf8") })),
  );
}

/** What a file imports of node:child_process besides spawn and execFile, which take no shell unless asked to. */
function otherStarters({ path, text }: SourceFile): string[] {
  const [, list] = /^import \{([^}]*)\} from "node:child_process"/m.exec(text) ?? [];
  if (list === undefined) return [`${path} imports all of node:child_process, spawn or execFile is wanted`];
  const names = list.split(",").map((name) => name.trim());
  return names
    .filter((name) => !/^(?:type .*|spawn|execFile|)$/.test(name))
    .map((name) => `${path} imports "${name}" of node:child_process, spawn or execFile is wanted`);
}
