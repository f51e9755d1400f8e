/**
 * Where the journal ends when the warden opens it, and whether that is where it should end.
 * Reads the file that the head names and what lies behind it, not the whole journal: that is the matter of verify.ts.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type ChainEnd, follows, GENESIS_HASH, MAX_BATCH_ENTRIES, MAX_LINE_BYTES, readIntactEntry } from "./chain.ts";
import { journalFileName, journalFileNumber, type StoredHead } from "./head.ts";
import { readLinesSync } from "./lines.ts";

const MAX_TORN_BYTES = MAX_BATCH_ENTRIES * (MAX_LINE_BYTES + 1);
const START: ChainEnd = { seq: 0, hash: GENESIS_HASH };

/** What was found. */
export interface Tail {
  /** The entry that the next one follows. */
  readonly end: ChainEnd;
  /** Highest `ref`, 0 when there is none. */
  readonly ref: number;
  /** Number of the last file, 0 when there is none. */
  readonly file: number;
  /** Bytes of the last file without `tornBytes`. */
  readonly sizeBytes: number;
  /** Bytes at its end that a crash left and that are to be cut off. 0 when `broken` is set: evidence is not touched. */
  readonly tornBytes: number;
  /** Why the journal does not end where its head says; `null` when it does. */
  readonly broken: string | null;
}

/** What the last files hold. */
interface Scan {
  /** The last entry of an unbroken row. */
  linked: ChainEnd | null;
  /** The last entry that is whole, whatever is before it. */
  last: ChainEnd | null;
  ref: number;
  isHeadMet: boolean;
  /** Entries of the unbroken row behind the head. */
  behindHead: number;
  /** The first line that is no entry or does not follow. */
  bad: { readonly file: number; readonly offset: number; readonly isBehindHead: boolean } | null;
}

/**
 * @param files numbers of the files that are there, rising
 * @param head what the journal should end with; `null` when that is not known
 */
export function readTail(folder: string, files: readonly number[], head: StoredHead | null): Tail {
  const file = files.at(-1) ?? 0;
  const bytes = file === 0 ? 0 : statSync(join(folder, journalFileName(file))).size;
  const first = journalFileNumber(head?.file ?? "");
  const scan = head !== null && (head.seq === 0 || files.includes(first!)) ? scanFrom(folder, files, head) : null;
  const tornBytes = scan?.bad?.file === file ? bytes - scan.bad.offset : 0;
  const broken = findBreak(scan, head, file, tornBytes);
  if (scan !== null && head !== null && broken === null) {
    const end = scan.linked ?? START;
    return { end, ref: Math.max(head.ref, scan.ref), file, sizeBytes: bytes - tornBytes, tornBytes, broken };
  }
  return { ...readLast(folder, files), file, sizeBytes: bytes, tornBytes: 0, broken };
}

function findBreak(scan: Scan | null, head: StoredHead | null, lastFile: number, tornBytes: number): string | null {
  if (head === null) return "the head is missing or damaged";
  if (scan === null) return `the file "${head.file}" of the head is missing`;
  if (!scan.isHeadMet) return "the last entry of the head is not there";
  if (scan.bad !== null && !scan.bad.isBehindHead) return "an entry before the last one of the head is damaged";
  if (scan.bad !== null && scan.bad.file !== lastFile) return `a line of ${journalFileName(scan.bad.file)} is no entry`;
  if (scan.behindHead > MAX_BATCH_ENTRIES) return `${scan.behindHead} entries are behind the head`;
  return tornBytes > MAX_TORN_BYTES ? `${tornBytes} bytes at the end are no entries` : null;
}

/** Reads on from the file of the head. */
function scanFrom(folder: string, files: readonly number[], head: StoredHead): Scan {
  const isStart = head.seq === 0;
  const scan = newScan(isStart ? START : null);
  scan.isHeadMet = isStart;
  const first = journalFileNumber(head.file) ?? 1;
  for (const file of files.filter((number) => number >= first)) scanFile(folder, file, scan, head);
  return scan;
}

/** The last whole entry and the highest `ref`, from the last file backwards. */
function readLast(folder: string, files: readonly number[]): { end: ChainEnd; ref: number } {
  let end: ChainEnd | null = null;
  let ref = 0;
  for (const file of files.toReversed()) {
    const scan = newScan(null);
    scanFile(folder, file, scan, null);
    end ??= scan.last;
    ref = scan.ref;
    if (end !== null && ref > 0) break;
  }
  return { end: end ?? START, ref };
}

function newScan(linked: ChainEnd | null): Scan {
  return { linked, last: null, ref: 0, isHeadMet: false, behindHead: 0, bad: null };
}

function scanFile(folder: string, file: number, scan: Scan, head: StoredHead | null): void {
  for (const { bytes, offset, isWhole } of readLinesSync(join(folder, journalFileName(file)))) {
    const entry = isWhole ? readIntactEntry(bytes) : undefined;
    if (entry === undefined || !(scan.linked === null || follows(entry, scan.linked))) {
      scan.bad ??= { file, offset, isBehindHead: scan.isHeadMet };
    } else if (scan.bad === null) {
      scan.linked = { seq: entry.seq, hash: entry.hash };
      if (scan.isHeadMet) scan.behindHead++;
    }
    if (entry === undefined) continue;
    scan.last = { seq: entry.seq, hash: entry.hash };
    // Refs behind a damaged line are cut off with it, so they do not count there.
    if (scan.bad === null || head === null) scan.ref = Math.max(scan.ref, entry.ref ?? 0);
    if (entry.seq === head?.seq && entry.hash === head.hash) scan.isHeadMet = true;
  }
}
