import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { settings, toOptions } from "#src/blocks/config.ts";
import { type CsfImport, importCsf } from "./import-csf.ts";
import type { CsfReader } from "./place.ts";
import { renderCsfText, renderCsfYaml } from "./render.ts";
import { fateOf, knownSettings } from "./settings-table.ts";

const TREE = join(import.meta.dirname, "testdata");
// An hour and a minute behind the start of the temporary entries.
const NOW = (1_795_351_306 + 3660) * 1000;

const tree: CsfReader = {
  read: (path) => (existsSync(join(TREE, path)) ? readFileSync(join(TREE, path), "utf8") : null),
};

function importOf(files: Readonly<Record<string, string>>): CsfImport {
  return importCsf({ read: (path) => files[path] ?? null }, { nowUnixMs: NOW });
}

test("importCsf() takes over who is allowed, also from included files and csf.ignore", () => {
  const { allow } = importCsf(tree, { nowUnixMs: NOW });
  assert.deepEqual(
    allow.map(({ network, wasForPorts }) => [network, wasForPorts]),
    [
      ["208.74.123.98/32", false],
      ["192.0.2.10/32", false],
      ["198.51.100.0/24", false],
      ["2001:db8:51::/48", false],
      ["203.0.113.7/32", true],
      ["127.0.0.1/32", false],
      ["192.0.2.10/32", false],
    ],
  );
  assert.deepEqual(allow[0]?.place, { file: "/etc/csf/cpanel.allow", line: 1 });
});

test("importCsf() takes over blocks with ports, reason and end", () => {
  const { blocks, expired } = importCsf(tree, { nowUnixMs: NOW });
  assert.deepEqual(
    blocks.map(({ network, ports, untilUnixMs }) => [
      network,
      ports.join(),
      untilUnixMs === null ? null : untilUnixMs - NOW,
    ]),
    [
      ["203.0.113.5/32", "", null],
      ["203.0.113.64/26", "", null],
      ["2001:db8:bad::1/128", "", null],
      ["192.0.2.99/32", "25,465,587", null],
      ["192.0.2.98/32", "22", null],
      ["198.51.100.77/32", "", null],
      ["203.0.113.20/32", "", 82_740_000],
      ["203.0.113.21/32", "22,2222", 3_540_000],
      ["203.0.113.24/32", "25", 82_740_000],
    ],
  );
  assert.equal(blocks[1]?.isKept, true);
  assert.match(blocks[0]?.reason ?? "", /^lfd: \(sshd\) Failed SSH login from 203\.0\.113\.5 /);
  assert.equal(blocks[6]?.reason, "lfd - (mod_security) mod_security (id:942100) triggered by 203.0.113.20|x");
  assert.equal(expired, 1);
});

test("importCsf() makes a policy of the thresholds and says what it does otherwise", () => {
  const { thresholds } = importCsf(tree, { nowUnixMs: NOW });
  assert.deepEqual(thresholds?.policy, {
    points: 5,
    withinMs: 3_600_000,
    firstMs: 3_600_000,
    // Three times nine is longer than 30 days of hours.
    factor: 9,
    longestMs: 30 * 86_400_000,
    networkAt: 5,
  });
  assert.deepEqual(
    thresholds?.triggers.map(({ setting, points, blockMs }) => [setting, points, blockMs]),
    [
      ["LF_SSHD", 5, 3_600_000],
      ["LF_FTPD", 10, null],
      ["LF_SMTPAUTH", 5, null],
      ["LF_MODSEC", 5, null],
    ],
  );
  assert.equal(thresholds?.notes.length, 2);
});

test("importCsf() counts all services together where LF_TRIGGER does, and blocks no class wider than C", () => {
  const conf =
    'LF_TRIGGER = "8"\nLF_TRIGGER_PERM = "1"\nLF_SSHD = "1"\nLF_NETBLOCK = "1"\nLF_NETBLOCK_CLASS = "A"\nTESTING = "1"\n';
  const { thresholds, isTesting } = importOf({ "/etc/csf/csf.conf": conf });
  assert.equal(thresholds?.policy.points, 8);
  assert.equal(thresholds?.policy.networkAt, 0);
  assert.equal(thresholds?.policy.firstMs, thresholds?.policy.longestMs);
  assert.match(thresholds?.notes.join("\n") ?? "", /wider than a \/24/);
  assert.equal(isTesting, true);
});

test("importCsf() takes over lists that can be fetched, by https alone", () => {
  const { lists } = importCsf(tree, { nowUnixMs: NOW });
  assert.deepEqual(
    lists.map(({ name, from, wasHttp, everyMs, maxEntries }) => [name, from, wasHttp, everyMs, maxEntries]),
    [
      ["spamdrop", "https://www.spamhaus.example/drop/drop.txt", false, 86_400_000, null],
      ["bde-all", "https://lists.blocklist.example/lists/all.txt", true, 3_600_000, 1000],
      ["global-deny", "https://lists.example.net/deny.txt", false, 7_200_000, null],
    ],
  );
});

test("importCsf() names what it leaves out, and why, with file and line", () => {
  const { leftOut } = importCsf(tree, { nowUnixMs: NOW });
  assert.deepEqual(
    leftOut.map(({ place, why }) => `${place.file.split("/").at(-1)}:${place.line} ${why}`),
    [
      "csf.allow:9 outgoing packets are not filtered",
      "csf.allow:10 a filter by user of outgoing packets",
      'csf.ignore:4 "admin.example.net" is a name, and names are not looked up',
      "csf.deny:7 a block has at most 15 ports, and this has 1001",
      "csf.deny:8 ICMP is not filtered by type",
      "csf.deny:9 a filter by the port of the other side",
      'csf.deny:13 "bad.example.net" is a name, and names are not looked up',
      "csf.tempban:4 outgoing packets are not filtered",
      "csf.blocklists:4 archives are not unpacked: name a plain text of the same list",
      "csf.tempallow:1 blocks.allow has no time limit: add it by hand and take it away again",
      "csf.rignore:2 names are not looked up: add the addresses of these clients to blocks.allow",
    ],
  );
});

test("importCsf() names what it cannot read or believe, with file and line", () => {
  const { problems } = importCsf(tree, { nowUnixMs: NOW });
  assert.deepEqual(
    problems.map(({ place, message }) => `${place.file.split("/").at(-1)}:${place.line} ${message}`),
    [
      'cpanel.allow:2 "/etc/csf/csf.allow" is included twice',
      'csf.deny:11 "203.0.113.300" is neither an address nor a network nor a filter',
      'csf.deny:12 "010.0.0.1" is neither an address nor a network nor a filter',
      'csf.tempban:6 "no entry" is no entry "start|address|ports|direction|seconds|reason"',
      'csf.blocklists:5 "SPAMDROP" is listed a second time, and the first counts',
      'csf.blocklists:6 "broken line" is no list "NAME|INTERVAL|MAX|URL"',
      "csf.deny:10 198.51.100.77/32 is both allowed and denied: Garrison does not block what is allowed",
    ],
  );
});

test("importCsf() knows each setting, hides secrets, and passes over what is off", () => {
  const { settings: reports } = importCsf(tree, { nowUnixMs: NOW });
  const fateFor = (name: string): string | undefined => reports.find((one) => one.name === name)?.fate;
  assert.equal(fateFor("LF_SSHD"), "taken");
  assert.equal(fateFor("LF_DISTATTACK"), "other");
  assert.equal(fateFor("CC_DENY"), "not");
  assert.equal(fateFor("CC_ALLOW"), "off");
  assert.equal(reports.find(({ name }) => name === "CLUSTER_KEY")?.value, "(secret)");
  assert.deepEqual(
    reports.filter(({ fate }) => fate === "unknown"),
    [],
  );
  const { settings: other } = importOf({ "/etc/csf/csf.conf": 'LF_NEWEST = "1"\n' });
  assert.equal(other[0]?.fate, "unknown");
});

test("fateOf() knows the settings of csf 15.10", () => {
  assert.equal(knownSettings().length, 448);
  assert.equal(new Set(knownSettings()).size, 448);
  for (const name of ["TESTING", "LF_SSHD_PERM", "CC_DENY_PORTS_UDP", "PORTS_sshd", "DEBUG"])
    assert.notEqual(fateOf(name), null, name);
  assert.equal(fateOf("RELAYHOOK"), null);
  assert.equal(fateOf("constructor"), null);
});

test("renderCsfYaml() is a section that Garrison's own configuration takes", () => {
  const found = importCsf(tree, { nowUnixMs: NOW });
  const text = renderCsfYaml(found);
  const { blocks } = parse(text) as { blocks: unknown };
  const options = toOptions(settings.parse(blocks));
  assert.equal(options.mode, "observe");
  assert.deepEqual(options.policy, found.thresholds?.policy);
  assert.equal(options.allow.length, 6);
  assert.deepEqual(
    options.lists.map(({ name, everyMs }) => [name, everyMs]),
    [
      ["spamdrop", 86_400_000],
      ["bde-all", 3_600_000],
      ["global-deny", 7_200_000],
    ],
  );
  assert.match(text, /"203\.0\.113\.7\/32" # \/etc\/csf\/csf\.allow:8, was for some ports, monitoring\n/);
});

test("renderCsfText() tells all of it", () => {
  const text = renderCsfText(importCsf(tree, { nowUnixMs: NOW }));
  for (const wanted of [
    /^ {2}7 addresses allowed: never blocked$/m,
    /^ {2}9 blocks, 3 of them for a time$/m,
    /^ {2}5 points within 1 h block for 1 h, each further block 9 times as long, at most 30 d$/m,
    /^ {2}TCP_IN: 20 21 22 .* 30000:30010 /m,
    /^ {2}CC_DENY = "XX,YY": countries are not told from addresses/m,
    /^ {2}BLOCK_REPORT = "\/usr\/local\/bin\/report\.sh": no program is started by what a log says$/m,
    /^ {2}\/etc\/csf\/csf\.deny:11: "203\.0\.113\.300" is neither/m,
  ])
    assert.match(text, wanted);
  assert.doesNotMatch(text, /very secret/);
});

test("importCsf() of a host without CSF finds nothing", () => {
  const found = importOf({});
  assert.equal(found.thresholds, null);
  assert.deepEqual([found.allow, found.blocks, found.lists, found.problems, found.leftOut], [[], [], [], [], []]);
});

test("importCsf() follows no Include out of bounds, in a ring or to what cannot be read", () => {
  const files: Record<string, string> = {
    "/etc/csf/csf.deny": "Include /etc/csf/../shadow\nInclude relative\nInclude /a\n",
  };
  for (let at = 0; at < 150; at++) files[`/${"a".repeat(at + 1)}`] = `Include /${"a".repeat(at + 2)}\n192.0.2.1\n`;
  const found = importOf(files);
  assert.ok(found.blocks.length >= 90 && found.blocks.length <= 100, String(found.blocks.length));
  assert.equal(found.problems.length, 3);
  const broken = importCsf(
    {
      read: () => {
        throw new Error("EACCES: permission denied");
      },
    },
    { nowUnixMs: NOW },
  );
  assert.ok(broken.problems.some(({ message }) => message.startsWith('Cannot read "/etc/csf/csf.deny": EACCES')));
});

test("importCsf() escapes what a line holds wherever it is shown", () => {
  const nasty = "x\x1b[31m\u202e\"'\r# - {a: b}";
  const found = importOf({
    "/etc/csf/csf.deny": `192.0.2.1 # ${nasty}\n${nasty}\n`,
    "/etc/csf/csf.allow": `192.0.2.2 # ${nasty}\n`,
    "/etc/csf/csf.conf": `LF_NEW = "${nasty.replaceAll('"', "")}"\n${nasty}\n`,
    "/etc/csf/csf.rignore": nasty,
  });
  assert.equal(found.problems.length, 2);
  for (const text of [renderCsfText(found), renderCsfYaml(found)]) assert.match(text, /^[\n\x20-\x7e]*$/);
  assert.deepEqual((parse(renderCsfYaml(found)) as { blocks: { allow: string[] } }).blocks.allow, ["192.0.2.2/32"]);
});

test("importCsf() loses no line of any text: each is taken, left out or a problem", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }).map((text) => text.replaceAll("\n", "")),
    fc.constantFrom(
      "tcp|in|d=22|s=192.0.2.1",
      "192.0.2.1 # x",
      "2001:db8::/32",
      "s=1|s=2",
      "|||",
      "Include",
      "u=99",
      "tcp|out|d=80||u=99",
      "9.9.9.9/33",
    ),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const wanted = lines.filter(
        (one) => one.trim() !== "" && !one.trim().startsWith("#") && !/^include\s/i.test(one.trim()),
      );
      const found = importOf({ "/etc/csf/csf.deny": lines.join("\n") });
      const told = new Set([...found.blocks, ...found.leftOut, ...found.problems].map(({ place }) => place.line));
      assert.ok(told.size >= wanted.length, JSON.stringify(lines));
    }),
  );
});
