/**
 * The head of the journal: where it ended when it was last written, in a file of its own, so that cutting its tail is noticed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "#src/lib/errors.ts";
import { integer, object, text } from "#src/wire/check.ts";
import type { JournalHead } from "#src/wire/warden-messages.ts";
import { GENESIS_HASH } from "./chain.ts";

/** Name of the head's file. */
export const HEAD_FILE = "head";

/** The head as it lies on the disk. */
export interface StoredHead extends JournalHead {
  /** Name of the file in which the last entry is. */
  readonly file: string;
}

const HEAD = object({ seq: integer(0), hash: text(64), ref: integer(0), file: text(64) });

/** The head of a journal without entries. */
export const EMPTY_HEAD: StoredHead = { seq: 0, hash: GENESIS_HASH, ref: 0, file: journalFileName(1) };

/** Name of the file with this number, which is 1 or more. */
export function journalFileName(number: number): string {
  return `journal-${String(number).padStart(6, "0")}.jsonl`;
}

/** Number of a journal file, `undefined` for any other name. */
export function journalFileNumber(name: string): number | undefined {
  const match = /^journal-(\d{6})\.jsonl$/.exec(name);
  return match === null || Number(match[1]) === 0 ? undefined : Number(match[1]);
}

/** Numbers of the files of a journal, rising; empty when there is no folder. @throws Error of node:fs (EACCES) */
export function listJournalFiles(folder: string): number[] {
  try {
    const numbers = readdirSync(folder).map(journalFileNumber);
    return numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** Text of the head's file. */
export function formatHead({ seq, hash, ref, file }: StoredHead): string {
  return `${JSON.stringify({ seq, hash, ref, file })}\n`;
}

/** @throws SyntaxError when it is not byte for byte what {@link formatHead} writes */
export function parseHead(bytes: Buffer): StoredHead {
  try {
    const head = HEAD(JSON.parse(bytes.toString("utf8")), "head");
    if (Buffer.from(formatHead(head)).equals(bytes) && journalFileNumber(head.file) !== undefined) return head;
  } catch (error) {
    throw new SyntaxError("Cannot read the journal's head: it is not JSON of the right form", { cause: error });
  }
  throw new SyntaxError("Cannot read the journal's head: it is not written as the warden writes");
}

/** @returns `absent` when there is none, `damaged` when it cannot be parsed. @throws Error of node:fs (EACCES) */
export function readHead(folder: string): StoredHead | "absent" | "damaged" {
  try {
    return parseHead(readFileSync(join(folder, HEAD_FILE)));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "absent";
    if (error instanceof SyntaxError) return "damaged";
    throw error;
  }
}
