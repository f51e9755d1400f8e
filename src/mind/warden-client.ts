/** The mind's end of the link to the warden: the journal's outbox, and actions. */
import { GarrisonError } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Outbox } from "#src/store/outbox.ts";
import { unlessFull } from "#src/store/store.ts";
import { Link } from "#src/wire/link.ts";
import { type FromWarden, fromWarden, type JournalHead, type ToWarden } from "#src/wire/warden-messages.ts";
import { RetryLink } from "./retry-link.ts";

const BATCH = 100;
// Well below the longest frame, whatever else is in it.
const MAX_BATCH_BYTES = 700 * 1024;
const RETRY_JOURNAL_MS = 5000;
const LIST_PART = 5000;

type Answer = Extract<FromWarden, { t: "answer" }>;
/** How blocking stands. */
export type FirewallStatus = Extract<FromWarden, { t: "firewall" }>;
/** One network to be blocked. */
export type BlockRequest = Extract<ToWarden, { t: "block" }>["blocks"][number];
/** How one block or unblock ended; a `failure` of `null`: done. */
export type BlockResult = NonNullable<Answer["results"]>[number];
type Request = Exclude<ToWarden, { t: "record" }>;

/** What the mind does with it. */
export interface WardenHandlers {
  /** A warden is there: planned actions are to be sent again. */
  onConnect(lastAction: number): void;
  onLost(reason: string | null): void;
  /** The journal could not be written, or can be again (`null`). */
  onJournalFailure(failure: string | null): void;
  onFirewall(status: FirewallStatus): void;
}

/** Stays connected until disposed. */
export class WardenClient implements Disposable {
  readonly #outbox: Outbox;
  readonly #handlers: WardenHandlers;
  readonly #retry: RetryLink;
  readonly #waiting = new Map<number, (answer: Answer | null) => void>();
  #link: Link<FromWarden, ToWarden> | null = null;
  #nextId = 1;
  #isRecording = false;
  /** Whether the outbox knows what the journal of this warden has: before, its entries could pass for repetitions. */
  #hasMet = false;
  /** What the journal has for sure, should a full store not be able to forget it. */
  #confirmedRef = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Where the journal ended when the warden last said so. */
  head: JournalHead | null = null;
  pid = 0;

  constructor(socketPath: string, outbox: Outbox, handlers: WardenHandlers) {
    this.#outbox = outbox;
    this.#handlers = handlers;
    this.#retry = new RetryLink(socketPath, {
      onConnect: (socket, onEnd) => {
        this.#link = new Link<FromWarden, ToWarden>(socket, {
          accepts: fromWarden,
          onMessage: (message) => this.#onMessage(message),
          onEnd: (reason) => {
            onEnd();
            this.#onEnd(reason);
          },
        });
      },
    });
  }

  get isConnected(): boolean {
    return this.#link !== null;
  }

  /** Sends what waits for the journal. Does nothing while a batch is under way or the warden is away. */
  drain(): void {
    if (this.#link === null || this.#isRecording || !this.#hasMet) return;
    const entries = this.#outbox.after(this.#confirmedRef, BATCH, MAX_BATCH_BYTES);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#isRecording = true;
    this.#ask({ t: "record", id: this.#nextId++, entries }, (answer) => {
      this.#isRecording = false;
      if (answer === null) return;
      this.#handlers.onJournalFailure(answer.ok ? null : (answer.failure ?? "the warden gave no reason"));
      if (!answer.ok) return this.#later(() => this.drain());
      this.#confirmedRef = last.ref;
      unlessFull(() => this.#outbox.confirm(last.ref));
      this.drain();
    });
  }

  /**
   * @returns the undo data
   * @throws GarrisonError `GARRISON_WARDEN_AWAY` (nothing is known of the outcome), `GARRISON_ACTION_FAILED`
   */
  async perform(action: string, kind: string, plan: JsonObject, by: string): Promise<JsonObject | null> {
    return (await this.#request({ t: "perform", id: this.#nextId++, action, kind, plan, by })).undo;
  }

  /** @throws GarrisonError `GARRISON_WARDEN_AWAY`, `GARRISON_ACTION_FAILED` */
  async undo(action: string, by: string): Promise<void> {
    await this.#request({ t: "undo", id: this.#nextId++, action, by });
  }

  /** At most 500 at once. @throws GarrisonError `GARRISON_WARDEN_AWAY`, `GARRISON_ACTION_FAILED` (none of them) */
  async block(blocks: readonly BlockRequest[]): Promise<readonly BlockResult[]> {
    return (await this.#request({ t: "block", id: this.#nextId++, blocks })).results ?? [];
  }

  /**
   * Why {@link block} would be refused; `null`: it would be done.
   * @throws GarrisonError `GARRISON_WARDEN_AWAY`, `GARRISON_ACTION_FAILED` (it was asked too often)
   */
  async rehearse(block: Omit<BlockRequest, "action" | "reason">): Promise<string | null> {
    const { results } = await this.#request({ t: "rehearse", id: this.#nextId++, ...block });
    const [result] = results ?? [];
    if (result !== undefined) return result.failure;
    throw new GarrisonError("GARRISON_ACTION_FAILED", "Cannot rehearse a block: the warden gave no result");
  }

  /** At most 500 at once. @throws GarrisonError `GARRISON_WARDEN_AWAY`, `GARRISON_ACTION_FAILED` (none of them) */
  async unblock(actions: readonly string[], by: string): Promise<readonly BlockResult[]> {
    return (await this.#request({ t: "unblock", id: this.#nextId++, actions, by })).results ?? [];
  }

  /** Replaces the list of this name. @throws GarrisonError `GARRISON_WARDEN_AWAY`, `GARRISON_ACTION_FAILED` */
  async putBlockList(name: string, networks: readonly string[], by: string): Promise<void> {
    for (let part = 0; part === 0 || part * LIST_PART < networks.length; part++) {
      const from = part * LIST_PART;
      const isLast = from + LIST_PART >= networks.length;
      const some = networks.slice(from, from + LIST_PART);
      await this.#request({ t: "block-list", id: this.#nextId++, name, part, isLast, networks: some, by });
    }
  }

  [Symbol.dispose](): void {
    this.#cancelLater();
    this.#retry[Symbol.dispose]();
  }

  #request(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const away = () =>
        new GarrisonError(
          "GARRISON_WARDEN_AWAY",
          "Cannot act: the warden is away; it is started again, then planned actions go on",
        );
      if (this.#link === null) {
        reject(away());
        return;
      }
      this.#ask(request, (answer) => {
        if (answer === null) reject(away());
        else if (answer.ok) resolve(answer);
        else
          reject(
            new GarrisonError("GARRISON_ACTION_FAILED", answer.failure ?? "Cannot act: the warden gave no reason"),
          );
      });
    });
  }

  #ask(request: ToWarden, onAnswer: (answer: Answer | null) => void): void {
    this.#link?.send(request);
    this.#waiting.set(request.id, onAnswer);
  }

  #later(run: () => void): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      run();
    }, RETRY_JOURNAL_MS);
  }

  #cancelLater(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #onMessage(message: FromWarden): void {
    if (message.t === "firewall") return this.#handlers.onFirewall(message);
    this.head = message.journal;
    if (message.t === "hello") {
      this.pid = message.pid;
      this.#meet(message.journal.ref);
      this.#handlers.onConnect(message.lastAction);
    } else {
      const onAnswer = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      onAnswer?.(message);
    }
  }

  /** A full store cannot note the meeting: it is tried again, and nothing is sent before. */
  #meet(ref: number): void {
    this.#hasMet = unlessFull(() => this.#outbox.meet(ref));
    if (this.#hasMet) this.drain();
    else this.#later(() => this.#meet(ref));
  }

  #onEnd(reason: string | null): void {
    this.#link = null;
    this.#hasMet = false;
    this.#confirmedRef = 0;
    this.#cancelLater();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const onAnswer of waiting) onAnswer(null);
    if (!this.#retry.isDisposed) this.#handlers.onLost(reason);
  }
}
