/** A journal that the sentry reads for us on one connection. */
import type { PlacedHit } from "#src/logs/contract.ts";
import { JournalExport } from "#src/logs/journal/export.ts";
import type { SourceMatcher } from "#src/logs/match/source-matcher.ts";
import type { StoredUpTo } from "#src/model/log-stream.ts";
import type { OpenedJournal } from "./log-stream-client.ts";

/** What stands in place of a path. */
export const JOURNAL_FILE = "journal";

/** One journal. */
export class LogJournal {
  readonly source: string;
  readonly number: number;
  isDirty = false;
  /** When its last whole entry was written; 0: none has come. */
  lastAtUnixMs = 0;
  #cursor: string | null;
  #offset = 0;
  readonly #parser = new JournalExport();
  readonly #matcher: SourceMatcher;

  constructor({ source, file, cursor }: OpenedJournal, matcher: SourceMatcher) {
    this.source = source;
    this.number = file;
    this.#cursor = cursor;
    this.#matcher = matcher;
  }

  /** Hits in the entries that these bytes complete. @throws GarrisonError `GARRISON_JOURNAL_MALFORMED`: it is read no more then */
  push(bytes: Uint8Array): readonly PlacedHit[] {
    const entries = this.#parser.push(bytes);
    const last = entries.at(-1);
    if (last === undefined) return [];
    this.#cursor = last.cursor;
    this.#offset = last.endOffset;
    this.lastAtUnixMs = Math.max(this.lastAtUnixMs, last.atUnixMs);
    this.isDirty = true;
    return this.#matcher.matchJournal(
      entries.map(({ endOffset, ...entry }) => ({
        ...entry,
        place: { file: JOURNAL_FILE, offset: endOffset, line: null },
      })),
    );
  }

  get cursor(): string | null {
    return this.#cursor;
  }

  get storedUpTo(): StoredUpTo {
    return { file: this.number, offset: this.#offset, cursor: this.#cursor, isDone: false };
  }
}
