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
export const FAN_MOVED_TO = 0x80;
export const FAN_CREATE = 0x100;
export const FAN_DELETE_SELF = 0x400;
export const FAN_MOVE_SELF = 0x800;
export const FAN_OPEN_EXEC = 0x1000;
export const FAN_Q_OVERFLOW = 0x4000;
export const FAN_ONDIR = 0x40000000;

const METADATA_BYTES = 24;
const VERSION = 3;
const INFO_FID = 1;
const INFO_DFID_NAME = 2;
const INFO_DFID = 3;
const INFO_PIDFD = 4;
// info header, fsid, handle_bytes and handle_type
const HANDLE_OFFSET = 4 + 8 + 8;
const NO_PIDFD = -1;

/** One event. Handles are `fsid + file handle` as latin1 strings: equal strings name the same inode. */
export interface FanotifyEvent {
  /** Event bits; the upper 32 bits of the kernel's mask hold none so far. */
  readonly mask: number;
  /** Process (not thread) id; 0 when it is of another pid namespace. */
  readonly pid: number;
  /** The object itself (FAN_EVENT_INFO_TYPE_FID), or `null`. */
  readonly object: string | null;
  /** The folder of the named entry, or `null`. */
  readonly folder: string | null;
  /** Name in `folder`, bytes as latin1; `"."` when the event is about the folder itself. */
  readonly name: string | null;
  /** To be closed by the reader; -1 (FAN_NOPIDFD) when the process has ended or the group asks for none, -2 on failure. */
  readonly pidfd: number;
}

/**
 * All events of one read.
 * @throws GarrisonError `GARRISON_FANOTIFY_MALFORMED` when a length runs out of the buffer or the version is unknown
 */
export function parseFanotifyEvents(buffer: Buffer): FanotifyEvent[] {
  const events: FanotifyEvent[] = [];
  let offset = 0;
  while (offset < buffer.length) {
    if (buffer.length - offset < METADATA_BYTES) throw malformed("event is cut", offset);
    const end = offset + buffer.readUInt32LE(offset);
    if (end < offset + METADATA_BYTES || end > buffer.length) throw malformed("event length", offset);
    if (buffer[offset + 4] !== VERSION) throw malformed("version", offset);
    events.push(parseEvent(buffer, offset, end));
    offset = end;
  }
  return events;
}

function parseEvent(buffer: Buffer, start: number, end: number): FanotifyEvent {
  const event = { object: null as string | null, folder: null as string | null, name: null as string | null };
  let pidfd = NO_PIDFD;
  const metadataBytes = buffer.readUInt16LE(start + 6);
  if (metadataBytes < METADATA_BYTES) throw malformed("metadata length", start);
  for (let offset = start + metadataBytes; offset + 4 <= end; ) {
    const type = buffer[offset];
    const infoEnd = offset + buffer.readUInt16LE(offset + 2);
    if (infoEnd < offset + 4 || infoEnd > end) throw malformed("info length", offset);
    if (type === INFO_PIDFD && infoEnd >= offset + 8) pidfd = buffer.readInt32LE(offset + 4);
    else if (type === INFO_FID) event.object = handleAt(buffer, offset, infoEnd).handle;
    else if (type === INFO_DFID) event.folder = handleAt(buffer, offset, infoEnd).handle;
    else if (type === INFO_DFID_NAME) {
      const { handle, handleEnd } = handleAt(buffer, offset, infoEnd);
      event.folder = handle;
      const nul = buffer.indexOf(0, handleEnd);
      event.name = buffer.toString("latin1", handleEnd, nul === -1 || nul > infoEnd ? infoEnd : nul);
    }
    offset = infoEnd;
  }
  return { mask: buffer.readUInt32LE(start + 8), pid: buffer.readInt32LE(start + 20), ...event, pidfd };
}

/** fsid and file handle of an info record, as the text that `FanotifyGroup.mark` gives for the same inode. */
function handleAt(buffer: Buffer, offset: number, infoEnd: number): { handle: string; handleEnd: number } {
  if (offset + HANDLE_OFFSET > infoEnd) throw malformed("file handle is cut", offset);
  const handleEnd = offset + HANDLE_OFFSET + buffer.readUInt32LE(offset + 12);
  if (handleEnd > infoEnd) throw malformed("file handle length", offset);
  return { handle: buffer.toString("latin1", offset + 4, handleEnd), handleEnd };
}

function malformed(what: string, offset: number): GarrisonError {
  return new GarrisonError(
    "GARRISON_FANOTIFY_MALFORMED",
    `Cannot read fanotify events: ${what} at byte ${offset} is wrong, expected struct fanotify_event_metadata version 3`,
  );
}
