import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, HostKnowledge, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import { facts } from "./facts.ts";

const HOST: HostKnowledge = { members: () => [], membersOf: () => [], packageOf: () => null };
const FILE: JsonObject = {
  type: "file",
  mode: "0644",
  uid: 0,
  gid: 0,
  sizeBytes: 4,
  xattrs: {},
  flags: [],
  mtimeMs: 2000,
  ctimeMs: 2000,
  inode: "1",
  links: 1,
  sha256: "aa",
  text: "one\n",
  secret: false,
};
const LINK: JsonObject = {
  type: "link",
  mode: "0777",
  uid: 0,
  gid: 0,
  xattrs: {},
  flags: [],
  target: "../x",
  targetType: "file",
  targetMode: "0644",
  targetUid: 0,
  targetGid: 0,
  targetSha256: "aa",
  secret: false,
};

function judge(path: string, before: JsonObject | null, now: JsonObject | null): Verdict[] {
  const type = before === null ? "created" : now === null ? "deleted" : "changed";
  const observation = {
    sensor: "files",
    type: "record" as const,
    key: path,
    group: path,
    subject: { type: "file" as const, path },
    facts: now,
    who: null,
    atUnixMs: 0,
    scanned: false,
  };
  const change: Change = { type, observation, before, fields: differingFields(before ?? {}, now ?? {}) };
  const verdicts = facts.judge(change, HOST);
  return verdicts === null ? [] : ([verdicts].flat() as Verdict[]);
}

function differingFields(before: JsonObject, now: JsonObject): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.filter(
    (name) => !facts.informative?.includes(name) && JSON.stringify(before[name]) !== JSON.stringify(now[name]),
  );
}

const CHANGES = [
  ["/etc/hosts", FILE, { ...FILE, mode: "0666" }, "file.mode", "critical"],
  ["/etc/hosts", FILE, { ...FILE, mode: "0600" }, "file.mode", "medium"],
  ["/etc/hosts", FILE, { ...FILE, mode: "4755" }, "file.mode", "critical"],
  ["/etc/hosts", FILE, { ...FILE, uid: 1000 }, "file.owner", "critical"],
  ["/etc/hosts", FILE, { ...FILE, gid: 1000 }, "file.owner", "medium"],
  ["/etc/hosts", FILE, { ...FILE, sha256: "bb", text: "two\n" }, "file.content", "medium"],
  ["/etc/hosts", FILE, { ...FILE, flags: ["immutable"] }, "file.attributes", "low"],
  ["/etc/hosts", FILE, { ...FILE, flags: ["mounted-over"], sha256: "bb" }, "file.content", "high"],
  ["/etc/hosts", FILE, { ...FILE, xattrs: { "user.x": "31" } }, "file.attributes", "low"],
  ["/usr/bin/x", FILE, { ...FILE, capabilities: "cap_net_raw=ep" }, "file.attributes", "high"],
  ["/usr/bin/x", FILE, { ...FILE, capabilities: "cap_net_raw,cap_setuid=ep" }, "file.attributes", "critical"],
  ["/etc/passwd", FILE, { ...FILE, sha256: "bb" }, "file.content", "high"],
  ["/etc/shadow", { ...FILE, mode: "0640", secret: true }, { ...FILE, secret: true }, "file.mode", "critical"],
  ["/etc/ld.so.preload", null, FILE, "file.created", "critical"],
  ["/etc/cron.d/x", null, FILE, "file.created", "medium"],
  ["/etc/cron.d/x", null, { ...FILE, mode: "0666" }, "file.created", "critical"],
  ["/root/.ssh/authorized_keys", null, FILE, "file.created", "high"],
  ["/etc/cron.d/x", FILE, null, "file.deleted", "medium"],
  ["/etc/sudoers.d/x", FILE, null, "file.deleted", "high"],
  ["/etc/systemd/system/x.service", LINK, { ...LINK, targetSha256: "bb" }, "file.content", "medium"],
  ["/etc/systemd/system/x.service", LINK, { ...LINK, target: "/tmp/x" }, "file.content", "medium"],
  ["/etc/systemd/system/x.service", LINK, { ...LINK, targetMode: "0666" }, "file.mode", "critical"],
  ["/etc/systemd/system/x.service", LINK, { ...LINK, targetUid: 7 }, "file.owner", "critical"],
  ["/etc/systemd/system/x.service", FILE, LINK, "file.content", "medium"],
  ["/etc/cron.d/x", FILE, { type: "unreadable", reason: "EACCES" }, "file.content", "medium"],
  ["/run/x", null, { ...FILE, type: "socket", mode: "0777" }, "file.created", "medium"],
  ["/etc/systemd/system/x.d", null, { ...FILE, type: "folder", mode: "2755" }, "file.created", "medium"],
] as const;

test("each difference of a file is one alert of its kind and gravity", () => {
  for (const [path, before, now, kind, severity] of CHANGES) {
    const verdicts = judge(path, before, now);
    assert.deepEqual(
      verdicts.map((one) => [one.kind, one.severity]),
      [[kind, severity]],
      `${path} ${JSON.stringify(now)}`,
    );
    assert.ok(kind in facts.kinds);
  }
});

test("several differences at once are one alert that names all of them", () => {
  const [verdict] = judge("/etc/hosts", FILE, { ...FILE, mode: "0666", uid: 7, sha256: "bb" });
  assert.equal(verdict?.observed, "/etc/hosts: mode 0644 to 0666, other content, uid 0 to 7");
  assert.deepEqual(verdict?.evidence["changed"], ["mode", "sha256", "uid"]);
});

test("a change of text is shown as a diff; a secret's never", () => {
  const now = { ...FILE, sha256: "bb", text: "one\ntwo\n" };
  assert.equal(judge("/etc/hosts", FILE, now)[0]?.evidence["diff"], "@@ line 1 @@\n one\n+two");
  assert.equal(judge("/etc/hosts", { ...FILE, secret: true }, { ...now, secret: true })[0]?.evidence["diff"], null);
  assert.ok(!JSON.stringify(judge("/etc/hosts", FILE, now)[0]?.evidence["before"]).includes("text"));
});

test("new content that claims to be older is evidence of a clock set back", () => {
  assert.equal(judge("/etc/hosts", FILE, { ...FILE, sha256: "bb", mtimeMs: 1000 })[0]?.evidence["mtimeSetBack"], true);
  assert.equal(
    judge("/etc/hosts", FILE, { ...FILE, mode: "0600", mtimeMs: 1000 })[0]?.evidence["mtimeSetBack"],
    undefined,
  );
});

test("the next command restores mode and owner, and quotes the path", () => {
  assert.deepEqual(judge("/etc/a b", FILE, { ...FILE, mode: "0600" })[0]?.next, [
    "garrison actions restore-file-attributes ALERT",
    "stat -- '/etc/a b'",
  ]);
  assert.deepEqual(judge("/etc/it's", FILE, { ...FILE, sha256: "bb" })[0]?.next, [`stat -- '/etc/it'\\''s'`]);
  assert.deepEqual(judge("/etc/x", null, FILE)[0]?.next, ["stat -- /etc/x"]);
  assert.deepEqual(judge("/etc/x", LINK, { ...LINK, targetMode: "0600" })[0]?.next, ["stat -- /etc/x"]);
});

const RESELLERS = "/opt/fixture/var/cpanel/resellers";
const withText = (text: string, more: JsonObject = {}): JsonObject => ({
  ...FILE,
  text,
  sha256: text,
  sizeBytes: text.length,
  ...more,
});
const BEFORE = withText("kim:list-accts,add-pkg\nlee:\n");

const RESELLER_CHANGES = [
  ["kim:all,list-accts,add-pkg\nlee:\n", [["reseller.privilege", "critical", "reseller kim was given root (ACL all)"]]],
  ["kim:list-accts,add-pkg\nlee:all\n", [["reseller.privilege", "critical", "reseller lee was given root (ACL all)"]]],
  [
    "kim:list-accts,add-pkg\nlee:\nmallory:all\n",
    [["reseller.privilege", "critical", "reseller mallory was given root (ACL all)"]],
  ],
  ["kim:list-accts,add-pkg,kill-acct\nlee:\n", [["reseller.privilege", "high", "reseller kim was given kill-acct"]]],
  ["kim:list-accts,add-pkg,news\nlee:\n", [["reseller.privilege", "medium", "reseller kim was given news"]]],
  [
    "kim:list-accts,add-pkg,software-ConfigServer-csf\nlee:\n",
    [["reseller.privilege", "low", "reseller kim was given software-ConfigServer-csf"]],
  ],
  [
    "kim:list-accts,add-pkg,software-x,all\nlee:all\n",
    [
      ["reseller.privilege", "critical", "reseller kim was given root (ACL all)"],
      ["reseller.privilege", "critical", "reseller lee was given root (ACL all)"],
    ],
  ],
  ["lee:\nkim:add-pkg,list-accts\n", [["file.content", "low", `${RESELLERS}: other content`]]],
  ["kim:list-accts\n", [["file.content", "low", `${RESELLERS}: other content, sizeBytes 28 to 15`]]],
  [" kim : all \nlee:\n", [["reseller.privilege", "critical", "reseller kim was given root (ACL all)"]]],
] as const;

test("a reseller that gains an ACL is told by name; all is root; a plug-in's own ACL is a small matter", () => {
  for (const [text, expected] of RESELLER_CHANGES) {
    const verdicts = judge(RESELLERS, BEFORE, withText(text));
    assert.deepEqual(
      verdicts.map(({ kind, severity, observed }) => [kind, severity, observed]),
      expected,
      text,
    );
  }
});

test("a resellers file that comes into being with root in it is told so", () => {
  assert.equal(judge(RESELLERS, null, withText("kim:all\n"))[0]?.severity, "critical");
  assert.deepEqual(
    judge(RESELLERS, null, withText("")).map(({ kind, severity }) => [kind, severity]),
    [["file.created", "medium"]],
  );
});

test("whatever else changes with the resellers is told too", () => {
  const verdicts = judge(RESELLERS, BEFORE, withText("kim:all,list-accts,add-pkg\nlee:\n", { mode: "0666" }));
  assert.deepEqual(
    verdicts.map(({ kind, severity }) => [kind, severity]),
    [
      ["reseller.privilege", "critical"],
      ["file.mode", "critical"],
    ],
  );
});

test("a resellers file whose text is not known is judged as a grave file", () => {
  const { text: _text, ...now } = withText("kim:all\n");
  assert.deepEqual(
    judge(RESELLERS, BEFORE, now).map(({ kind, severity }) => [kind, severity]),
    [["file.content", "high"]],
  );
});

test("describe() names what a record says", () => {
  assert.equal(
    facts.describe?.({ ...FILE, flags: ["immutable"] }),
    "is a file of mode 0644, owner 0:0, 4 bytes, immutable",
  );
  assert.equal(facts.describe?.(LINK), "is a link to ../x of mode 0777, owner 0:0");
  assert.equal(facts.describe?.({ type: "unreadable", reason: "EACCES" }), "cannot be read (EACCES)");
});
