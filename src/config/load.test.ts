import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { SENSORS } from "#src/features.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { type Config, loadConfig, parseConfig } from "./load.ts";

const PATH = "/etc/garrison/garrison.yaml";

function parse(text: string): Promise<Config> {
  return parseConfig(text, { path: PATH, host: "web1.example.com" });
}

async function openFolder(): Promise<AsyncDisposable & { readonly file: string }> {
  const path = await mkdtemp(join(tmpdir(), "garrison-config-"));
  return { file: join(path, "garrison.yaml"), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("loadConfig() gives the defaults when the default file is not there", async () => {
  await using folder = await openFolder();
  const config = await loadConfig({ path: folder.file, host: "web1.example.com" });
  assert.equal(config.source, "defaults");
  assert.equal(config.learnMs, 86_400_000);
  assert.equal(config.acceptForMs, 0);
  assert.deepEqual(config.store, { maxBytes: 209_715_200, keepAlertsMs: 7_776_000_000 });
  assert.deepEqual(
    Object.keys(config.sensors),
    SENSORS.filter((one) => one.enabledByDefault).map((one) => one.name),
  );
  assert.deepEqual(
    config.disabledSensors,
    SENSORS.filter((one) => !one.enabledByDefault).map((one) => one.name),
  );
  assert.deepEqual(config.sensors["listeners"], { goneAfterMs: 30_000, udpClientMs: 600_000 });
  assert.equal(config.sensors["files"]?.["scanEveryMs"], 60_000);
});

test("loadConfig() refuses to go on without a file that was named", async () => {
  await using folder = await openFolder();
  await assert.rejects(loadConfig({ path: folder.file, isExplicit: true, host: "h" }), {
    name: "GarrisonError",
    code: "GARRISON_CONFIG",
    message: `Cannot load "${folder.file}": there is no such file, expected the file that was named`,
  });
});

test("loadConfig() reads a file and says which", async () => {
  await using folder = await openFolder();
  await writeFile(folder.file, "learn: 7d\nsensors:\n  secrets:\n    enabled: false\n", { mode: 0o600 });
  const config = await loadConfig({ path: folder.file, isExplicit: true, host: "h" });
  assert.equal(config.source, folder.file);
  assert.equal(config.learnMs, 604_800_000);
  assert.deepEqual(config.disabledSensors, ["secrets"]);
  assert.equal(Object.hasOwn(config.sensors, "secrets"), false);
});

test("loadConfig() names the file in the error of its text", async () => {
  await using folder = await openFolder();
  await writeFile(folder.file, "# x\nlearn: 15\n", { mode: 0o600 });
  await assert.rejects(loadConfig({ path: folder.file, host: "h" }), {
    message: `Cannot load "${folder.file}" line 2: "learn" is 15, expected a text with a unit such as "15s"`,
  });
});

/** Configurations as admins write them, with what they lead to. */
const CONFIGS: readonly (readonly [what: string, text: string, check: (config: Config) => void])[] = [
  ["nothing", "", (config) => assert.equal(config.source, PATH)],
  ["comments only", "# learn: 1h\n", (config) => assert.equal(config.learnMs, 86_400_000)],
  [
    "sections whose keys are all commented out",
    "store:\n  # maxSize: 1 GiB\nnotify:\nsensors:\n  files:\n",
    (config) => assert.equal(config.store.maxBytes, 209_715_200),
  ],
  [
    "own times and sizes",
    'learn: 0s\nacceptFor: "30d"\nstore: {maxSize: 1 GiB, keepAlerts: 1w}\n',
    ({ learnMs, acceptForMs, store }) => {
      assert.deepEqual([learnMs, acceptForMs], [0, 2_592_000_000]);
      assert.deepEqual(store, { maxBytes: 1_073_741_824, keepAlertsMs: 604_800_000 });
    },
  ],
  [
    "more files to watch and some less",
    "sensors:\n  files:\n    paths:\n      - /srv/app/*.conf\n    ignore: [/etc/passwd]\n    scanEvery: 10m\n",
    ({ sensors }) => {
      const { watched, scanEveryMs } = sensors["files"] as unknown as {
        watched: { pattern: string }[];
        scanEveryMs: number;
      };
      const patterns = watched.map(({ pattern }) => pattern);
      assert.equal(patterns.at(-1), "/srv/app/*.conf");
      assert.equal(patterns.includes("/etc/passwd"), false);
      assert.equal(scanEveryMs, 600_000);
    },
  ],
  [
    "an alias for a list that is used twice",
    "sensors:\n  files: {paths: &own [/srv/key]}\n  secrets: {paths: *own}\n",
    ({ sensors }) => assert.ok((sensors["secrets"]!["patterns"] as string[]).includes("/srv/key")),
  ],
  [
    "every sensor switched off",
    `sensors: {${SENSORS.map(({ name }) => `${name}: {enabled: false}`).join(", ")}}`,
    ({ sensors, disabledSensors }) => {
      assert.deepEqual(sensors, {});
      assert.deepEqual(
        disabledSensors,
        SENSORS.map(({ name }) => name),
      );
    },
  ],
  [
    "JSON",
    '{"learn": "1h", "sensors": {"listeners": {"goneAfter": "5s"}}}',
    ({ sensors }) => assert.equal(sensors["listeners"]?.["goneAfterMs"], 5000),
  ],
  [
    "mail to an admin",
    "notify:\n  mail:\n    to: [root@example.com]\n",
    ({ notify }) => {
      assert.deepEqual(notify?.mail?.to, ["root@example.com"]);
      assert.match(notify?.mail?.from ?? "", /@web1\.example\.com$/);
    },
  ],
  ["nobody to be told", "notify: {syslog: false}\n", ({ notify }) => assert.equal(notify, null)],
  [
    "limits of levels",
    'levels: {limits: [{series: "packets-out account:*", above: 20000}]}',
    ({ levels }) => assert.deepEqual(levels, { limits: [{ series: "packets-out account:*", above: 20_000 }] }),
  ],
];

for (const [what, text, check] of CONFIGS) {
  test(`parseConfig() reads a configuration of ${what}`, async () => check(await parse(text)));
}

const at = (line: number, text: string): string => `Cannot load "${PATH}" line ${line}: ${text}`;
const TOP = 'expected one of "learn", "acceptFor", "store", "notify", "blocks", "levels", "sensors"';

/** Wrong configurations with the whole message. */
const WRONG: readonly (readonly [text: string, ...message: string[]])[] = [
  ["learn: 15", at(1, '"learn" is 15, expected a text with a unit such as "15s"')],
  ["\n\nlearn: '15'", at(3, '"learn" is "15", expected a text with a unit such as "15m" or "24h"')],
  ["learn: 1x", at(1, '"learn" is "1x", expected a text with a unit such as "15m" or "24h"')],
  ["learn: 20w1d11y", at(1, '"learn" is "20w1d11y", expected a text with a unit such as "15m" or "24h"')],
  ["learn: 4000d", at(1, '"learn" is "4000d", expected at most ten years')],
  ["learn:", at(1, '"learn" is empty, expected a text with a unit such as "15s"')],
  ["learn: [1h]", at(1, '"learn" is a list, expected a text with a unit such as "15s"')],
  ["learn: {a: 1h}", at(1, '"learn" is a section, expected a text with a unit such as "15s"')],
  ["learn: .inf", at(1, '"learn" is Infinity, expected a text with a unit such as "15s"')],
  ["lern: 1h", at(1, '"lern" is not known, did you mean "learn"?')],
  ["accept-for: 1h", at(1, '"accept-for" is not known, did you mean "acceptFor"?')],
  ["version: 1", at(1, `"version" is not known, ${TOP}`)],
  ["__proto__: {learn: 1h}", at(1, `"__proto__" is not known, ${TOP}`)],
  ["constructor: 1", at(1, `"constructor" is not known, ${TOP}`)],
  ["<<: {learn: 1h}", at(1, `"<<" is not known, ${TOP}`)],
  ['"a\\eb\\nc": 1', at(1, `"a\\x1bb\\x0ac" is not known, ${TOP}`)],
  ["store:\n  maxSize: 200", at(2, '"store.maxSize" is 200, expected a text with a unit such as "200 MiB"')],
  ["store:\n  maxSize: 200 MB", at(2, '"store.maxSize" is "200 MB", expected a text with a unit such as "200 MiB"')],
  ["store:\n  maxSize: 1 KiB", at(2, '"store.maxSize" is "1 KiB", expected at least "1 MiB"')],
  ["store: big", at(1, '"store" is "big", expected a section with keys of its own')],
  ["sensors: []", at(1, '"sensors" is a list, expected a section with keys of its own')],
  ["sensors:\n  listener: {}", at(2, '"sensors.listener" is not known, did you mean "listeners"?')],
  ["sensors:\n  files:\n    enabled: yes", at(3, '"sensors.files.enabled" is "yes", expected true or false')],
  ["sensors:\n  files:\n    enabled: 1", at(3, '"sensors.files.enabled" is 1, expected true or false')],
  [
    "sensors:\n  files:\n    # how often\n    scan_every: 1m",
    at(4, '"sensors.files.scan_every" is not known, did you mean "scanEvery"?'),
  ],
  ["sensors:\n  files:\n    paths: /etc/x", at(3, '"sensors.files.paths" is "/etc/x", expected a list')],
  [
    "sensors:\n  files:\n    paths:\n      - /etc/x\n      - etc/y",
    at(5, '"sensors.files.paths[1]" is "etc/y", expected an absolute path such as "/etc/cron.d/*" or "/etc/pam.d/**"'),
  ],
  ["sensors:\n  files:\n    paths: [/a, {b: 1}]", at(3, '"sensors.files.paths[1]" is a section, expected a text')],
  [
    `sensors: {files: {paths: [${"/a, ".repeat(1001)}]}}`,
    at(1, '"sensors.files.paths" is a list, expected at most 1000 items'),
  ],
  [
    "notify:\n  mail:\n    password: 12345\n    to: [a@example.com]\n    user: b",
    at(3, '"notify.mail.password" is ********, expected a text'),
  ],
  [
    "notify:\n  mail:\n    passwort: hunter2\n    to: [a@example.com]",
    at(3, '"notify.mail.passwort" is not known, did you mean "password"?'),
  ],
  ["notify:\n  mail:\n    to: []", at(3, '"notify.mail.to" is a list, expected at least 1 item')],
  ["notify:\n  mail: {host: localhost}", at(2, '"notify.mail.to" is missing, expected a list')],
  [
    "notify:\n  immediateFrom: hihg",
    at(2, '"notify.immediateFrom" is "hihg", expected one of "low", "medium", "high", "critical"'),
  ],
  ["- learn: 1h", `Cannot load "${PATH}": the file is a list, expected a section with keys of its own`],
  ["hunter2", `Cannot load "${PATH}": the file is a text, expected a section with keys of its own`],
  ["42", `Cannot load "${PATH}": the file is a number, expected a section with keys of its own`],
  ["learn: 1h\nlearn: 2h", at(2, '"learn" is there twice, expected once')],
  ["learn: 1h\n---\nlearn: 2h", at(2, "a second document begins, expected one")],
  ["learn: *x", at(1, 'a value begins with "*", expected quotes around such a text')],
  [
    "foo: 1\nsensors:\n  files: {scanEvry: 1m, paths: [1]}\nlearn: 15\nstore:\n  maxSize: x",
    at(1, `"foo" is not known, ${TOP}`),
    at(3, '"sensors.files.paths[0]" is 1, expected a text'),
    at(3, '"sensors.files.scanEvry" is not known, did you mean "scanEvery"?'),
    at(4, '"learn" is 15, expected a text with a unit such as "15s"'),
    at(6, '"store.maxSize" is "x", expected a text with a unit such as "200 MiB"'),
  ],
];

for (const [text, ...message] of WRONG) {
  test(`parseConfig() refuses ${JSON.stringify(text.slice(0, 60))}`, async () => {
    await assert.rejects(parse(text), { name: "GarrisonError", code: "GARRISON_CONFIG", message: message.join("\n") });
  });
}

test("parseConfig() tells of a section whose keys contradict each other at its line", async () => {
  await assert.rejects(parse("learn: 1h\nnotify:\n  mail:\n    to: [a@example.com]\n    user: b\n"), (error: Error) =>
    error.message.startsWith(at(3, '"notify.mail": ')),
  );
});

test("parseConfig() counts the problems that it does not list", async () => {
  const text = Array.from({ length: 25 }, (_, index) => `zz${index}: 1\n`).join("");
  await assert.rejects(parse(text), (error: Error) => {
    const lines = error.message.split("\n");
    assert.equal(lines.length, 21);
    assert.equal(lines[20], "(5 more)");
    return true;
  });
});

test("effectiveYaml lists every setting with its unit, what was written before what is the default", async () => {
  const { effectiveYaml } = await parse("store: {maxSize: 1 GiB}\nsensors: {listeners: {goneAfter: 1m30s}}\n");
  assert.ok(
    effectiveYaml.startsWith("learn: 24h\nacceptFor: 0s\nstore:\n  maxSize: 1 GiB\n  keepAlerts: 90d\nnotify:\n"),
  );
  assert.ok(effectiveYaml.includes("\n  listeners:\n    enabled: true\n    goneAfter: 1m30s\n    udpClient: 10m\n"));
});

test("effectiveYaml shows no password, no secret and no path of a webhook", async () => {
  const { effectiveYaml, notify } = await parse(
    [
      "notify:",
      "  mail: {to: [a@example.com], host: localhost, user: garrison, password: hunter2hunter2}",
      "  webhook: {url: 'https://hooks.example.com/services/hunter2', secret: hunter2hunter2hunter2}",
    ].join("\n"),
  );
  assert.equal(notify?.mail?.password, "hunter2hunter2");
  assert.equal(notify?.webhook?.secret, "hunter2hunter2hunter2");
  assert.doesNotMatch(effectiveYaml, /hunter2/);
  assert.match(effectiveYaml, / {4}user: garrison\n {4}password: "\*{8}"\n/);
  assert.match(effectiveYaml, / {4}url: https:\/\/hooks\.example\.com\/\*{8}\n {4}secret: "\*{8}"\n/);
});

const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });
const span = fc
  .tuple(fc.integer({ min: 1, max: 99 }), fc.constantFrom("s", "m", "h", "d"))
  .map(([amount, unit]) => `${amount}${unit}`);
const pathList = fc.array(fc.stringMatching(/^\/[a-z?."' #:-]{0,8}x\*?$/), { maxLength: 5 });
const GOOD = fc.record({
  learn: maybe(span),
  acceptFor: maybe(span),
  store: maybe(
    fc.record({
      maxSize: maybe(fc.integer({ min: 1, max: 900 }).map((amount) => `${amount} MiB`)),
      keepAlerts: maybe(span),
    }),
  ),
  notify: maybe(fc.record({ syslog: maybe(fc.boolean()) })),
  sensors: maybe(
    fc.record({
      listeners: maybe(fc.record({ enabled: maybe(fc.boolean()), goneAfter: maybe(span) })),
      files: maybe(fc.record({ enabled: maybe(fc.boolean()), paths: maybe(pathList), scanEvery: maybe(span) })),
      secrets: maybe(fc.record({ paths: maybe(pathList) })),
    }),
  ),
});

test("effectiveYaml is a configuration that leads to the same", async () => {
  await fc.assert(
    fc.asyncProperty(GOOD, async (written) => {
      const config = await parse(stringify(written));
      const again = await parse(config.effectiveYaml);
      assert.deepEqual(again, config);
    }),
  );
});

async function isConfigOrRefused(text: string): Promise<void> {
  try {
    const config = await parse(text);
    assert.equal(config.source, PATH);
  } catch (error) {
    assert.ok(error instanceof GarrisonError, String(error));
    assert.equal(error.code, "GARRISON_CONFIG");
    for (const line of error.message.split("\n")) {
      assert.match(line, /^(?:Cannot load "\/etc\/garrison\/garrison\.yaml"(?: line \d+)?: .+|\(\d+ more\))$/);
      assert.ok(line.length < 2000);
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
    }
  }
}

const KEYS = [
  "learn",
  "acceptFor",
  "store",
  "maxSize",
  "notify",
  "mail",
  "to",
  "webhook",
  "url",
  "sensors",
  "files",
  "secrets",
  "listeners",
  "enabled",
  "paths",
  "scanEvery",
  "__proto__",
  "x",
];
const tree = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, 15, "15s", "200 MiB", "/a", "", "a@b.c", -1, 1e300),
    fc.array(tie("node"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie("node"), { maxKeys: 5 }),
  ),
})).node;

test("parseConfig() gives a Config or GARRISON_CONFIG for any tree of known and unknown keys", async () => {
  await fc.assert(
    fc.asyncProperty(tree, (value) => isConfigOrRefused(stringify(value))),
    { numRuns: 300 },
  );
});

test("parseConfig() gives a Config or GARRISON_CONFIG for any text", async () => {
  const pieces = fc.array(
    fc.constantFrom(
      ...KEYS,
      ": ",
      "\n",
      "  ",
      "- ",
      "{",
      "}",
      "[",
      "]",
      ",",
      "&a ",
      "*a ",
      "15s",
      '"',
      "#",
      "\t",
      "\x1b",
      "\u202e",
    ),
    { maxLength: 30 },
  );
  const text = fc.oneof(
    pieces.map((one) => one.join("")),
    fc.string({ unit: "binary", maxLength: 200 }),
  );
  await fc.assert(fc.asyncProperty(text, isConfigOrRefused), { numRuns: 500 });
});

test("parseConfig() refuses huge lists and sections within bounds of time", async () => {
  const lists = `&a [${"/a,".repeat(9000)}]`;
  const bombs = [
    `sensors: {files: {paths: ${lists}, ignore: *a}}`,
    Array.from({ length: 15_000 }, (_, index) => `learnn${index}: 1\n`).join(""),
    `sensors: {files: {paths: [${"1,".repeat(15_000)}]}}`,
    `learn: "${"x".repeat(1_000_000)}"`,
    `${"x".repeat(1000)}: 1`,
    `sensors: {files: {panelPrefix: "${"x".repeat(1_000_000)}"}}`,
  ];
  for (const text of bombs) {
    const startedMs = performance.now();
    await assert.rejects(parse(text), { code: "GARRISON_CONFIG" });
    await isConfigOrRefused(text);
    assert.ok(performance.now() - startedMs < 5000);
  }
});
