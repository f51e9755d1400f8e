/**
 * The memory of a series as bytes, and back. What was damaged is refused: a wrong past would be believed for weeks. Pure.
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 4 | "GLV" and the version, 1 |
 * | 4 | 4 | FNV-1a of all that follows, little endian |
 * | 8 | | the memory, little endian, runs of zero packed (zero-runs.ts) |
 */
import { GarrisonError } from "#src/lib/errors.ts";
import { DAY, NUMBER, SIZE, SUM, TAILS, WEEK } from "./layout.ts";
import { type Memory, makeMemory, sizeOf } from "./memory.ts";
import { isSoundSeason } from "./season.ts";
import { isSoundTail } from "./tail.ts";
import { packZeros, unpackZeros } from "./zero-runs.ts";

const MAGIC = [0x47, 0x4c, 0x56, 1];
const HEAD_BYTES = 8;
const MAX_NUMBER = 4e30;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Bytes of a memory. */
export function writeState({ sums }: Memory): Uint8Array<ArrayBuffer> {
  const packed = packZeros(new Uint8Array(sums.buffer));
  const state = new Uint8Array(HEAD_BYTES + packed.length);
  state.set(MAGIC);
  state.set(packed, HEAD_BYTES);
  new DataView(state.buffer).setUint32(4, checksum(packed), true);
  return state;
}

/** @throws GarrisonError GARRISON_LEVEL_STATE when these are no bytes of {@link writeState}, or were changed since */
export function readState(state: Uint8Array): Memory {
  if (MAGIC.some((byte, index) => state[index] !== byte) || state.length < HEAD_BYTES)
    throw refused("these bytes are none, or of another version");
  const packed = state.subarray(HEAD_BYTES);
  if (new DataView(state.buffer, state.byteOffset).getUint32(4, true) !== checksum(packed))
    throw refused("it was changed since it was written");
  const bytes = unpackZeros(packed, sizeOf(SIZE));
  if (bytes === null) throw refused(`it does not unpack to ${sizeOf(SIZE)} bytes`);
  const memory = makeMemory(SIZE, bytes);
  if (!isSound(memory)) throw refused("it holds what no series can come to");
  return memory;
}

function refused(reason: string): GarrisonError {
  return new GarrisonError(
    "GARRISON_LEVEL_STATE",
    `Cannot go on with the state of a level: ${reason}, the bytes of save() are wanted`,
  );
}

function checksum(bytes: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

function isSound(memory: Memory): boolean {
  const { sums, numbers } = memory;
  if (!numbers.every((number) => Math.abs(number) <= MAX_NUMBER) || !sums.every(Number.isFinite)) return false;
  const { intervalMs, values, watchedMs, heldUntil, limitHeldUntil } = SUM;
  if ([intervalMs, values, watchedMs, heldUntil, limitHeldUntil].some((at) => sums[at]! < 0)) return false;
  if (!Number.isSafeInteger(sums[values])) return false;
  const { spread, held, limitHeld, silenceTold } = NUMBER;
  if ([spread, held, limitHeld, silenceTold].some((at) => numbers[at]! < 0)) return false;
  for (let tail = 0; tail < TAILS; tail++) if (!isSoundTail(memory, tail)) return false;
  return isSoundSeason(memory, DAY) && isSoundSeason(memory, WEEK);
}
