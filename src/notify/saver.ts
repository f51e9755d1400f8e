/** Keeps the notifier's memory in the store: at once when something new was told, and no more often than it changes. */
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Log } from "#src/processes/log.ts";
import { type SavedState, writeState } from "./saved-state.ts";

/** What a saver works with. */
export interface SaverContext {
  /** The state as it is now. Its parts are immutable: a part that is the same object has not changed. */
  read(): SavedState;
  write(state: JsonObject): void;
  readonly log: Log;
}

/** Saves when there is something to save. It holds nothing that must be closed; after `end` it writes no more. */
export class Saver {
  readonly #context: SaverContext;
  #saved: readonly unknown[] = [];
  #hasSavedThisTurn = false;
  #isDue = false;
  #isEnded = false;
  #failure: string | null = null;

  constructor(context: SaverContext) {
    this.#context = context;
  }

  /** Saves the first time in a turn of the event loop at once, and what follows in the same turn together at its end. */
  saveSoon(): void {
    if (!this.#hasSavedThisTurn) {
      this.#hasSavedThisTurn = true;
      setImmediate(() => {
        this.#hasSavedThisTurn = false;
      }).unref();
      this.save();
    } else if (!this.#isDue) {
      this.#isDue = true;
      queueMicrotask(() => this.save());
    }
  }

  /** Saves now, unless nothing has changed. A store that fails is said once: telling goes on without it. */
  save(): void {
    this.#isDue = false;
    const state = this.#context.read();
    const parts = [state.threads, ...state.channels];
    if (this.#isEnded || parts.every((part, index) => part === this.#saved[index])) return;
    try {
      this.#context.write(writeState(state));
      this.#saved = parts;
      this.#failure = null;
    } catch (error) {
      const reason = errorText(error);
      if (reason !== this.#failure) this.#context.log.error("notices cannot be saved", { reason });
      this.#failure = reason;
    }
  }

  /** Saves for the last time. */
  end(): void {
    this.save();
    this.#isEnded = true;
  }
}
