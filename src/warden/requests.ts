/** Answers to what the mind asks, one at a time; what is refused is answered with the reason. */
import type { NewEntry } from "#src/journal/chain.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { FromWarden, ToWarden } from "#src/wire/warden-messages.ts";
import type { Performer } from "./performer.ts";
import type { WardenJournal } from "./warden-journal.ts";

/** Longest failure text of an answer. */
const MAX_FAILURE = 2048;
/** What only the warden says of itself. */
const OWN_KINDS = /^(?:(?:action|undo)\.(?:begin|done|failed)|journal\..*)$/;

type Answer = Extract<FromWarden, { t: "answer" }>;

/** Takes requests that have passed the table of wire/warden-messages.ts. */
export class Requests {
  readonly #journal: WardenJournal;
  readonly #performer: Performer;

  constructor(journal: WardenJournal, performer: Performer) {
    this.#journal = journal;
    this.#performer = performer;
  }

  /** Never throws. */
  async answer(request: ToWarden): Promise<Answer> {
    const answer = { t: "answer" as const, id: request.id };
    try {
      const undo = await this.#run(request);
      return { ...answer, ok: true, undo, failure: null, results: null, journal: this.#journal.head };
    } catch (error) {
      const failure = errorText(error).slice(0, MAX_FAILURE);
      return { ...answer, ok: false, undo: null, failure, results: null, journal: this.#journal.head };
    }
  }

  async #run(request: ToWarden): Promise<JsonObject | null> {
    if (request.t === "record") return this.#record(request.entries);
    if (request.t === "perform") return this.#performer.perform(request);
    if (request.t === "undo") await this.#performer.undo(request.action, request.by);
    else throw new GarrisonError("GARRISON_ACTION_REFUSED", "Cannot block: nothing here blocks");
    return null;
  }

  #record(entries: readonly NewEntry[]): null {
    const own = entries.find(({ kind }) => OWN_KINDS.test(kind));
    if (own !== undefined) {
      throw new GarrisonError("GARRISON_ACTION_REFUSED", `Cannot record "${own.kind}": only the warden says this`);
    }
    this.#journal.record(entries);
    return null;
  }
}
