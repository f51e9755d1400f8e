/**
 * Reads the lines of a journal in order and names what someone did to them. Pure.
 * Memory: the hashes of the last 4096 entries, at most 1000 problems, at most 100 gaps.
 */
import { LruMap } from "#src/lib/lru.ts";
import type { JournalHead } from "#src/wire/warden-messages.ts";
import { follows, GENESIS_HASH, isIntact, type JournalEntry, MAX_BATCH_ENTRIES, parseEntry } from "./chain.ts";
import { EMPTY_HEAD, formatHead, type StoredHead } from "./head.ts";

const MAX_PROBLEMS = 1000;
const MAX_GAPS = 100;
const MAX_BAD_LINES = 1000;
const MAX_RECENT = 4096;

/** What can be wrong with a journal. */
export type ProblemName =
  | "edited"
  | "cut"
  | "tail-cut"
  | "reordered"
  | "duplicated"
  | "inserted"
  | "file-missing"
  | "head-missing"
  | "head-edited"
  | "head-behind"
  | "broken";

/** One thing that is wrong. */
export interface JournalProblem {
  readonly file: string;
  /** 1 for the first line; 0 for the file as a whole. */
  readonly line: number;
  /** Number of the (first) entry that it is about; `null` when the line has none. */
  readonly seq: number | null;
  readonly problem: ProblemName;
  /** The same in words. */
  readonly detail: string;
}

/** What a journal is. */
export interface JournalReport {
  /** Entries of the chain. */
  readonly entries: number;
  /** Where the chain ends. */
  readonly head: JournalHead;
  readonly problems: readonly JournalProblem[];
  /** Problems beyond the first 1000. */
  readonly problemsNotListed: number;
  /** Bytes at the end that are no whole line: a write under way, or a crash that the warden repairs at its next start. */
  readonly unfinishedBytes: number;
}

interface Place {
  readonly file: string;
  readonly line: number;
}

type Seen = JournalEntry & Place;

/** A line that is no intact entry. */
interface BadLine extends Place {
  /** What it claims to be. */
  readonly seq: number | null;
}

/** An intact entry that does not follow the chain, with the bad lines before it. */
interface Stray {
  readonly entry: Seen;
  readonly bad: readonly BadLine[];
}

/** Entries that are missing, so far. */
interface Gap {
  readonly from: number;
  readonly to: number;
  left: number;
  readonly problem: JournalProblem;
}

type ChainTip = Place & { readonly seq: number; readonly hash: string };

/** Takes a journal line by line; `end` tells what was found. */
export class ChainReader {
  readonly #head: StoredHead | null;
  readonly #recent = new LruMap<number, string>(MAX_RECENT);
  #problems: JournalProblem[] = [];
  #notListed = 0;
  #gaps: Gap[] = [];
  /** Since the tip, or since the stray entry when there is one. */
  #bad: BadLine[] = [];
  /** The last entry of the chain. */
  #tip: ChainTip = { seq: 0, hash: GENESIS_HASH, file: "", line: 0 };
  /** The next lines tell whether the chain goes on there. */
  #stray: Stray | null = null;
  #missingFile: string | null = null;
  #entries = 0;
  #ref = 0;
  #headEntry: Seen | null = null;

  /** @param head what the journal should end with; `null` when that is not known, which the caller reports */
  constructor(head: StoredHead | null) {
    this.#head = head;
  }

  /** Says that a file between those given is not there. */
  missFile(name: string): void {
    this.#missingFile ??= name;
    this.report({ file: name, line: 0, seq: this.#tip.seq + 1, problem: "file-missing", detail: `${name} is missing` });
  }

  /** Takes the next line. */
  push(bytes: Buffer, place: Place): void {
    const entry = tryParse(bytes);
    if (entry === undefined || !isIntact(entry)) {
      if (this.#bad.length < MAX_BAD_LINES) this.#bad.push({ ...place, seq: entry?.seq ?? null });
      else this.#notListed++;
      return;
    }
    this.#takeIntact({ ...entry, ...place });
  }

  /** Adds a problem that only the caller can see. */
  report(problem: JournalProblem): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(problem);
    else this.#notListed++;
  }

  /**
   * @param unfinished the bytes behind the last newline, `null` when there are none
   * @param hasHeadFile whether the file that the head names is there
   */
  end(unfinished: (Place & { readonly bytes: Buffer }) | null, hasHeadFile: boolean): JournalReport {
    this.#settleStray();
    const isExpected = unfinished !== null && this.#head !== null && this.#tip.seq < this.#head.seq;
    if (isExpected) this.#bad.push({ file: unfinished.file, line: unfinished.line, seq: null });
    this.#compareWithHead(hasHeadFile);
    return {
      entries: this.#entries,
      head: { seq: this.#tip.seq, hash: this.#tip.hash, ref: this.#ref },
      problems: this.#problems,
      problemsNotListed: this.#notListed,
      unfinishedBytes: unfinished === null || isExpected ? 0 : unfinished.bytes.length,
    };
  }

  #takeIntact(entry: Seen): void {
    const stray = this.#stray;
    if (follows(entry, this.#tip)) this.#takeNext(entry);
    else if (stray !== null && this.#confirms(entry, stray.entry)) {
      this.#goOnAt(stray);
      this.#takeIntact(entry);
    } else if (entry.seq <= this.#tip.seq) this.#takePast(entry);
    else this.#setStray(entry);
  }

  #takeNext(entry: Seen): void {
    const stray = this.#stray;
    this.#stray = null;
    this.#settleBad([...(stray?.bad ?? []), ...this.#bad], entry.seq - 1, entry.kind === "journal.broken");
    this.#bad = [];
    this.#advance(entry);
    if (stray === null) return;
    if (!follows(stray.entry, entry)) return this.#reportInserted(stray.entry);
    this.#reportAt(stray.entry, "reordered", `entry ${stray.entry.seq} is before entry ${entry.seq}`);
    this.#advance(stray.entry);
  }

  /** Whether the entry shows that the chain goes on at the stray one: by its link, or with lines between that were edited. */
  #confirms(entry: Seen, stray: Seen): boolean {
    return follows(entry, stray) || (this.#bad.length > 0 && entry.seq === stray.seq + 1 + this.#bad.length);
  }

  /** An entry whose number the chain has passed. */
  #takePast(entry: Seen): void {
    const known = this.#recent.get(entry.seq);
    if (known === undefined && this.#fillGap(entry)) {
      this.#reportAt(entry, "reordered", `entry ${entry.seq} is behind entry ${this.#tip.seq}`);
    } else if (known === undefined || known === entry.hash) {
      this.#reportAt(entry, "duplicated", `entry ${entry.seq} is there twice`);
    } else if (entry.seq === this.#tip.seq) this.#setStray(entry);
    else this.#reportAt(entry, "inserted", `another entry ${entry.seq} is there`);
  }

  #setStray(entry: Seen): void {
    const before = this.#stray;
    // Two in rising order, neither of which follows: more likely both are left of a chain with holes than put in.
    if (before !== null && this.#tip.seq < before.entry.seq && before.entry.seq < entry.seq) this.#goOnAt(before);
    else if (before !== null) this.#dismiss(before);
    this.#stray = { entry, bad: this.#bad };
    this.#bad = [];
  }

  #dismiss({ entry, bad }: Stray): void {
    this.#reportInserted(entry);
    this.#bad = [...bad, ...this.#bad];
    this.#stray = null;
  }

  /** The chain goes on at the stray entry: says what became of what should be between. */
  #goOnAt({ entry, bad }: Stray): void {
    const tip = this.#tip;
    if (entry.seq === tip.seq) this.#reportInserted(tip);
    else if (entry.seq === tip.seq + 1) {
      this.#reportAt(tip, "edited", `entry ${tip.seq} is not the one that entry ${entry.seq} follows`);
    }
    const first = tip.seq + 1 + this.#settleBad(bad, entry.seq - 1, false);
    if (first < entry.seq && this.#missingFile === null) this.#reportGap(first, entry.seq - 1, entry);
    this.#stray = null;
    this.#advance(entry);
  }

  #reportGap(from: number, to: number, { file, line }: Place): void {
    const detail = from === to ? `entry ${from} is missing` : `entries ${from} to ${to} are missing`;
    const problem: JournalProblem = { file, line, seq: from, problem: "cut", detail };
    this.report(problem);
    if (this.#gaps.length < MAX_GAPS) this.#gaps.push({ from, to, left: to - from + 1, problem });
  }

  /**
   * Names bad lines behind the tip: the first ones were the entries up to `lastSeq`, others do not belong here.
   * @returns how many entries they were
   */
  #settleBad(lines: readonly BadLine[], lastSeq: number, isBreak: boolean): number {
    let seq = this.#tip.seq;
    for (const bad of lines) {
      if (seq < lastSeq || isBreak) this.#reportAt({ ...bad, seq: ++seq }, "edited", `entry ${seq} was changed`);
      else this.#reportAt(bad, "inserted", "a line that is no entry of this journal");
    }
    return seq - this.#tip.seq;
  }

  /** Whether the entry was missing; once nothing of its gap is, the entries were only moved. */
  #fillGap({ seq, hash }: Seen): boolean {
    const gap = this.#gaps.find(({ from, to }) => from <= seq && seq <= to);
    if (gap === undefined) return false;
    this.#recent.set(seq, hash);
    gap.left--;
    if (gap.left === 0) this.#problems = this.#problems.filter((problem) => problem !== gap.problem);
    return true;
  }

  #advance(entry: Seen): void {
    this.#tip = entry;
    this.#missingFile = null;
    this.#recent.set(entry.seq, entry.hash);
    this.#ref = Math.max(this.#ref, entry.ref ?? 0);
    this.#entries++;
    if (entry.seq === this.#head?.seq) this.#headEntry = { ...entry, ref: this.#ref };
    if (entry.kind === "journal.broken") {
      this.#reportAt(entry, "broken", `the warden found the journal broken: ${String(entry.data["reason"])}`);
    }
  }

  #settleStray(): void {
    const stray = this.#stray;
    if (stray === null) return;
    const { seq, hash } = stray.entry;
    const isAhead = seq > this.#tip.seq && (this.#head === null || seq <= this.#head.seq);
    if (isAhead || hash === this.#head?.hash) return this.#goOnAt(stray);
    this.#dismiss(stray);
  }

  #compareWithHead(hasHeadFile: boolean): void {
    const head = this.#head;
    const isShort = head !== null && head.seq > this.#tip.seq;
    const edited = this.#settleBad(this.#bad, isShort && head.hash !== this.#tip.hash ? head.seq : 0, false);
    if (head === null) return;
    if (!isShort) this.#compareHeadEntry(head);
    else if (head.hash !== this.#tip.hash) this.#reportTail(this.#tip.seq + 1 + edited, head, hasHeadFile);
    else this.#reportHead("head-edited", `the head says ${head.seq} is the last entry, it is ${this.#tip.seq}`);
  }

  #reportTail(first: number, head: StoredHead, hasHeadFile: boolean): void {
    if (first > head.seq) return;
    const detail = `entries ${first} to ${head.seq} are missing at the end`;
    const problem = hasHeadFile ? "tail-cut" : "file-missing";
    const place = hasHeadFile ? this.#tip : { file: head.file, line: 0 };
    this.report({ file: place.file, line: place.line, seq: first, problem, detail });
  }

  #compareHeadEntry(head: StoredHead): void {
    if (this.#tip.seq - head.seq > MAX_BATCH_ENTRIES) {
      this.#reportHead("head-behind", `the head says ${head.seq} is the last entry, it is ${this.#tip.seq}`);
    }
    const entry = this.#headEntry;
    if (head.seq === 0) {
      if (formatHead(head) === formatHead(EMPTY_HEAD)) return;
      this.#reportHead("head-edited", "the head of an empty journal is not empty");
    } else if (entry === null) return;
    else if (entry.hash !== head.hash && entry.seq === this.#tip.seq) {
      this.#reportAt(entry, "edited", `entry ${entry.seq} is not the one that the head names`);
    } else if (entry.hash !== head.hash || entry.ref !== head.ref || entry.file !== head.file) {
      this.#reportHead("head-edited", `the head does not fit entry ${entry.seq}`);
    }
  }

  #reportHead(problem: ProblemName, detail: string): void {
    this.report({ file: "head", line: 0, seq: this.#head?.seq ?? null, problem, detail });
  }

  #reportInserted(entry: Place & { readonly seq: number }): void {
    this.#reportAt(entry, "inserted", `this entry ${entry.seq} does not belong here`);
  }

  #reportAt({ file, line, seq }: Place & { readonly seq: number | null }, problem: ProblemName, detail: string): void {
    this.report({ file, line, seq, problem, detail });
  }
}

function tryParse(bytes: Buffer): JournalEntry | undefined {
  try {
    return parseEntry(bytes);
  } catch {
    return undefined;
  }
}
