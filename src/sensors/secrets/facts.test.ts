import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, HostKnowledge, Verdict } from "#src/judge/contract.ts";
import { parsePathPattern } from "#src/lib/path-pattern.ts";
import type { JsonObject } from "#src/model/json.ts";
import { settings, toOptions } from "./config.ts";
import { facts } from "./facts.ts";

const SHADOW = "/etc/shadow";
const SSHD = {
  path: SHADOW,
  exe: "/usr/sbin/sshd",
  exeSha256: "aa",
  uid: 0,
  parentExe: "/usr/lib/systemd/systemd",
  unit: "ssh.service",
  how: "read",
};
const CAT = { ...SSHD, exe: "/usr/bin/cat", exeSha256: "bb", parentExe: "/usr/bin/bash", unit: null };

function change(seen: JsonObject | null, type: Change["type"] = "new", path = SHADOW): Change {
  const observation = {
    sensor: "secrets",
    type: type === "new" ? ("present" as const) : ("record" as const),
    key: type === "new" ? "k" : path,
    group: type === "new" ? path : "/etc/*",
    subject: { type: "file" as const, path },
    facts: seen,
    who: null,
    atUnixMs: 0,
    scanned: false,
  };
  return { type, observation, before: null, fields: [] };
}

function host(...readers: JsonObject[]): HostKnowledge {
  const members = readers.map((one, index) => ({ key: `${index}`, group: SHADOW, facts: one }));
  return {
    membersOf: () => [],
    members: () => [...members, { key: "other", group: "/etc/gshadow", facts: CAT }],
    packageOf: () => "a-package",
  };
}

function judge(one: Change, knowledge = host(SSHD)): Verdict | null {
  const verdict = facts.judge(one, knowledge);
  assert.ok(!Array.isArray(verdict));
  return verdict as Verdict | null;
}

test("an unusual reader is told beside the usual ones of that very secret", () => {
  const verdict = judge(change(CAT));
  assert.deepEqual([verdict?.kind, verdict?.severity, verdict?.attack], ["secret.read", "high", ["T1003.008"]]);
  assert.equal(verdict?.ordinary, "/etc/shadow is read by /usr/sbin/sshd as uid 0");
  assert.equal(verdict?.observed, "/usr/bin/cat as uid 0, started by /usr/bin/bash, read /etc/shadow");
  assert.equal(verdict?.evidence["differsFromKnownReader"], null);
});

test("the usual program with another digest, user or parent says what differs", () => {
  assert.deepEqual(judge(change({ ...SSHD, exeSha256: "cc" }))?.evidence["differsFromKnownReader"], ["exeSha256"]);
  assert.deepEqual(judge(change({ ...SSHD, uid: 1000, parentExe: "/tmp/x" }))?.evidence["differsFromKnownReader"], [
    "uid",
    "parentExe",
  ]);
});

test("a reader that is not root, and any reader of an access hash, is critical", () => {
  assert.equal(judge(change({ ...CAT, uid: 1000 }))?.severity, "critical");
  assert.equal(judge(change(CAT, "new", "/root/.accesshash"))?.severity, "critical");
  assert.equal(judge(change({ ...CAT, uid: null, exe: null }))?.severity, "critical");
});

test("a reader that hides is an alert even while readers are learnt; a usual one is not", () => {
  for (const exe of ["/tmp/x", "/dev/shm/x", "/memfd:x (deleted)", "/usr/bin/x (deleted)", null])
    assert.equal(facts.alertsWhileLearning?.(change({ ...CAT, exe })), true, String(exe));
  assert.equal(facts.alertsWhileLearning?.(change(SSHD)), false);
});

test("many usual readers are summed up", () => {
  const readers = Array.from({ length: 12 }, (_, index) => ({ ...SSHD, exe: `/usr/bin/${index}` }));
  assert.match(judge(change(CAT), host(...readers))?.ordinary ?? "", /and 4 others$/);
});

test("a secret that comes into being is told; its end and its looks are not", () => {
  const record = { type: "file", mode: "0600", uid: 0, gid: 0, sizeBytes: 1 };
  assert.equal(judge(change(record, "created", "/root/.accesshash"))?.severity, "high");
  assert.equal(judge(change(record, "created", "/etc/ssl/private/x"))?.severity, "medium");
  assert.equal(judge(change(null, "deleted")), null);
  assert.equal(judge(change(record, "changed")), null);
});

test("describe() names readers and secrets", () => {
  assert.equal(facts.describe?.(SSHD), "/usr/sbin/sshd as uid 0 reads /etc/shadow");
  assert.equal(facts.describe?.({ type: "file", mode: "0600", uid: 0, gid: 0 }), "is a file of mode 0600, owner 0:0");
});

test("the settings of secrets add and leave out patterns, each once", () => {
  const { patterns, scanEveryMs } = toOptions(
    settings.parse({ paths: ["/srv/key", "/etc/shadow"], ignore: ["/etc/gshadow"], panelPrefix: "/opt" }),
  );
  for (const pattern of patterns) parsePathPattern(pattern);
  assert.equal(new Set(patterns).size, patterns.length);
  assert.ok(
    patterns.includes("/srv/key") && patterns.includes("/opt/root/.accesshash") && !patterns.includes("/etc/gshadow"),
  );
  assert.equal(scanEveryMs, 60_000);
  assert.equal(settings.safeParse({ paths: ["relative"] }).success, false);
});
