/** Parser of what read(2) gives of an inotify group. Pure. At most what one read gives. */
import { endianness } from "node:os";
import { GarrisonError } from "#src/lib/errors.ts";

// linux v6.18 include/uapi/linux/inotify.h
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
/** Events were lost. It comes with watch -1. */
export const IN_Q_OVERFLOW = 0x4000;
/** The watch is no more: its folder is gone, or its filesystem. */
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x0100_0000;
/** Nothing of files that have no name any more. */
export const IN_EXCL_UNLINK = 0x0400_0000;
/** What the event is about is a folder. */
export const IN_ISDIR = 0x4000_0000;

// struct inotify_event: int wd, u32 mask, u32 cookie, u32 len, then the name, padded with NUL.
const HEADER_BYTES = 16;
const IS_LITTLE = endianness() === "LE";

/** One event. */
export interface InotifyEvent {
  /** Number of the watch as {@link Inotify.watch} gave it. */
  readonly watch: number;
  /** IN_* bits. */
  readonly mask: number;
  /** Raw name in the folder, `""` when it is about the folder itself. */
  readonly name: string;
}

/** @throws GarrisonError `GARRISON_INOTIFY_MALFORMED` when the bytes end within an event */
export function parseInotifyEvents(bytes: Buffer): InotifyEvent[] {
  const events: InotifyEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + HEADER_BYTES <= bytes.length ? readUInt32(bytes, at + 12) : Number.POSITIVE_INFINITY;
    const end = at + HEADER_BYTES + length;
    if (end > bytes.length) {
      throw new GarrisonError(
        "GARRISON_INOTIFY_MALFORMED",
        `Cannot read inotify: an event at ${at} goes beyond the ${bytes.length} bytes that were read`,
      );
    }
    events.push({
      watch: readUInt32(bytes, at) | 0,
      mask: readUInt32(bytes, at + 4),
      name: nameIn(bytes, at + HEADER_BYTES, end),
    });
    at = end;
  }
  return events;
}

function readUInt32(bytes: Buffer, at: number): number {
  return IS_LITTLE ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function nameIn(bytes: Buffer, start: number, end: number): string {
  const nul = bytes.indexOf(0, start);
  return bytes.toString("latin1", start, nul === -1 || nul > end ? end : nul);
}
