import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FollowedSocket, HOST, ListenerTable } from "./listener-table.ts";
import { isEphemeral, type ListeningSocket, listenerKey, parsePortRange } from "./parse.ts";

const RANGE = { first: 32_768, last: 60_999 };
const GONE_AFTER_MS = 30_000;
const UDP_CLIENT_MS = 600_000;
const table = (): ListenerTable =>
  new ListenerTable({ range: RANGE, goneAfterMs: GONE_AFTER_MS, udpClientMs: UDP_CLIENT_MS });
const socket = (port: number, inode = port, protocol: "tcp" | "udp" = "tcp"): ListeningSocket => ({
  protocol,
  family: 4,
  address: "0.0.0.0",
  port,
  uid: 0,
  inode,
});
const followed = (one: ListeningSocket, namespace = HOST): FollowedSocket => ({
  namespace,
  socket: one,
  actor: null,
  scanned: false,
});

const at = (nowMs: number, atUnixMs = 0) => ({ nowMs, atUnixMs });

/** What is told of a socket that is followed at 0 and looked at later. */
function toldAt(lookMs: number, one: ListeningSocket, isFirst = false): boolean {
  const listeners = table();
  listeners.follow(followed(one), 0, isFirst);
  return listeners.takeDue(lookMs).some((due) => listeners.tell(due, null, at(lookMs)) !== null);
}

const SETTLING = [
  ["a TCP port below the kernel's range at once", toldAt(0, socket(8080)), true],
  ["an ephemeral TCP port not at once", toldAt(799, socket(40_000)), false],
  ["an ephemeral TCP port that stays", toldAt(800, socket(40_000)), true],
  ["a port of a passive FTP range above the kernel's range not at once", toldAt(0, socket(61_000)), false],
  ["an ephemeral TCP port of the first list", toldAt(0, socket(40_000), true), true],
  ["a UDP system port at once", toldAt(0, socket(161, 1, "udp")), true],
  ["a UDP user port not before a second dump", toldAt(599, socket(5353, 1, "udp"), true), false],
  ["a UDP user port that stays", toldAt(600, socket(5353, 1, "udp")), true],
  ["a UDP client", toldAt(UDP_CLIENT_MS - 1, socket(40_000, 1, "udp"), true), false],
  ["a UDP socket on an ephemeral port that stays for long", toldAt(UDP_CLIENT_MS, socket(40_000, 1, "udp")), true],
] as const;

test("ListenerTable tells what has settled", () => {
  for (const [name, told, expected] of SETTLING) assert.equal(told, expected, name);
});

test("ListenerTable tells a listener of several sockets once, and gone when the last has been away long enough", () => {
  const listeners = table();
  for (const inode of [1, 2]) listeners.follow(followed(socket(80, inode)), 0);
  const told = listeners.takeDue(0).map((due) => listeners.tell(due, null, at(0)));
  assert.equal(told.filter(Boolean).length, 1);
  listeners.keep(HOST, "tcp", new Set([2]), 1000);
  assert.deepEqual(listeners.takeGone(at(1000 + GONE_AFTER_MS)), []);
  listeners.keep(HOST, "tcp", new Set(), 2000);
  assert.deepEqual(listeners.takeGone(at(2000 + GONE_AFTER_MS - 1)), []);
  const [gone] = listeners.takeGone(at(2000 + GONE_AFTER_MS, 5));
  assert.deepEqual([gone?.type, gone?.key, gone?.atUnixMs], ["absent", told.find(Boolean)?.key, 5]);
  assert.deepEqual(listeners.takeGone(at(9e9)), []);
});

test("ListenerTable tells a restart within the time as there again, and never as gone", () => {
  const listeners = table();
  listeners.follow(followed(socket(80, 1)), 0);
  for (const due of listeners.takeDue(0)) listeners.tell(due, null, at(0));
  listeners.keep(HOST, "tcp", new Set(), 1000);
  listeners.follow(followed(socket(80, 2)), 2000);
  assert.deepEqual(
    listeners.takeDue(2000).map((due) => listeners.tell(due, null, at(0))?.type),
    ["present"],
  );
  listeners.follow(followed(socket(80, 3)), 2000);
  assert.deepEqual(
    listeners.takeDue(2000).map((due) => listeners.tell(due, null, at(0))),
    [null],
    "one that never was away is told once",
  );
  assert.deepEqual(listeners.takeGone(at(9e9)), []);
});

test("ListenerTable tells a listener that comes and goes all the time ten times, and then once a second", () => {
  const listeners = table();
  const told = Array.from({ length: 100 }, (_, index) => listeners.tellEnded(followed(socket(80, 0)), at(index * 50)));
  assert.deepEqual([told.slice(0, 11).every(Boolean), told.filter(Boolean).length], [false, 14]);
  assert.deepEqual(listeners.takeGone(at(GONE_AFTER_MS)), []);
  assert.equal(listeners.takeGone(at(GONE_AFTER_MS + 4950)).length, 1);
});

test("ListenerTable keeps protocols and namespaces apart", () => {
  const listeners = table();
  listeners.follow(followed(socket(80, 1)), 0);
  listeners.follow(followed(socket(53, 2, "udp")), 0);
  listeners.follow(followed(socket(80, 1), "net:[1]"), 0);
  const told = listeners.takeDue(0).map((due) => listeners.tell(due, null, at(0)));
  assert.deepEqual(
    told.map((fact) => fact?.group),
    ["host", "host", "namespaces"],
  );
  listeners.keep(HOST, "tcp", new Set(), 0);
  listeners.keepNamespaces(new Set(), 0);
  assert.deepEqual(
    listeners.takeGone(at(9e9)).map(({ key }) => key),
    [told[0]?.key, told[2]?.key],
  );
  assert.deepEqual(listeners.keys("host"), [told[1]?.key]);
});

test("ListenerTable tells a listener that had ended before we looked, unless its port was the kernel's choice", () => {
  const listeners = table();
  assert.equal(listeners.tellEnded(followed(socket(40_000, 0)), at(0)), null);
  assert.equal(listeners.tellEnded(followed(socket(8080, 0)), at(0))?.type, "present");
  assert.equal(listeners.tellEnded(followed(socket(8080, 0)), at(0))?.type, "present");
  assert.equal(listeners.takeGone(at(GONE_AFTER_MS)).length, 1);
});

test("listenerKey() of ephemeral ports is one per program, of other namespaces one for all", () => {
  const keyOf = (port: number, exe: string, isHost = true): string => listenerKey(socket(port), exe, RANGE, isHost);
  assert.equal(keyOf(40_000, "/a"), keyOf(50_000, "/a"));
  assert.notEqual(keyOf(40_000, "/a"), keyOf(40_000, "/b"));
  assert.notEqual(keyOf(80, "/a"), keyOf(81, "/a"));
  assert.notEqual(keyOf(80, "/a"), keyOf(80, "/a", false));
  assert.notEqual(keyOf(80, "/a"), listenerKey({ ...socket(80), uid: 1 }, "/a", RANGE, true));
  assert.ok(keyOf(80, "\u0001".repeat(4096)).length <= 4096);
});

test("parsePortRange() gives the kernel's default for any other text", () => {
  assert.deepEqual(parsePortRange("1024\t65535\n"), { first: 1024, last: 65_535 });
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { first, last } = parsePortRange(text);
      assert.ok(Number.isInteger(first) && Number.isInteger(last));
    }),
  );
  assert.equal(isEphemeral(49_152, { first: 1, last: 2 }), true);
});
