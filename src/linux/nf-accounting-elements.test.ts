import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CountedElement, parseCountedElements } from "./nf-accounting-elements.ts";

// linux 6.18, NFT_MSG_GETSETELEM of sets that NfAccounting made: two accounts, each 37 packets of 29 bytes and a SYN.
const PACKETS =
  "01000002150001006761727269736f6e5f74726166666963000000000c0002007061636b657473007c0003003c0001000c00010008000100eb0300002c0007000c00" +
  "0100636f756e746572001c0002000c000100000000000000046d0c00020000000000000000263c0001000c00010008000100210000002c0007000c000100636f756e" +
  "746572001c0002000c000100000000000000046d0c0002000000000000000026";
const PORTS =
  "01000002150001006761727269736f6e5f74726166666963000000000e0002007463705f706f7274730000009c0003004c000100100001000c000100210000000019" +
  "00002c0007000c000100636f756e746572001c0002000c000100000000000000003c0c00020000000000000000010c000500000000000000ea284c00010010000100" +
  "0c000100eb030000001900002c0007000c000100636f756e746572001c0002000c000100000000000000003c0c00020000000000000000010c000500000000000000" +
  "e908";
const NONE = "01000002150001006761727269736f6e5f74726166666963000000000c0002007061636b6574730004000300";

function parse(bytes: Buffer): CountedElement[] {
  const elements: CountedElement[] = [];
  parseCountedElements(bytes, elements);
  return elements;
}

test("parseCountedElements() reads what was counted by uid, and by uid and port", () => {
  assert.deepEqual(parse(Buffer.from(PACKETS, "hex")), [
    { uid: 1003, port: 0, packets: 38, bytes: 1133 },
    { uid: 33, port: 0, packets: 38, bytes: 1133 },
  ]);
  assert.deepEqual(parse(Buffer.from(PORTS, "hex")), [
    { uid: 33, port: 25, packets: 1, bytes: 60 },
    { uid: 1003, port: 25, packets: 1, bytes: 60 },
  ]);
  assert.deepEqual(parse(Buffer.from(NONE, "hex")), []);
});

test("parseCountedElements() reads counts beyond 32 bits", () => {
  const bytes = Buffer.from(PACKETS, "hex");
  bytes.writeBigUInt64BE(5_000_000_001n, bytes.length - 8);
  assert.equal(parse(bytes)[1]?.packets, 5_000_000_001);
});

test("parseCountedElements() passes over elements with a key of another length", () => {
  const bytes = Buffer.from(PACKETS, "hex");
  const value = bytes.indexOf(Buffer.from("08000100eb030000", "hex"));
  bytes.writeUInt16LE(6, value);
  assert.deepEqual(
    parse(bytes).map(({ uid }) => uid),
    [33],
  );
});

test("parseCountedElements() refuses an attribute that is longer than what is there", () => {
  for (const length of [0, 3, 0xffff]) {
    const bytes = Buffer.from(PACKETS, "hex");
    bytes.writeUInt16LE(length, bytes.indexOf(Buffer.from("0c00010008000100eb03", "hex")));
    assert.throws(() => parse(bytes), { code: "GARRISON_NETLINK_TRUNCATED" });
  }
});

test("parseCountedElements() gives elements or a named error for any bytes", () => {
  const damaged = fc.tuple(fc.constantFrom(PACKETS, PORTS), fc.nat(), fc.nat(255)).map(([hex, at, byte]) => {
    const bytes = Buffer.from(hex, "hex");
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(damaged, any), (bytes) => {
      try {
        for (const { uid, port, packets } of parse(bytes)) assert.ok(uid >= 0 && port >= 0 && packets >= 0);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "GARRISON_NETLINK_TRUNCATED");
      }
    }),
  );
});
