/**
 * Parser of what read(2) gives on a fanotify fd in FID mode. Pure.
 *
 * | offset | field of struct fanotify_event_metadata |
 * |---|---|
 * | 0 | event_len u32 |
 * | 4 | vers u8 (3) |
 * | 6 | metadata_len u16 |
 * | 8 | mask u64 |
 * | 16 | fd s32 (FAN_NOFD in FID mode) |
 * | 20 | pid s32 |
 *
 * then info records: info_type u8, pad u8, len u16; for FID types fsid (8 bytes) and struct file_handle
 * (handle_bytes u32, handle_type s32, f_handle[]), and for *_NAME types a NUL-terminated name behind it.
 * @see fanotify(7); linux v6.18 include/uapi/linux/fanotify.h
 */
import { GarrisonError } from "#src/lib/errors.ts";

export const FAN_ACCESS = 0x1;
export const FAN_MODIFY = 0x2;
export const FAN_ATTRIB = 0x4;
export const FAN_CLOSE_WRITE = 0x8;
export const FAN_OPEN = 0x20;
export const FAN_MOVED_FROM = 0x40;
export const FAN_MOVED_TO = 0x80;
export const FAN_CREATE = 0x100;
export const FAN_DELETE = 0x200;
export const FAN_DELETE_SELF = 0x400;
export const FAN_MOVE_SELF = 0x800;
export const FAN_OPEN_EXEC = 0x1000;
export const FAN_Q_OVERFLOW = 0x4000;
export const FAN_EVENT_ON_CHILD = 0x08000000;
export const FAN_ONDIR = 0x40000000;

const METADATA_BYTES = 24;
const INFO_FID = 1;
const INFO_DFID_NAME = 2;
const INFO_DFID = 3;
const INFO_PIDFD = 4;

/** One event. Handles are `fsid + file handle` as latin1 strings: equal strings name the same inode. */
export interface FanotifyEvent {
  readonly mask: number;
  readonly pid: number;
  /** The object itself (FAN_EVENT_INFO_TYPE_FID), or `null`. */
  readonly object: string | null;
  /** The folder of the named entry, or `null`. */
  readonly folder: string | null;
  /** Name in `folder`, bytes as latin1; `"."` when the event is about the folder itself. */
  readonly name: string | null;
  /** To be closed by the reader; -1 when there is none. */
  readonly pidfd: number;
}

/**
 * All events of one read.
 * @throws GarrisonError `GARRISON_FANOTIFY_MALFORMED` when a length runs out of the buffer or the version is unknown
 */
export function parseFanotifyEvents(buffer: Buffer, onEvent: (event: FanotifyEvent) => void): void {
  let offset = 0;
  while (offset < buffer.length) {
    if (buffer.length - offset < METADATA_BYTES) throw malformed("event is cut", offset);
    const eventBytes = buffer.readUInt32LE(offset);
    if (eventBytes < METADATA_BYTES || offset + eventBytes > buffer.length) throw malformed("event length", offset);
    if (buffer[offset + 4] !== 3) throw malformed("version", offset);
    onEvent(parseEvent(buffer.subarray(offset, offset + eventBytes)));
    offset += eventBytes;
  }
}

function parseEvent(event: Buffer): FanotifyEvent {
  let object: string | null = null;
  let folder: string | null = null;
  let name: string | null = null;
  let pidfd = -1;
  let offset = event.readUInt16LE(6);
  while (offset + 4 <= event.length) {
    const type = event[offset];
    const infoBytes = event.readUInt16LE(offset + 2);
    if (infoBytes < 4 || offset + infoBytes > event.length) throw malformed("info length", offset);
    const info = event.subarray(offset + 4, offset + infoBytes);
    if (type === INFO_PIDFD && info.length >= 4) pidfd = info.readInt32LE(0);
    else if (type === INFO_FID || type === INFO_DFID || type === INFO_DFID_NAME) {
      if (info.length < 16) throw malformed("file handle is cut", offset);
      const handleEnd = 16 + info.readUInt32LE(8);
      if (handleEnd > info.length) throw malformed("file handle length", offset);
      const handle = handleKey(info.subarray(0, handleEnd));
      if (type === INFO_FID) object = handle;
      else folder = handle;
      if (type === INFO_DFID_NAME) {
        const end = info.indexOf(0, handleEnd);
        name = info.toString("latin1", handleEnd, end === -1 ? info.length : end);
      }
    }
    offset += infoBytes;
  }
  // The upper 32 bits hold no event bit on any kernel so far.
  return { mask: event.readUInt32LE(8), pid: event.readInt32LE(20), object, folder, name, pidfd };
}

/** fsid (8 bytes), handle_bytes, handle_type and handle: one string, the same as {@link fileHandleKey} makes. */
export function handleKey(bytes: Buffer): string {
  return bytes.toString("latin1");
}

function malformed(what: string, offset: number): GarrisonError {
  return new GarrisonError(
    "GARRISON_FANOTIFY_MALFORMED",
    `Cannot read fanotify events: ${what} at byte ${offset} is wrong, expected struct fanotify_event_metadata version 3`,
  );
}
