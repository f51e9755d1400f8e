/**
 * What is not switched on is not loaded: a whole Garrison with one sensor and nobody to tell is started under strace, and what
 * each of its processes has opened of our own code and of packages is compared with what it may load.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { SENSORS } from "#src/features.ts";
import { Host, waitFor } from "./e2e/host.ts";
import { buildOwnTree, makeTree, type Tree } from "./tree.ts";

const ROOT = join(import.meta.dirname, "..");

const ENABLED = "files";
const MINIMAL = [
  "notify: { syslog: false }",
  "sensors:",
  ...SENSORS.filter(({ name }) => name !== ENABLED).map(({ name }) => `  ${name}: { enabled: false }`),
].join("\n");
const FULL = `
notify: { syslog: false, webhook: { url: "http://127.0.0.1:9/", secret: "0123456789abcdef" } }
`;
const PROCESSES = ["sentry", "warden", "mind"] as const;
type Process = (typeof PROCESSES)[number];

/** By process: own files as \`src/...\` without the ending, packages by name. */
type Loaded = Readonly<Record<Process, ReadonlySet<string>>>;

const COMMON = ["bin", "src/processes", "src/wire", "src/lib", "src/linux", "src/model"];

let tree: Tree;
before(async () => {
  tree = await buildOwnTree(ROOT);
});
after(async () => {
  await tree[Symbol.asyncDispose]();
});

suite("a minimal configuration", () => {
  let loaded: Loaded;
  before(async () => {
    loaded = await startAndList(MINIMAL);
  });

  test("the sentry has loaded the enabled sensor alone, and no package but koffi", () => {
    const folders = ["src", "src/sentry", "src/sensors", "src/sensors/files", ...COMMON, "koffi"];
    assertOnly(loaded.sentry, folders);
    assert.ok(loaded.sentry.has("src/sensors/files/sensor"));
    assert.ok(!loaded.sentry.has("src/sensors/files/facts"), "what judges is loaded where it is only seen");
  });

  test("the warden has loaded actions and journal, and no package but koffi", () => {
    const actions = [...loaded.warden].filter((one) => one.startsWith("src/actions/")).map((one) => dirname(one));
    assertOnly(loaded.warden, ["src/warden", "src/journal", ...new Set(actions), ...COMMON, "koffi"]);
    assert.ok(loaded.warden.has("src/warden/warden"));
  });

  test("the mind has loaded the facts of the enabled sensor alone, and no notifier", () => {
    const mine = ["src", "src/mind", "src/judge", "src/ordinary", "src/store"];
    const actions = [...loaded.mind].filter((one) => one.startsWith("src/actions/")).map((one) => dirname(one));
    assertOnly(loaded.mind, [...mine, "src/sensors/files", ...new Set(actions), ...COMMON, "koffi", "diff"]);
    assert.ok(loaded.mind.has("src/sensors/files/facts"));
    assert.ok(!loaded.mind.has("src/sensors/files/sensor"), "what sees is loaded where it is only judged");
  });
});

suite("everything switched on, so that the above means something", () => {
  test("sentry and mind have loaded what was absent", async () => {
    const loaded = await startAndList(FULL);
    for (const name of ["listeners", "files", "secrets", "logs"]) {
      assert.ok(loaded.sentry.has(`src/sensors/${name}/sensor`), name);
      assert.ok(loaded.mind.has(`src/sensors/${name}/facts`), name);
    }
    assert.ok(loaded.mind.has("src/notify/notifier"));
  });
});

async function startAndList(config: string): Promise<Loaded> {
  await using traces = await makeTree({});
  const prefix = join(traces.root, "trace");
  // -D: garrison up stays our own child, and strace ends with it. -ff: one file a thread.
  const wrapper = ["strace", "-D", "-ff", "-qq", "-e", "trace=openat", "-o", prefix];
  const tasks = new Map<Process, readonly string[]>();
  {
    await using folder = await makeTree({});
    const program = join(tree.root, "dist/bin/garrison.js");
    await using host = await Host.start({ config, wrapper, program, folder: folder.root, early: true });
    await host.until(({ event }) => event === "watching", "watching");
    for (const name of PROCESSES) tasks.set(name, readdirSync(`/proc/${host.pidOf(`garrison-${name}`)}/task`));
  }
  const files = await tracesOf(traces.root);
  const opened = (name: Process): ReadonlySet<string> => {
    const own = files.filter((file) => tasks.get(name)?.includes(basename(file).slice("trace.".length)));
    return new Set(own.flatMap((file) => openedIn(readFileSync(file, "latin1"))));
  };
  return { sentry: opened("sentry"), warden: opened("warden"), mind: opened("mind") };
}

/** The traces, once strace has let go of all of them. */
async function tracesOf(folder: string): Promise<readonly string[]> {
  const isOpen = (): boolean => readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && holdsFileIn(pid, folder));
  await waitFor(() => !isOpen(), "the end of strace");
  return readdirSync(folder).map((name) => join(folder, name));
}

function holdsFileIn(pid: string, folder: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/comm`, "latin1") === "strace\n" &&
      readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(folder)
    );
  } catch {
    return false;
  }
}

/** Own files and packages that were opened for their code. */
function openedIn(trace: string): string[] {
  const paths = [...trace.matchAll(/^openat\(AT_FDCWD, "([^"]+\.(?:js|mjs|cjs|node))".*\) = \d+$/gm)].map(
    ([, path]) => path ?? "",
  );
  return paths.flatMap((path) => {
    const inPackage = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    if (inPackage !== null) return (inPackage[1] ?? "").startsWith("@koromix") ? ["koffi"] : [inPackage[1] ?? ""];
    const own = /\/((?:src|bin)\/.+)\.js$/.exec(path);
    return own === null ? [] : [own[1] ?? ""];
  });
}

/** Each loaded file lies directly in one of the folders, or is of one of the packages. */
function assertOnly(loaded: ReadonlySet<string>, places: readonly string[]): void {
  assert.ok(loaded.size > 10, `only ${loaded.size} files were seen to be opened`);
  const others = [...loaded].filter((one) => !places.includes(one.includes("/") ? dirname(one) : one));
  assert.deepEqual(others, []);
}
