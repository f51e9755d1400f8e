/** Gets the text of a list: over HTTP with conditional requests, or from a file. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { errnoOf, errorText, GarrisonError } from "#src/lib/errors.ts";
import { formatSize } from "#src/lib/size.ts";
import type { BlockListOptions } from "../options.ts";

/** What the server said of the last answer: it is asked whether there is a newer one. */
export interface ListValidators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** The text, or that it is as it was. */
export type FetchedList =
  | { readonly kind: "unchanged" }
  | { readonly kind: "text"; readonly text: string; readonly validators: ListValidators };

/** Bounds of a fetch besides those of the list. */
export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Of the whole transfer. @default 60,000 */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 5;
const MAX_VALIDATOR = 512;

/**
 * The text of a list, UTF-8, at most `maxBytes` of it, unpacked if it is gzip. At most 5 redirects are followed, none from https to http.
 * @param previous what the last fetch gave; `null` to get the text whether or not it is newer
 * @throws GarrisonError `GARRISON_LIST_UNREACHABLE` when there is none to be had
 */
export async function fetchList(
  options: BlockListOptions,
  previous: ListValidators | null,
  { signal, timeoutMs = TIMEOUT_MS }: FetchOptions,
): Promise<FetchedList> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    if (options.from.startsWith("/")) return await readListFile(options, previous);
    return await request(options, previous, deadline);
  } catch (error) {
    signal.throwIfAborted();
    throw new GarrisonError("GARRISON_LIST_UNREACHABLE", `Cannot get list "${options.name}" from "${options.from}"`, {
      cause: error,
    });
  }
}

async function request(
  { from, maxBytes }: BlockListOptions,
  previous: ListValidators | null,
  signal: AbortSignal,
): Promise<FetchedList> {
  let url = new URL(from);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(url, { headers: headersOf(previous), redirect: "manual", signal });
    const { status } = response;
    const location = response.headers.get("location");
    if (status === 200)
      return { kind: "text", text: await textOf(response, maxBytes), validators: validatorsOf(response) };
    await response.body?.cancel();
    if (status === 304 && previous !== null) return { kind: "unchanged" };
    if (![301, 302, 303, 307, 308].includes(status) || location === null)
      throw new Error(`HTTP status is ${status}, 200 is wanted`);
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol) || (url.protocol === "https:" && next.protocol !== "https:"))
      throw new Error(`it redirects from ${url.protocol} to ${next.protocol}, which is not followed`);
    url = next;
  }
  throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
}

function headersOf(previous: ListValidators | null): Record<string, string> {
  return {
    accept: "text/plain, */*;q=0.5",
    "user-agent": "garrison",
    ...(previous?.etag == null ? {} : { "if-none-match": previous.etag }),
    ...(previous?.lastModified == null ? {} : { "if-modified-since": previous.lastModified }),
  };
}

function validatorsOf({ headers }: Response): ListValidators {
  const value = (name: string): string | null => {
    const text = headers.get(name);
    return text === null || text.length > MAX_VALIDATOR ? null : text;
  };
  return { etag: value("etag"), lastModified: value("last-modified") };
}

/** The body, counted as it comes: what Content-Length says, and how much an encoding unpacks to, is the server's word. */
async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  return unpack(Buffer.concat(chunks), maxBytes);
}

/** A file in gzip, which is another thing than a transfer in gzip. */
async function unpack(bytes: Buffer, maxBytes: number): Promise<string> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString();
  try {
    return (await promisify(gunzip)(bytes, { maxOutputLength: maxBytes })).toString();
  } catch (error) {
    if (error instanceof RangeError) throw tooLong(maxBytes);
    throw error;
  }
}

function tooLong(maxBytes: number): RangeError {
  return new RangeError(`it is longer than ${formatSize(maxBytes)}, which is maxSize of the list`);
}

async function readListFile(
  { from, maxBytes }: BlockListOptions,
  previous: ListValidators | null,
): Promise<FetchedList> {
  await using file = await openList(from);
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error("it is no regular file");
  // Who can write the file can block whom he likes.
  if ((stat.uid !== 0 && stat.uid !== process.geteuid?.()) || (stat.mode & 0o002) !== 0)
    throw new Error("others can write it, a file that root owns and nobody else may write is wanted");
  if (stat.size > maxBytes) throw tooLong(maxBytes);
  const etag = `${stat.ino}-${stat.size}-${stat.mtimeMs}`;
  if (previous?.etag === etag) return { kind: "unchanged" };
  // One byte more than it had: it may grow while it is read.
  const { bytesRead, buffer } = await file.read(Buffer.alloc(Number(stat.size) + 1), 0, Number(stat.size) + 1, 0);
  const text = await unpack(buffer.subarray(0, Math.min(bytesRead, stat.size)), maxBytes);
  return { kind: "text", text, validators: { etag, lastModified: null } };
}

/** Without waiting for anybody who holds the other end of a pipe, and not through a link, whose owner may be another. */
async function openList(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOOP") throw new Error("it is a symbolic link, a file is wanted", { cause: error });
    if (errno !== "EACCES") throw error;
    throw new Error(
      "lists are read by garrison-mind, which is no root: a file and folders that its user may read are wanted",
      {
        cause: errorText(error),
      },
    );
  }
}
