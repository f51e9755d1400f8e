import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import { Config } from "./config.ts";
import type { ConfigTree } from "./config-tree.ts";
import { parseIni } from "./ini.ts";
import { parseParametrized, splitParametrized } from "./parameters.ts";
import { parseSeconds } from "./parse-seconds.ts";
import { readConfig } from "./read-ini-files.ts";
import { substituteTags } from "./substitute-tags.ts";

function treeOf(files: Readonly<Record<string, string>>): ConfigTree {
  return {
    read: (path) => files[path],
    names: (folder) =>
      Object.keys(files)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .sort(),
  };
}

function configOf(text: string): Config {
  const config = new Config();
  config.merge(parseIni(text, "x.conf"));
  return config;
}

test("parseIni() reads values of several lines, comments and both delimiters as configparser does", () => {
  const text = [
    "# comment",
    "[Definition]",
    "failregex = ^one$ ; not a part of it",
    "            ^two;three$",
    "            # a comment within",
    "",
    "            ^four$",
    "Other : x = y",
    "empty =",
    "[DEFAULT]",
    "a=1",
  ].join("\r\n");
  const file = parseIni(text, "x.conf");
  const section = file.sections.get("Definition");
  assert.deepEqual(section?.get("failregex"), { text: "^one$\n^two;three$\n\n^four$", file: "x.conf", line: 3 });
  assert.equal(section?.get("other")?.text, "x = y");
  assert.equal(section?.get("empty")?.text, "");
  assert.equal(file.defaults.get("a")?.text, "1");
});

const BROKEN: readonly (readonly [text: string, reason: RegExp])[] = [
  ["a = 1", /line 1: an option stands before the first section/],
  ["[A]\na = 1\na = 2", /line 3: option "a" is there twice/],
  ["[A]\n[A]", /line 2: section "A" is there twice/],
  ["[A]\nword", /line 2: "word" is no option/],
];
for (const [text, reason] of BROKEN) {
  test(`parseIni() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseIni(text, "x.conf"), reason);
  });
}

test("Config.get() interpolates names, sections, what was overridden, and percent signs", () => {
  const config = configOf(
    "[DEFAULT]\nbase = /var\n[A]\nx = %(base)s/%(y)s\ny = 100%%\nz = %(b/x)s %(__name__)s\n[b]\nx = b%(y)s",
  );
  assert.equal(config.get("A", "x").text, "/var/100%");
  assert.equal(config.get("A", "z").text, "b100% A");
  config.merge(parseIni("[A]\ny = more than %(known/y)s", "x.local"));
  assert.equal(config.get("A", "y").text, "more than 100%");
});

test("Config.get() refuses rings, what is not there, and growth without end", () => {
  assert.throws(() => configOf("[A]\nx = %(x)s").get("A", "x"), /10 levels deep/);
  assert.throws(() => configOf("[A]\nx = %(y)s").get("A", "x"), /"%\(y\)s" is not there/);
  assert.throws(() => configOf("[A]\nx = 5%").get("A", "x"), /neither "%%" nor/);
  const bomb = Array.from({ length: 9 }, (_, level) => `x${level} = ${`%(x${level + 1})s`.repeat(20)}`);
  assert.throws(() => configOf(`[A]\n${bomb.join("\n")}\nx9 = boom%%`).get("A", "x0"), /too often|longer than/);
});

test("readConfig() reads .conf, .d/*.conf, .local, .d/*.local and what they include, each over those before", () => {
  const tree = treeOf({
    "/f/jail.conf": "[INCLUDES]\nbefore = paths.conf\nafter = last.conf\n[a]\nx = conf\ny = conf",
    "/f/paths.conf": "[DEFAULT]\np = paths",
    "/f/paths.local": "[DEFAULT]\np = own paths",
    "/f/last.conf": "[a]\nz = last",
    "/f/jail.d/b.conf": "[a]\nx = b",
    "/f/jail.d/a.conf": "[a]\nx = a\ny = a",
    "/f/jail.local": "[a]\nx = local",
    "/f/jail.d/z.local": "[a]\nz = z",
  });
  const config = readConfig(tree, "/f", "jail");
  const values = ["x", "y", "z", "p"].map((name) => config?.get("a", name).text);
  assert.deepEqual(values, ["local", "a", "z", "own paths"]);
  assert.equal(readConfig(tree, "/f", "nothing"), null);
});

test("readConfig() does not follow a ring of includes for ever", () => {
  const ring = treeOf({ "/f/a.conf": "[INCLUDES]\nbefore = b.conf", "/f/b.conf": "[INCLUDES]\nbefore = a.conf" });
  assert.deepEqual(readConfig(ring, "/f", "a")?.sections, ["INCLUDES"]);
  const deep = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`/f/x${at}.conf`, `[INCLUDES]\nbefore = x${at + 1}.conf`]),
  );
  assert.throws(() => readConfig(treeOf(deep), "/f", "x0"), /10 levels deep/);
});

test("substituteTags() replaces tags within tags, looks others up and leaves unknown ones", () => {
  const options = new Map([
    ["mode", "normal"],
    ["failregex", "<mdre-<mode>> <HOST> <sec/opt>"],
    ["mdre-normal", "^<mode>$"],
  ]);
  const found = substituteTags(options, (name) => (name === "sec/opt" ? "other" : undefined));
  assert.equal(found.get("failregex"), "^normal$ <HOST> other");
  assert.throws(() => substituteTags(new Map([["a", "<a>"]]), () => undefined), /refers to itself by "<a>"/);
  const ring = new Map([
    ["a", "<b>x"],
    ["b", "<a>x"],
  ]);
  assert.throws(() => substituteTags(ring, () => undefined), GarrisonError);
});

test("parseParametrized() reads a name with parameters, quoted or not, in one list or several", () => {
  const { name, parameters } = parseParametrized(`sshd[mode=aggressive, x="a,b]", y='1'][z=2]`);
  assert.equal(name, "sshd");
  assert.deepEqual(
    [...parameters],
    [
      ["mode", "aggressive"],
      ["x", "a,b]"],
      ["y", "1"],
      ["z", "2"],
    ],
  );
  assert.throws(() => parseParametrized("x[=1]"), /"parameter=value" is wanted/);
  assert.throws(() => parseParametrized("[x]"), /is wanted/);
});

test("splitParametrized() parts actions at blanks and ends of lines, not within their parameters", () => {
  assert.deepEqual(splitParametrized('a[x="1 2", y=3]\n  b\nc[z=1]'), ['a[x="1 2", y=3]', "b", "c[z=1]"]);
});

const SPANS: readonly (readonly [text: string, seconds: number])[] = [
  ["600", 600],
  ["-1", -1],
  ["10m", 600],
  ["1d 2h", 93_600],
  ["1d12h", 129_600],
  ["1hour+30min", 5400],
  ["1year-6mo", 15_778_800],
  ["2 * 24h", 172_800],
  ["60*60*24", 86_400],
  ["(1h+1h)/2", 3600],
];
for (const [text, seconds] of SPANS) {
  test(`parseSeconds() reads "${text}" as ${seconds} s`, () => assert.equal(parseSeconds(text), seconds));
}

test("parseSeconds() refuses what is no span, and runs nothing", () => {
  for (const text of ["", "x", "1q", "1/0", "__import__('os')", "1 2)", "(1", "9".repeat(500)]) {
    assert.throws(() => parseSeconds(text), /Cannot read .* as a span/, text);
  }
});

test("parseIni(), Config and substituteTags() take any text, within their bounds", () => {
  const piece = fc.constantFrom(
    ..."[]=:;#%()s<> \n\tab",
    "[A]",
    "[DEFAULT]",
    "%(a)s",
    "%(A/a)s",
    "%(known/a)s",
    "%%",
    "<a>",
    "<b>",
    "a = ",
    "\nb = ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        const config = configOf(pieces.join(""));
        for (const section of config.sections) {
          const options = config
            .ownOptions(section)
            .map((name): [string, string] => [name, config.get(section, name).text]);
          substituteTags(new Map(options), () => undefined);
        }
      } catch (error) {
        assert.ok(error instanceof GarrisonError, String(error));
      }
    }),
    { numRuns: 800 },
  );
});
