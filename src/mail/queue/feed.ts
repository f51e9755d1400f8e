/**
 * Beginnings of queue files on their way from the process that may open them to the one that reads them. Pure.
 *
 *     offset bytes
 *     0      4     bytes of the beginning, little endian, at most 16 KiB
 *     4      2     index of the queue, as whoever opens the files counts them
 *     6      2     kind of the file
 *     8      4     owner's uid
 *     12           the beginning
 */
import { POSTFIX_QUEUES } from "../spool/walk.ts";

/** Bytes of a file that are looked at: an envelope with some hundred recipients, and the headers. */
export const HEAD_BYTES = 16 * 1024;
const PREFIX_BYTES = 12;

/** What kind of file it is: how it is read. */
export const FILE_KINDS = ["exim", ...POSTFIX_QUEUES] as const;
/** One of them. */
export type FileKind = (typeof FILE_KINDS)[number];

/** Where the beginning goes, behind its prefix. */
export function headAt(at: number): number {
  return at + PREFIX_BYTES;
}

/** Writes the prefix of a beginning that stands at {@link headAt}. @returns where the next one goes */
export function writePrefix(
  into: Buffer,
  at: number,
  head: { bytes: number; queue: number; kind: FileKind; ownerUid: number },
): number {
  into.writeUInt32LE(head.bytes, at);
  into.writeUInt16LE(head.queue, at + 4);
  into.writeUInt16LE(FILE_KINDS.indexOf(head.kind), at + 6);
  into.writeUInt32LE(head.ownerUid, at + 8);
  return at + PREFIX_BYTES + head.bytes;
}

/** Room for the largest one. */
export const MAX_ITEM_BYTES = PREFIX_BYTES + HEAD_BYTES;

/** One beginning. */
export interface FedHead {
  readonly queue: number;
  /** `undefined`: none that is known. */
  readonly kind: FileKind | undefined;
  readonly ownerUid: number;
  /** Valid during the call that it is given to. */
  readonly bytes: Buffer;
}

/**
 * Takes what is whole in a buffer.
 * @returns where the first one begins that is not whole yet
 * @throws RangeError for one that is too long
 */
export function readItems(buffer: Buffer, filled: number, take: (head: FedHead) => void): number {
  let at = 0;
  while (at + PREFIX_BYTES <= filled) {
    const length = buffer.readUInt32LE(at);
    if (length > HEAD_BYTES)
      throw new RangeError(`Cannot read a message: it has ${length} bytes, at most ${HEAD_BYTES} are wanted`);
    const end = at + PREFIX_BYTES + length;
    if (end > filled) break;
    const bytes = buffer.subarray(at + PREFIX_BYTES, end);
    take({
      queue: buffer.readUInt16LE(at + 4),
      kind: FILE_KINDS[buffer.readUInt16LE(at + 6)],
      ownerUid: buffer.readUInt32LE(at + 8),
      bytes,
    });
    at = end;
  }
  return at;
}
