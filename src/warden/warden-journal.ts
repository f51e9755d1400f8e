/** The warden's own entries: those that must be written before something is done, and those that tell how it ended. */
import type { NewEntry } from "#src/journal/chain.ts";
import type { JournalWriter } from "#src/journal/writer.ts";
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Log } from "#src/processes/log.ts";
import type { JournalHead } from "#src/wire/warden-messages.ts";

/** Ends that may wait for room on the disk. One action at a time owes one; the rest are refusals. */
const MAX_OWED = 8;

/** A journal that owes what it could not write, and takes nothing else before it. */
export class WardenJournal {
  readonly #writer: JournalWriter;
  readonly #log: Log;
  #owed: NewEntry[] = [];
  #settling: NodeJS.Immediate | null = null;

  constructor(writer: JournalWriter, log: Log) {
    this.#writer = writer;
    this.#log = log;
  }

  /** Where it ends. */
  get head(): JournalHead {
    return this.#writer.head;
  }

  /** Writes what must be there before the caller goes on. @throws GarrisonError of {@link JournalWriter.append}: do nothing then */
  require(kind: string, by: string, data: JsonObject): void {
    this.record([{ kind, by, ref: null, data }]);
  }

  /** Writes entries, behind what is owed; the head follows when what they announce is done. @throws GarrisonError of {@link JournalWriter.append} */
  record(entries: readonly NewEntry[]): void {
    this.#writer.append([...this.#owed, ...entries]);
    this.#owed = [];
    this.#settling ??= setImmediate(() => this.#settle());
  }

  /** Behind the turn in which an action was announced, performed and answered: nothing of that waits for the head. */
  #settle(): void {
    this.#settling = null;
    try {
      this.#writer.settleHead();
    } catch (error) {
      this.#log.error("head of the journal not written", { failure: errorText(error) });
    }
  }

  /** Tells how something ended: now, or with the next entry. */
  note(kind: string, by: string, data: JsonObject): void {
    const entry = { kind, by, ref: null, data };
    try {
      this.record([entry]);
    } catch (error) {
      const isOwed = this.#owed.length < MAX_OWED;
      if (isOwed) this.#owed.push(entry);
      this.#log.error("journal not written", { kind, isOwed, failure: errorText(error) });
    }
  }

  /** For what is not of the journal but must not be silent. */
  warn(message: string, fields: JsonObject): void {
    this.#log.warn(message, fields);
  }
}
