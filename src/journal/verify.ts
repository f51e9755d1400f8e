/**
 * Checks and reads a journal, as any user who may read it, also while the warden writes.
 * Memory: one line, and what chain-reader.ts states. Time: about 12 µs an entry.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type JournalEntry, readIntactEntry } from "./chain.ts";
import { ChainReader, type JournalReport } from "./chain-reader.ts";
import { journalFileName, journalFileNumber, listJournalFiles, readHead, type StoredHead } from "./head.ts";
import { readLines } from "./lines.ts";

const MAX_READ_ENTRIES = 100_000;

/** The head, and the files as long as they were then. */
interface Snapshot {
  readonly head: StoredHead | "absent" | "damaged";
  readonly files: readonly { readonly number: number; readonly sizeBytes: number }[];
}

/** Which entries are wanted. */
export interface ReadJournalOptions {
  /** How many of the last ones, 1 to 100,000. */
  readonly last: number;
}

/**
 * Reads every entry and names whatever was edited, cut, moved, doubled or put in.
 * A host without a journal gives an empty report.
 * @throws Error of node:fs (EACCES)
 */
export async function verifyJournal(folder: string): Promise<JournalReport> {
  const { head, files } = takeSnapshot(folder);
  const reader = new ChainReader(typeof head === "string" ? null : head);
  const lastFile = files.at(-1)?.number;
  let expected = 1;
  let unfinished: { file: string; line: number; bytes: Buffer } | null = null;
  for (const { number, sizeBytes } of files) {
    for (; expected < number; expected++) reader.missFile(journalFileName(expected));
    expected = number + 1;
    const file = journalFileName(number);
    let line = 0;
    for await (const { bytes, isWhole } of readLines(join(folder, file), sizeBytes)) {
      line++;
      if (isWhole || number !== lastFile) reader.push(bytes, { file, line });
      else unfinished = { file, line, bytes };
    }
  }
  if (head === "damaged" || (head === "absent" && files.length > 0)) reader.report(headProblem(head));
  const headFile = typeof head === "string" ? undefined : journalFileNumber(head.file);
  return reader.end(unfinished, headFile === undefined || files.some(({ number }) => number === headFile));
}

/**
 * The last entries, oldest first; lines that are no entries are left out (see {@link verifyJournal}).
 * @throws RangeError when `last` is out of bounds
 * @throws Error of node:fs (EACCES)
 */
export async function readJournal(folder: string, { last }: ReadJournalOptions): Promise<JournalEntry[]> {
  if (!Number.isSafeInteger(last) || last < 1 || last > MAX_READ_ENTRIES) {
    throw new RangeError(
      `Cannot read the journal: ${last} entries are asked for, 1 to ${MAX_READ_ENTRIES} can be given`,
    );
  }
  let entries: JournalEntry[] = [];
  for (const number of listJournalFiles(folder).toReversed()) {
    const room = last - entries.length;
    if (room === 0) break;
    entries = [...(await readLastOf(join(folder, journalFileName(number)), room)), ...entries];
  }
  return entries;
}

async function readLastOf(path: string, last: number): Promise<JournalEntry[]> {
  let entries: JournalEntry[] = [];
  for await (const { bytes, isWhole } of readLines(path)) {
    const entry = isWhole ? readIntactEntry(bytes) : undefined;
    if (entry !== undefined) entries.push(entry);
    if (entries.length >= last * 2) entries = entries.slice(-last);
  }
  return entries.slice(-last);
}

/** Sizes that fit the head, while the warden may be writing: at most one batch lies between them. */
function takeSnapshot(folder: string): Snapshot {
  for (let attempt = 0; ; attempt++) {
    const head = readHead(folder);
    const files = listJournalFiles(folder).map((number) => ({
      number,
      sizeBytes: statSync(join(folder, journalFileName(number))).size,
    }));
    if (attempt === 20 || JSON.stringify(readHead(folder)) === JSON.stringify(head)) return { head, files };
  }
}

function headProblem(head: "absent" | "damaged") {
  return {
    file: "head",
    line: 0,
    seq: null,
    problem: head === "absent" ? ("head-missing" as const) : ("head-edited" as const),
    detail: head === "absent" ? "the head is missing" : "the head is not as the warden writes it",
  };
}
