import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import fc from "fast-check";
import { folderOf } from "#src/linux/temp-folder.mts";
import { LINK } from "../packet/link-types.ts";
import { pcapOf, udp } from "../test-packets.mts";
import { readCapture } from "./read-capture.ts";

const PACKETS = Array.from({ length: 5 }, (_, index) => udp("192.0.2.1 2000", "192.0.2.2 3000", "x".repeat(index * 3)));

interface Read {
  readonly problem: string | null;
  readonly packets: readonly {
    readonly bytes: string;
    readonly wireBytes: number;
    readonly unixMs: number;
    readonly linkType: number;
  }[];
}

async function readFd(fd: number, isRegular: boolean): Promise<Read> {
  const packets: Read["packets"][number][] = [];
  let buffer: Buffer = Buffer.alloc(0);
  const problem = await readCapture(
    { fd, isRegular },
    {
      setBuffer: (bytes) => {
        buffer = bytes;
      },
      packet: (start, end, wireBytes, unixMs, linkType) =>
        void packets.push({ bytes: buffer.toString("hex", start, end), wireBytes, unixMs, linkType }),
    },
  );
  return { problem, packets };
}

async function read(t: TestContext, bytes: Buffer): Promise<Read> {
  const path = join(folderOf(t), "capture");
  writeFileSync(path, bytes);
  const fd = openSync(path, "r");
  try {
    return await readFd(fd, true);
  } finally {
    closeSync(fd);
  }
}

/** A block of pcapng in either byte order. */
function block(type: number, body: Buffer, isLittle = true): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
  const length = word(padded.length + 12, isLittle);
  return Buffer.concat([word(type, isLittle), length, padded, length]);
}

function word(value: number, isLittle = true): Buffer {
  const bytes = Buffer.alloc(4);
  if (isLittle) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function half(value: number, isLittle = true): Buffer {
  return isLittle ? word(value).subarray(0, 2) : word(value, false).subarray(2);
}

function section(isLittle = true): Buffer {
  const endless = Buffer.alloc(8, 0xff);
  return block(
    0x0a0d0d0a,
    Buffer.concat([word(0x1a2b3c4d, isLittle), half(1, isLittle), half(0, isLittle), endless]),
    isLittle,
  );
}

function description(linkType: number, options = Buffer.alloc(0), isLittle = true): Buffer {
  return block(1, Buffer.concat([half(linkType, isLittle), half(0), word(0), options]), isLittle);
}

function enhanced(from: number, ticks: bigint, packet: Buffer, isLittle = true): Buffer {
  const time = [word(Number(ticks >> 32n), isLittle), word(Number(ticks & 0xffffffffn), isLittle)];
  const lengths = [word(packet.length, isLittle), word(packet.length + 7, isLittle)];
  const padding = Buffer.alloc(-packet.length & 3);
  const comment = Buffer.concat([half(1, isLittle), half(3, isLittle), Buffer.from("abc\0"), word(0)]);
  return block(6, Buffer.concat([word(from, isLittle), ...time, ...lengths, packet, padding, comment]), isLittle);
}

suite("readCapture()", () => {
  test("readCapture() reads classic captures in both byte orders, with micro- and nanoseconds", async (t) => {
    for (const isLittle of [true, false]) {
      for (const isNanos of [true, false]) {
        const { problem, packets } = await read(
          t,
          pcapOf(PACKETS, { isLittle, isNanos, linkType: LINK.ethernet, cutAt: 30 }),
        );
        assert.equal(problem, null);
        assert.deepEqual(
          packets,
          PACKETS.map((packet, index) => ({
            bytes: packet.toString("hex", 0, 30),
            wireBytes: packet.length,
            unixMs: 1_790_000_000_000 + index,
            linkType: LINK.ethernet,
          })),
        );
      }
    }
  });

  test("readCapture() reads pcapng: interfaces with units of time of their own, sections in both byte orders, simple packets", async (t) => {
    const [one, two, three] = PACKETS as [Buffer, Buffer, Buffer];
    const nanos = Buffer.concat([
      half(9),
      half(1),
      Buffer.from([9, 0, 0, 0]),
      half(14),
      half(8),
      word(1000),
      word(0),
      word(0),
    ]);
    const binary = Buffer.concat([half(9, false), half(1, false), Buffer.from([0x8a, 0, 0, 0]), word(0)]);
    const file = Buffer.concat([
      section(),
      description(LINK.ethernet, nanos),
      description(LINK.raw),
      block(5, Buffer.alloc(40)),
      enhanced(0, 5_000_000n, one),
      enhanced(1, 1_790_000_000_000_000n, two),
      block(3, Buffer.concat([word(three.length), three])),
      section(false),
      description(LINK.linuxSll2, binary, false),
      block(0xbad, Buffer.alloc(9_000_000), false),
      enhanced(0, 2048n, three, false),
    ]);
    const { problem, packets } = await read(t, file);
    assert.equal(problem, null);
    assert.deepEqual(
      packets.map(({ unixMs, wireBytes, linkType, bytes }) => [unixMs, wireBytes, linkType, bytes]),
      [
        [1_000_005, one.length + 7, LINK.ethernet, one.toString("hex")],
        [1_790_000_000_000, two.length + 7, LINK.raw, two.toString("hex")],
        [1_790_000_000_000, three.length, LINK.ethernet, three.toString("hex")],
        [2000, three.length + 7, LINK.linuxSll2, three.toString("hex")],
      ],
    );
  });

  test("readCapture() gives what is readable of a file that is cut anywhere, and says at which byte it ends", async (t) => {
    const classic = pcapOf(PACKETS);
    const newer = Buffer.concat([
      section(),
      description(LINK.raw),
      ...PACKETS.map((packet) => enhanced(0, 1n, packet)),
    ]);
    for (const file of [classic, newer]) {
      const whole = await read(t, file);
      assert.equal(whole.packets.length, PACKETS.length);
      for (let end = 4; end < file.length; end++) {
        const { problem, packets } = await read(t, file.subarray(0, end));
        assert.deepEqual(packets, whole.packets.slice(0, packets.length));
        const [, offset] = /a record begins at byte (\d+) and does not end$/.exec(problem ?? "") ?? [];
        // Cut between two records nothing is missing.
        if (problem !== null) assert.ok(Number(offset) < end, `${problem} of ${end}`);
        else assert.ok(packets.length < PACKETS.length);
      }
    }
  });

  test("readCapture() stops at a length that cannot be, and says where", async (t) => {
    const good = pcapOf(PACKETS);
    const bad = Buffer.from(good);
    bad.writeUInt32LE(0x7fffffff, 24 + 16 + PACKETS[0]!.length + 8);
    const { problem, packets } = await read(t, bad);
    assert.equal(packets.length, 1);
    assert.equal(
      problem,
      `it is damaged: a packet of 2147483647 bytes is announced at byte ${24 + 16 + PACKETS[0]!.length}`,
    );
    for (const [file, what] of [
      [Buffer.concat([section(), block(6, Buffer.alloc(20))]), /interface that was not announced at byte 28$/],
      [Buffer.concat([section(), word(6), word(13), Buffer.alloc(20)]), /a block of 13 bytes is announced at byte 28$/],
      [
        Buffer.concat([section(), word(6), word(0x40000000), Buffer.alloc(20)]),
        /a block of 1073741824 bytes is announced/,
      ],
      [pcapOf(PACKETS, { linkType: 127 }), /link type 127 is not known at byte 20$/],
      [Buffer.from("GET / HTTP/1.1"), /it is no pcap or pcapng at byte 0$/],
      [Buffer.from("1f8b0800", "hex"), /compressed by gzip/],
      [Buffer.from("a1"), /it is no pcap or pcapng/],
      [Buffer.alloc(0), /^it is empty$/],
    ] as const)
      assert.match((await read(t, file)).problem ?? "", what);
  });

  test("readCapture() reads a pipe, and packets that lie across the ends of its reads", async (t) => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      udp("192.0.2.1 2000", "192.0.2.2 3000", "x".repeat(1400 + (index % 7))),
    );
    const file = pcapOf(many);
    const path = join(folderOf(t), "pipe");
    execFileSync("mkfifo", [path]);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = await open(path, "w");
    const writing = writer.writeFile(file).then(() => writer.close());
    const { problem, packets } = await readFd(fd, false);
    await writing;
    assert.equal(problem, null);
    assert.deepEqual(
      packets.map(({ wireBytes }) => wireBytes),
      many.map(({ length }) => length),
    );
  });

  test("readCapture() takes any bytes behind a magic", async (t) => {
    const folder = folderOf(t);
    const files = [
      pcapOf(PACKETS),
      Buffer.concat([section(), description(LINK.raw), ...PACKETS.map((one) => enhanced(0, 1n, one))]),
    ];
    const changed = fc
      .tuple(fc.constantFrom(...files), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 8 }))
      .map(([file, changes]) => {
        const copy = Buffer.from(file);
        for (const [at, value] of changes) copy[at % copy.length] = value;
        return copy;
      });
    const random = fc
      .tuple(fc.constantFrom("a1b2c3d4", "d4c3b2a1", "4d3cb2a1", "0a0d0d0a"), fc.uint8Array({ maxLength: 300 }))
      .map(([magic, rest]) => Buffer.concat([Buffer.from(magic, "hex"), rest]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, random), async (bytes) => {
        writeFileSync(join(folder, "any"), bytes);
        const fd = openSync(join(folder, "any"), "r");
        const { problem, packets } = await readFd(fd, true);
        closeSync(fd);
        assert.ok(problem === null || problem.length < 200);
        assert.ok(
          packets.every(({ unixMs, bytes: { length } }) => Number.isFinite(unixMs) && length <= bytes.length * 2),
        );
      }),
    );
  });
});
