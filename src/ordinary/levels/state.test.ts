import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LevelDetector } from "./detector.ts";
import { NUMBER, SIZE, SUM } from "./layout.ts";
import { type Memory, makeMemory } from "./memory.ts";
import { readState, writeState } from "./state.ts";
import { DAY_MS, MONDAY, seasoned } from "./test-series.mts";
import { packZeros, unpackZeros } from "./zero-runs.ts";

const REFUSED = {
  name: "GarrisonError",
  code: "GARRISON_LEVEL_STATE",
  message: /^Cannot go on with the state of a level: /,
};
const good = seasoned(8).detector.save();

/** A state whose checksum is right, as an attacker would write it. */
function forge(change: (memory: Memory) => void): Uint8Array {
  const memory = readState(good);
  change(memory);
  return writeState(memory);
}

suite("the state of a series", () => {
  test("readState() gives back what writeState() got", () => {
    assert.deepEqual(writeState(readState(good)), good);
  });

  test("readState() takes bytes from the middle of a buffer, as a database gives them", () => {
    const buffer = new Uint8Array(good.length + 3);
    buffer.set(good, 3);
    assert.deepEqual(new LevelDetector({}, buffer.subarray(3)).save(), good);
  });

  test("readState() refuses nothing, the start of a state, another version, and more than a state", () => {
    const other = Uint8Array.from(good, (byte, index) => (index === 3 ? 2 : byte));
    for (const bytes of [new Uint8Array(), good.subarray(0, 7), good.subarray(0, 500), other, new Uint8Array(9000)])
      assert.throws(() => readState(bytes), REFUSED);
    assert.throws(() => readState(new Uint8Array([...good, 0])), REFUSED);
  });

  test("readState() refuses a state in which any one bit was turned", () => {
    fc.assert(
      fc.property(fc.nat({ max: good.length * 8 - 1 }), (bit) => {
        const bytes = Uint8Array.from(good, (byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        assert.throws(() => readState(bytes), REFUSED);
      }),
    );
  });

  test("readState() refuses what no series can come to, also with the right checksum", () => {
    const changes: ((memory: Memory) => void)[] = [
      ({ numbers }) => (numbers[NUMBER.slow] = Number.NaN),
      ({ numbers }) => (numbers[NUMBER.last] = Number.POSITIVE_INFINITY),
      ({ numbers }) => (numbers[NUMBER.slow] = 1e35),
      ({ numbers }) => (numbers[NUMBER.held] = -1),
      ({ sums }) => (sums[SUM.lastAt] = Number.NEGATIVE_INFINITY),
      ({ sums }) => (sums[SUM.values] = 1.5),
      ({ sums }) => (sums[SUM.intervalMs] = -1),
      ({ sums }) => (sums[6] = 48),
      ({ sums }) => (sums[8] = 1e200),
      ({ counts }) => (counts[0]! += 1),
      ({ counts }) => (counts[SIZE.counts - 1] = 65_535),
      ({ numbers }) => (numbers[2] = 1e9),
    ];
    for (const [index, change] of changes.entries())
      assert.throws(() => readState(forge(change)), REFUSED, `change ${index}`);
  });

  test("a detector never gives what is no number from any state that readState() takes", () => {
    const change = fc.tuple(fc.nat({ max: SIZE.numbers - 1 }), fc.float({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 5 }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (changes, value) => {
          const state = forge(({ numbers }) => {
            for (const [index, number] of changes) numbers[index] = number;
          });
          let detector: LevelDetector;
          try {
            detector = new LevelDetector({}, state);
          } catch (error) {
            assert.equal((error as { code?: string }).code, REFUSED.code);
            return;
          }
          for (let index = 0; index < 20; index++) {
            const { score, expectedLow, expectedHigh } = detector.add(MONDAY + (8 + index) * DAY_MS, value);
            for (const one of [score, expectedLow, expectedHigh]) assert.ok(Number.isFinite(one), `${one}`);
          }
          readState(detector.save());
        },
      ),
    );
  });
});

suite("runs of zero", () => {
  test("unpackZeros() gives back what packZeros() got, which is never much longer", () => {
    const bytes = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 255 })), { maxLength: 2000 });
    fc.assert(
      fc.property(bytes, (values) => {
        const packed = packZeros(Uint8Array.from(values));
        assert.ok(packed.length <= values.length + Math.ceil(values.length / 64) + 1);
        assert.deepEqual([...new Uint8Array(unpackZeros(packed, values.length)!)], values);
      }),
    );
  });

  test("packZeros() makes a fresh memory small", () => {
    assert.ok(packZeros(new Uint8Array(makeMemory(SIZE).sums.buffer)).length < 60);
  });

  test("unpackZeros() gives nothing of another length, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 500 }), (packed, size) => {
        const bytes = unpackZeros(packed, size);
        assert.ok(bytes === null || bytes.byteLength === size);
      }),
    );
  });
});
