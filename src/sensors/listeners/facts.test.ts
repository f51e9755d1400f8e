import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, HostKnowledge, KnownMember, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import { facts } from "./facts.ts";

const SSHD = {
  protocol: "tcp",
  address: "0.0.0.0",
  port: 22,
  addressClass: "any",
  ephemeral: false,
  exe: "/usr/sbin/sshd",
  uid: 0,
  pid: 700,
  unit: "ssh.service",
  container: null,
  namespace: "host",
};
const FTPD = { ...SSHD, port: 21, exe: "/usr/sbin/pure-ftpd", unit: "pure-ftpd.service" };
const DATA_PORT = { ...FTPD, port: 50_123, ephemeral: true };

function change(seen: JsonObject, type: "new" | "gone" = "new"): Change {
  const observation = {
    sensor: "listeners",
    type: type === "new" ? ("present" as const) : ("absent" as const),
    key: "k",
    group: "host",
    subject: { type: "socket" as const, protocol: "tcp" as const, address: "0.0.0.0", port: Number(seen["port"]) },
    facts: seen,
    who: null,
    atUnixMs: 0,
    scanned: false,
  };
  return { type, observation, before: null, fields: [] };
}

function host(...known: JsonObject[]): HostKnowledge {
  const members: KnownMember[] = known.map((one, index) => ({ key: `${index}`, group: "host", facts: one }));
  return {
    members: () => members,
    membersOf: () => [],
    packageOf: (path) => (path.startsWith("/usr/") ? "a-package" : null),
  };
}

function judge(seen: JsonObject, knowledge = host(SSHD), type: "new" | "gone" = "new"): Verdict | null {
  const verdict = facts.judge(change(seen, type), knowledge);
  assert.ok(!Array.isArray(verdict));
  return verdict as Verdict | null;
}

test("a new listener names the program, the port, and what is ordinary", () => {
  const verdict = judge({ ...SSHD, port: 8080, exe: "/usr/bin/python3.11", uid: 1000 });
  assert.equal(verdict?.kind, "listener.new");
  assert.equal(verdict?.severity, "medium");
  assert.equal(verdict?.observed, "/usr/bin/python3.11 listens on tcp 0.0.0.0 port 8080 as uid 1000");
  assert.equal(verdict?.ordinary, "nothing listens on tcp port 8080 on this host; 1 other listeners are ordinary");
  assert.deepEqual(
    [verdict?.evidence["rarity"], verdict?.evidence["package"]],
    ["first listener of this program on this host", "a-package"],
  );
  assert.deepEqual(verdict?.next, ["ss -lnp 'sport = :8080'"]);
});

test("a port that another program ordinarily holds says so", () => {
  assert.equal(judge({ ...SSHD, exe: "/usr/sbin/evil" })?.ordinary, "tcp port 22 is ordinarily held by /usr/sbin/sshd");
});

const SEVERITIES = [
  [{ ...SSHD, port: 4444, exe: "/usr/bin/nc" }, "high", true],
  [{ ...SSHD, port: 80, exe: "/usr/sbin/nginx" }, "high", false],
  [{ ...SSHD, port: 8080, exe: "/tmp/x" }, "high", true],
  [{ ...SSHD, port: 8080, exe: "/usr/bin/x (deleted)" }, "high", true],
  [{ ...SSHD, port: 8080, exe: "/memfd:x (deleted)" }, "high", true],
  [{ ...SSHD, port: 3306, exe: "/usr/sbin/mysqld", addressClass: "loopback" }, "low", false],
  [{ ...SSHD, port: 4444, exe: "/usr/bin/nc", addressClass: "loopback" }, "medium", true],
] as const;

test("what is suspicious is graver, and an alert even while the host is learnt", () => {
  for (const [seen, severity, isSuspicious] of SEVERITIES) {
    assert.equal(judge(seen)?.severity, severity, JSON.stringify(seen));
    assert.equal(facts.alertsWhileLearning?.(change(seen)), isSuspicious, JSON.stringify(seen));
  }
});

test("a passive FTP data port of the ordinary FTP server is ordinary; of any other program it is not", () => {
  assert.equal(judge(DATA_PORT, host(FTPD)), null);
  assert.equal(judge({ ...DATA_PORT, uid: 1001 }, host(FTPD)), null, "its worker runs as the customer");
  assert.equal(judge({ ...DATA_PORT, exe: "/usr/bin/python3" }, host(FTPD))?.kind, "listener.new");
  assert.equal(judge({ ...DATA_PORT, port: 990, ephemeral: false }, host(FTPD))?.kind, "listener.new", "a system port");
  assert.equal(judge(DATA_PORT, host(SSHD))?.kind, "listener.new", "no FTP server is ordinary");
  assert.equal(
    judge({ ...DATA_PORT, namespace: "net:[1]" }, host(FTPD))?.kind,
    "listener.new",
    "the same path in a container is another program",
  );
  assert.equal(
    judge({ ...DATA_PORT, exe: "/tmp/pure-ftpd" }, host({ ...FTPD, exe: "/tmp/pure-ftpd" }))?.kind,
    "listener.new",
  );
});

test("a resolver's query port is ordinary, another program's UDP port is not", () => {
  const named = { ...SSHD, protocol: "udp", port: 53, exe: "/usr/sbin/named" };
  assert.equal(judge({ ...named, port: 40_000 }, host(named)), null);
  assert.equal(judge({ ...named, port: 40_000, exe: "/usr/bin/x" }, host(named))?.kind, "listener.new");
  assert.equal(judge({ ...named, protocol: "tcp", port: 40_000 }, host(named))?.kind, "listener.new");
});

test("a listener that is gone names what was ordinary", () => {
  const verdict = judge(SSHD, host(SSHD), "gone");
  assert.deepEqual([verdict?.kind, verdict?.severity], ["listener.gone", "medium"]);
  assert.equal(verdict?.observed, "nothing listens on tcp port 22 any more");
  assert.deepEqual(verdict?.next, ["systemctl status ssh.service"]);
  assert.equal(judge({ ...SSHD, port: 8080, unit: null }, host(), "gone")?.severity, "low");
});

test("a listener of a program that nobody could name is told so", () => {
  const verdict = judge({ ...SSHD, port: 8080, exe: null, uid: null, pid: null, namespace: "net:[4026532176]" });
  assert.equal(
    verdict?.observed,
    "a program that has ended listens on tcp 0.0.0.0 port 8080 as uid unknown in network namespace net:[4026532176]",
  );
});
