import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attributeText, NetlinkWriter, readAttributes, readErrno, readMessages } from "./netlink-messages.ts";

test("NetlinkWriter writes messages that readMessages() and readAttributes() read", () => {
  const writer = new NetlinkWriter();
  writer.begin(0xa0c, 0x401, 7, [1, 0, 0, 10]);
  writer.text(1, "garrison");
  writer.nest(3, () => {
    writer.u8(1, 255);
    writer.u16be(2, 0x1234);
    writer.u32be(3, -4);
    writer.u64be(4, 2 ** 40 + 5);
  });
  writer.end();
  writer.begin(0x11, 1, 8, []);
  writer.end();
  const messages = [...readMessages(writer.bytes)];
  assert.deepEqual(
    messages.map(({ type, flags, sequence, port }) => [type, flags, sequence, port]),
    [
      [0xa0c, 0x401, 7, 0],
      [0x11, 1, 8, 0],
    ],
  );
  const attributes = readAttributes(messages[0]!.body.subarray(4));
  assert.equal(attributeText(attributes.get(1)), "garrison");
  assert.deepEqual(
    [...readAttributes(attributes.get(3)!)].map(([type, value]) => [type, value.toString("hex")]),
    [
      [1, "ff"],
      [2, "1234"],
      [3, "fffffffc"],
      [4, "0000010000000005"],
    ],
  );
});

test("NetlinkWriter keeps what it has written when it grows, wherever that is", () => {
  for (let filled = 4000; filled < 4100; filled += 4) {
    const writer = new NetlinkWriter();
    writer.begin(1, 0, 0, Array<number>(filled).fill(7));
    for (const write of [
      () => writer.u8(1, 9),
      () => writer.u16be(2, 0x0909),
      () => writer.u32be(3, 0x09090909),
      () => writer.u64be(4, 0x0909090909),
      () => writer.raw(5, Buffer.alloc(9000, 9)),
      () => writer.records(1000, 8, (bytes, at) => bytes.writeUInt32LE(0x00060008, at)),
    ])
      write();
    writer.end();
    const [message] = [...readMessages(writer.bytes)];
    const attributes = readAttributes(message!.body.subarray(filled));
    assert.deepEqual([...attributes.keys()], [1, 2, 3, 4, 5, 6]);
    assert.equal(attributes.get(3)!.toString("hex"), "09090909");
    assert.ok(message!.body.subarray(0, filled).every((byte) => byte === 7));
  }
});

test("NetlinkWriter.nest() throws RangeError when an attribute has grown too long", () => {
  const writer = new NetlinkWriter();
  writer.begin(1, 0, 0, []);
  assert.throws(() => writer.nest(1, () => writer.raw(2, Buffer.alloc(65_530))), RangeError);
});

test("readMessages() and readAttributes() take any bytes: values, or GARRISON_NETLINK_TRUNCATED", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(60), (bytes, length) => {
      const datagram = Buffer.from(bytes);
      // A plausible length makes it go further in.
      if (datagram.length > 4) datagram.writeUInt32LE(length, 0);
      try {
        for (const message of readMessages(datagram)) {
          for (const value of readAttributes(message.body).values()) attributeText(value);
          readErrno(message);
        }
      } catch (error) {
        assert.equal((error as { code: string }).code, "GARRISON_NETLINK_TRUNCATED");
      }
    }),
    { numRuns: 2000 },
  );
});
