/**
 * Buffers of one chunk each, used again: in a flood thousands of new ones a second would wait for the garbage collector, outside of
 * its heap. At most MAX_FREE are kept.
 */
const CHUNK_BYTES = 256 * 1024;
const MAX_FREE = 16;
const free: Buffer[] = [];

/** A buffer of 256 KiB with anything in it. */
export function takeChunk(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
}

/** Nobody uses it any more. */
export function giveChunk(chunk: Buffer): void {
  if (free.length < MAX_FREE) free.push(chunk);
}
