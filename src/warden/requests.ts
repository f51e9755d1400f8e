/** Answers to what the mind asks, one at a time; what is refused is answered with the reason. */
import type { NewEntry } from "#src/journal/chain.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { unreachable } from "#src/lib/unreachable.ts";
import type { FromWarden, ToWarden } from "#src/wire/warden-messages.ts";
import type { BlockKeeper } from "./block-keeper.ts";
import type { Performer } from "./performer.ts";
import type { WardenJournal } from "./warden-journal.ts";

/** Longest failure text of an answer. */
const MAX_FAILURE = 2048;
/** What only the warden says of itself. */
const OWN_KINDS = /^(?:(?:action|undo)\.(?:begin|done|failed)|(?:blocks|journal|traffic)\..*)$/;

type Answer = Extract<FromWarden, { t: "answer" }>;

/** What an answer has of its own. */
type Outcome = Pick<Answer, "undo" | "results">;
const DONE: Outcome = { undo: null, results: null };

/** Takes requests that have passed the table of wire/warden-messages.ts. */
export class Requests {
  readonly #journal: WardenJournal;
  readonly #performer: Performer;
  readonly #keeper: BlockKeeper;

  constructor(journal: WardenJournal, performer: Performer, keeper: BlockKeeper) {
    this.#journal = journal;
    this.#performer = performer;
    this.#keeper = keeper;
  }

  /** Never throws. */
  async answer(request: ToWarden): Promise<Answer> {
    const answer = { t: "answer" as const, id: request.id };
    try {
      return { ...answer, ok: true, failure: null, ...(await this.#run(request)), journal: this.#journal.head };
    } catch (error) {
      const failure = errorText(error).slice(0, MAX_FAILURE);
      return { ...answer, ok: false, failure, ...DONE, journal: this.#journal.head };
    }
  }

  async #run(request: ToWarden): Promise<Outcome> {
    switch (request.t) {
      case "record":
        this.#record(request.entries);
        return DONE;
      case "perform":
        return { ...DONE, undo: await this.#performer.perform(request) };
      case "undo":
        await this.#performer.undo(request.action, request.by);
        return DONE;
      case "block":
        return { ...DONE, results: await this.#keeper.block(request.blocks) };
      case "rehearse":
        return { ...DONE, results: await this.#keeper.rehearse(request) };
      case "unblock":
        return { ...DONE, results: await this.#keeper.unblock(request.actions, request.by) };
      case "block-list":
        await this.#keeper.putListPart(request);
        return DONE;
      default:
        return unreachable(request);
    }
  }

  #record(entries: readonly NewEntry[]): void {
    const own = entries.find(({ kind }) => OWN_KINDS.test(kind));
    if (own !== undefined) {
      throw new GarrisonError("GARRISON_ACTION_REFUSED", `Cannot record "${own.kind}": only the warden says this`);
    }
    this.#journal.record(entries);
  }
}
