/** Reads a log from its beginning to its end: plain or by gzip, of a regular file or of a pipe. */
import { createReadStream, readSync } from "node:fs";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import { errorText } from "#src/lib/errors.ts";

/** Larger blocks make the search for texts and the limit of time cheaper, up to here (measured with 1, 2 and 4 MiB). */
const BLOCK_BYTES = 2 * 1024 * 1024;
const PIPE_BYTES = 256 * 1024;
const MAGIC_BYTES = 6;
const GZIP_MAGIC = "1f8b";
/** First bytes of files that are compressed otherwise. */
const OTHER_MAGICS: readonly (readonly [magic: string, name: string])[] = [
  ["fd377a585a00", "xz"],
  ["425a68", "bzip2"],
  ["28b52ffd", "zstd"],
  ["504b0304", "zip"],
];

/** An open file. */
export interface OpenLog {
  readonly fd: number;
  readonly isRegular: boolean;
}

/** What is told of the reading. */
export interface LogReader {
  /** Bytes as they were written, unzipped. Valid during the call only. */
  take(chunk: Buffer): void;
  /** @param bytes of the file as it lies on the disk that have been read by now */
  onProgress(bytes: number): void;
}

/** @returns `null`, or why it could not be read to its end: what came before has been taken */
export async function readLog({ fd, isRegular }: OpenLog, reader: LogReader): Promise<string | null> {
  try {
    return await (isRegular ? readRegular(fd, reader) : readPipe(fd, reader));
  } catch (error) {
    return errorText(error);
  }
}

async function readRegular(fd: number, reader: LogReader): Promise<string | null> {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  const magic = block.toString("hex", 0, readSync(fd, block, 0, MAGIC_BYTES, 0));
  const other = nameOfOther(magic);
  if (other !== null) return other;
  if (magic.startsWith(GZIP_MAGIC)) return unzip(createReadStream("", { fd, autoClose: false }), reader);
  for (let at = 0; ; ) {
    const count = readSync(fd, block, 0, BLOCK_BYTES, at);
    if (count === 0) return null;
    reader.take(block.subarray(0, count));
    at += count;
    reader.onProgress(at);
    // The order to stop, and Ctrl-C, come between blocks.
    await nextTurn();
  }
}

async function readPipe(fd: number, reader: LogReader): Promise<string | null> {
  const chunks = createReadStream("", { fd, autoClose: false, highWaterMark: PIPE_BYTES })[Symbol.asyncIterator]();
  const head = await readHead(chunks);
  const magic = head.toString("hex", 0, MAGIC_BYTES);
  const other = nameOfOther(magic);
  if (other !== null) return other;
  const all = joinChunks(head, chunks);
  if (magic.startsWith(GZIP_MAGIC)) return unzip(Readable.from(all), reader);
  let bytes = 0;
  for await (const chunk of all) {
    reader.take(chunk);
    bytes += chunk.length;
    reader.onProgress(bytes);
  }
  return null;
}

/** As many chunks as hold what tells how the file is compressed. */
async function readHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < MAGIC_BYTES) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* joinChunks(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function nameOfOther(magic: string): string | null {
  const found = OTHER_MAGICS.find(([bytes]) => magic.startsWith(bytes));
  return found === undefined ? null : `it is compressed by ${found[1]}, plain text or gzip is wanted`;
}

/** Takes chunks as they are unzipped, not through a queue: of a file that was cut off, all that can be read comes before the error. */
function unzip(input: Readable, { take, onProgress }: LogReader): Promise<string | null> {
  return new Promise((resolve) => {
    const gunzip = createGunzip({ chunkSize: BLOCK_BYTES });
    let bytes = 0;
    gunzip.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      take(chunk);
      onProgress(gunzip.bytesWritten);
    });
    gunzip.once("end", () => resolve(null));
    gunzip.once("error", (error: NodeJS.ErrnoException) => {
      const what = error.code === "Z_BUF_ERROR" ? "it is cut off" : errorText(error);
      input.destroy();
      resolve(`${what} at byte ${gunzip.bytesWritten} of the zipped file, behind ${bytes} bytes of text`);
    });
    input.once("error", (error) => gunzip.destroy(error));
    input.pipe(gunzip);
  });
}
