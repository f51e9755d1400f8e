import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CountedElement, generationOf, parseCountedElements } from "./nf-accounting-elements.ts";

// linux 6.18, NFT_MSG_GETSETELEM of sets that NfAccounting made: two accounts, each 37 packets of 29 bytes and a SYN to port 25.
const SENT =
  "01000002150001006761727269736f6e5f74726166666963000000000900020073656e74000000008401030040000100100001000c000100eb030000010000002c" +
  "0007000c000100636f756e746572001c0002000c000100000000000000003c0c000200000000000000000140000100100001000c000100eb030000020000002c00" +
  "07000c000100636f756e746572001c0002000c000100000000000000003c0c000200000000000000000140000100100001000c00010021000000020000002c0007" +
  "000c000100636f756e746572001c0002000c000100000000000000003c0c000200000000000000000140000100100001000c00010021000000000000002c000700" +
  "0c000100636f756e746572001c0002000c000100000000000000046d0c000200000000000000002640000100100001000c00010021000000010000002c0007000c" +
  "000100636f756e746572001c0002000c000100000000000000003c0c000200000000000000000140000100100001000c000100eb030000000000002c0007000c00" +
  "0100636f756e746572001c0002000c000100000000000000046d0c0002000000000000000026";
const PORTS =
  "01000002150001006761727269736f6e5f74726166666963000000000e0002007463705f706f7274730000009c0003004c000100100001000c0001002100000000" +
  "1900002c0007000c000100636f756e746572001c0002000c000100000000000000003c0c00020000000000000000010c000500000000000000ea2c4c0001001000" +
  "01000c000100eb030000001900002c0007000c000100636f756e746572001c0002000c000100000000000000003c0c00020000000000000000010c000500000000" +
  "000000e858";
const NONE = "01000002150001006761727269736f6e5f74726166666963000000000900020073656e740000000004000300";

function parse(bytes: Buffer): CountedElement[] {
  const elements: CountedElement[] = [];
  parseCountedElements(bytes, elements);
  return elements;
}

test("parseCountedElements() reads what was counted by uid, and by uid and port", () => {
  const sent = parse(Buffer.from(SENT, "hex")).map(({ uid, part, packets, bytes }) => [uid, part, packets, bytes]);
  assert.deepEqual(
    sent.sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!),
    [
      [33, 0, 38, 1133],
      [33, 1, 1, 60],
      [33, 2, 1, 60],
      [1003, 0, 38, 1133],
      [1003, 1, 1, 60],
      [1003, 2, 1, 60],
    ],
  );
  // Port 25, as two bytes in the order of the network.
  assert.deepEqual(parse(Buffer.from(PORTS, "hex")), [
    { uid: 33, part: 25 << 8, packets: 1, bytes: 60 },
    { uid: 1003, part: 25 << 8, packets: 1, bytes: 60 },
  ]);
  assert.deepEqual(parse(Buffer.from(NONE, "hex")), []);
});

test("generationOf() reads the number of the last change, also of a set that is empty", () => {
  assert.deepEqual(
    [SENT, PORTS, NONE].map((hex) => generationOf(Buffer.from(hex, "hex"))),
    [2, 2, 2],
  );
});

test("parseCountedElements() reads counts beyond 32 bits", () => {
  const bytes = Buffer.from(SENT, "hex");
  bytes.writeBigUInt64BE(5_000_000_001n, bytes.length - 8);
  assert.equal(parse(bytes).at(-1)?.packets, 5_000_000_001);
});

test("parseCountedElements() passes over elements with a key of another length", () => {
  const bytes = Buffer.from(PORTS, "hex");
  const value = bytes.indexOf(Buffer.from("0c00010021000000", "hex"));
  bytes.writeUInt16LE(8, value);
  assert.deepEqual(
    parse(bytes).map(({ uid }) => uid),
    [1003],
  );
});

test("parseCountedElements() refuses an attribute that is longer than what is there", () => {
  for (const length of [0, 3, 0xffff]) {
    const bytes = Buffer.from(SENT, "hex");
    bytes.writeUInt16LE(length, bytes.indexOf(Buffer.from("100001000c000100eb03", "hex")));
    assert.throws(() => parse(bytes), { code: "GARRISON_NETLINK_TRUNCATED" });
  }
});

test("parseCountedElements() gives elements or a named error for any bytes", () => {
  const damaged = fc.tuple(fc.constantFrom(SENT, PORTS), fc.nat(), fc.nat(255)).map(([hex, at, byte]) => {
    const bytes = Buffer.from(hex, "hex");
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(damaged, any), (bytes) => {
      try {
        for (const { uid, part, packets } of parse(bytes)) assert.ok(uid >= 0 && part >= 0 && packets >= 0);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "GARRISON_NETLINK_TRUNCATED");
      }
    }),
  );
});
