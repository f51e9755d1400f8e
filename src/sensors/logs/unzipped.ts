/**
 * Reads what gzip made of a rotated log. zlib works in a process of root here: a rotated file is unzipped only to go on where we
 * stopped in it, and its deflate stream was made by the gzip of whoever rotates, not by those who write the lines. The other way,
 * sending whole zipped files to the mind until one fits, would let the mind read files that it never had a position in.
 * Bounds: one chunk in memory; the reader takes no more than it asks for.
 */
import { fstatSync, readSync } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

const HEAD_BYTES = 256;
const CHUNK_BYTES = 64 * 1024;
const TRUSTED_UIDS = new Set([0, process.geteuid?.() ?? 0]);

/** The first bytes, at most 256; `undefined` when it is no gzip, or made by a customer. */
export async function readUnzippedHead(fd: number): Promise<Buffer | undefined> {
  if (!TRUSTED_UIDS.has(fstatSync(fd).uid)) return undefined;
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of unzip(fd)) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= HEAD_BYTES) break;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES);
}

/** Pieces of what is in it behind the first `skipBytes`. Stops reading when the consumer does. @throws Error of node:zlib */
export async function* unzip(fd: number, skipBytes = 0): AsyncGenerator<Buffer> {
  const source = Readable.from(zippedPieces(fd));
  const unzipped = createGunzip({ chunkSize: CHUNK_BYTES });
  source.on("error", (error) => unzipped.destroy(error));
  source.pipe(unzipped);
  let left = skipBytes;
  try {
    for await (const piece of unzipped as AsyncIterable<Buffer>) {
      if (piece.length > left) yield piece.subarray(left);
      left = Math.max(0, left - piece.length);
    }
  } finally {
    source.destroy();
    unzipped.destroy();
  }
}

/** A stream of node:fs would close the descriptor, which is not ours. */
function* zippedPieces(fd: number): Generator<Buffer> {
  for (let at = 0; ; ) {
    const piece = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const count = readSync(fd, piece, 0, piece.length, at);
    if (count === 0) return;
    at += count;
    yield piece.subarray(0, count);
  }
}
