import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import { ListeningSockets } from "./listening-sockets.ts";
import { parseProcNetSockets } from "./proc-net-text.ts";
import { type InetSocket, inetDiagRequest, parseInetDiag } from "./sock-diag-messages.ts";
import { findSocketOwners, holdsSocket } from "./socket-owners.ts";

// Recorded on linux 6.18 in a network namespace with listeners of uid 1000 and one of root, among them an MPTCP one (8086).
const testdata = join(import.meta.dirname, "testdata");
const DATAGRAMS = JSON.parse(readFileSync(join(testdata, "sock-diag.json"), "utf8")) as Record<string, string[]>;

function parseRecorded(protocol: "tcp" | "udp", family: 4 | 6): { sockets: InetSocket[]; isComplete: boolean } {
  const sockets: InetSocket[] = [];
  const datagrams = DATAGRAMS[`${protocol}${family}`]!.map((text) => Buffer.from(text, "base64"));
  const isComplete = datagrams.map((datagram) => parseInetDiag(datagram, protocol, sockets)).at(-1) === true;
  return { sockets, isComplete };
}

const TCP4 = [
  { protocol: "tcp", family: 4, address: "127.0.0.1", port: 8082, uid: 1000, inode: 28_957 },
  { protocol: "tcp", family: 4, address: "0.0.0.0", port: 22, uid: 0, inode: 28_964 },
  { protocol: "tcp", family: 4, address: "0.0.0.0", port: 8086, uid: 1000, inode: 28_960 },
];
const TCP6 = [
  { protocol: "tcp", family: 6, address: "::1", port: 8085, uid: 1000, inode: 28_959 },
  { protocol: "tcp", family: 6, address: "::", port: 8084, uid: 1000, inode: 28_958 },
];

test("parseInetDiag() reads recorded dumps to their end", () => {
  assert.deepEqual(parseRecorded("tcp", 4), { sockets: TCP4, isComplete: true });
  assert.deepEqual(parseRecorded("tcp", 6), { sockets: TCP6, isComplete: true });
  const [udp4] = parseRecorded("udp", 4).sockets;
  assert.deepEqual(udp4, { protocol: "udp", family: 4, address: "0.0.0.0", port: 5353, uid: 1000, inode: 28_962 });
  assert.equal(parseRecorded("udp", 6).sockets[0]?.address, "::");
});

test("parseProcNetSockets() says the same of the same sockets as sock_diag", () => {
  assert.deepEqual(parseProcNetSockets(readFileSync(join(testdata, "proc-net-tcp.txt"), "latin1"), "tcp", 4), TCP4);
  assert.deepEqual(parseProcNetSockets(readFileSync(join(testdata, "proc-net-tcp6.txt"), "latin1"), "tcp", 6), TCP6);
});

test("parseInetDiag() says so when a datagram is cut or the kernel answers an error", () => {
  const datagram = Buffer.from(DATAGRAMS["tcp4"]![0]!, "base64");
  assert.throws(() => parseInetDiag(datagram.subarray(0, 40), "tcp", []), { code: "GARRISON_NETLINK_TRUNCATED" });
  const failure = Buffer.alloc(36);
  failure.writeUInt32LE(36, 0);
  failure.writeUInt16LE(2, 4);
  failure.writeInt32LE(-1, 16);
  assert.throws(() => parseInetDiag(failure, "tcp", []), { code: "GARRISON_NETLINK_ERROR" });
});

test("parseInetDiag() gives sockets or a named error for any bytes", () => {
  const recorded = Object.values(DATAGRAMS)
    .flat()
    .map((text) => Buffer.from(text, "base64"));
  const broken = fc
    .tuple(fc.constantFrom(...recorded), fc.nat(200), fc.integer({ min: 0, max: 255 }))
    .map(([datagram, at, byte]) => {
      const copy = Buffer.from(datagram);
      copy[at % copy.length] = byte;
      return copy;
    });
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(fc.oneof(broken, bytes), (datagram) => {
      const sockets: InetSocket[] = [];
      try {
        parseInetDiag(datagram, "tcp", sockets);
      } catch (error) {
        assert.ok(error instanceof GarrisonError, String(error));
      }
      for (const { port } of sockets) assert.ok(port >= 0 && port <= 65_535);
    }),
    { numRuns: 2000 },
  );
});

test("parseProcNetSockets() gives sockets or none for any text", () => {
  const text = fc.array(fc.constantFrom(" ", ":", "0A", "0100007F", "1F92", "\n", "0: ", "07 ", "zz", "4294967295"), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (pieces) => {
      for (const { uid, inode } of parseProcNetSockets(pieces.join(""), "tcp", 4))
        assert.ok(Number.isSafeInteger(uid) && Number.isSafeInteger(inode));
    }),
  );
});

test("inetDiagRequest() asks the kernel for one family, protocol and state", () => {
  const request = inetDiagRequest("udp", 6);
  assert.deepEqual([...request.subarray(16, 18)], [10, 17]);
  assert.equal(request.readUInt32LE(20), 1 << 7);
});

test("ListeningSockets.own() sees a real listener, and findSocketOwners() its process", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  using sockets = new ListeningSockets();
  assert.equal(sockets.whyNoDiag, null);
  const own = sockets.own(["tcp"]).find((socket) => socket.port === port);
  assert.equal(own?.address, "127.0.0.1");
  assert.equal((await findSocketOwners(new Set([own!.inode]))).get(own!.inode), process.pid);
  assert.ok(holdsSocket(process.pid, own!.inode));
  assert.ok(!holdsSocket(1, own!.inode));
  await new Promise((resolve) => server.close(resolve));
  assert.equal(
    sockets.own(["tcp"]).find((socket) => socket.port === port),
    undefined,
  );
});
