/** Delivers what waits for one channel, one message after the other. */
import { errorText } from "#src/lib/errors.ts";
import type { Log } from "#src/processes/log.ts";
import { afterFailure, afterSuccess, type ChannelState, enqueue, readyAtUnixMs, rebaseChannel } from "./channel.ts";
import { shortText } from "./excerpt.ts";
import type { Message } from "./message.ts";
import { isRefusal, type Transport } from "./transport.ts";

const MAX_REASON = 300;

/** What the notifier lends to a courier. */
export interface CourierContext {
  readonly log: Log;
  readonly now: () => number;
  /** Aborted when the notifier ends: what is on its way stays queued. */
  readonly signal: AbortSignal;
  /** Saves the whole state of the notifier: before a message goes out, and after. */
  save(): void;
}

/** One channel at work. The notifier says when to look at the queue; it has no timer of its own. */
export class Courier {
  readonly transport: Transport;
  readonly #maxPerHour: number;
  readonly #context: CourierContext;
  #state: ChannelState;
  #running: Promise<void> | null = null;

  constructor(transport: Transport, state: ChannelState, maxPerHour: number, context: CourierContext) {
    this.transport = transport;
    this.#state = state;
    this.#maxPerHour = maxPerHour;
    this.#context = context;
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** The delivery that is under way, if one is. It never rejects. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** When it wants to run next; `null` when nothing waits or it is running. */
  get nextAtUnixMs(): number | null {
    return this.#running === null ? readyAtUnixMs(this.#state, this.#maxPerHour, this.#context.now()) : null;
  }

  put(message: Message): void {
    this.#state = enqueue(this.#state, message, this.#maxPerHour);
  }

  /** The clock was set back. */
  rebase(nowUnixMs: number): void {
    this.#state = rebaseChannel(this.#state, nowUnixMs);
  }

  /** Starts to deliver what may be delivered now, unless it is at it. @param onEnd called when it has stopped again */
  run(onEnd: () => void): void {
    if (this.#running !== null || !this.#isReady()) return;
    this.#running = this.#deliver().finally(() => {
      this.#running = null;
      onEnd();
    });
  }

  #isReady(): boolean {
    const { now, signal } = this.#context;
    const readyUnixMs = readyAtUnixMs(this.#state, this.#maxPerHour, now());
    return !signal.aborted && readyUnixMs !== null && readyUnixMs <= now();
  }

  async #deliver(): Promise<void> {
    while (this.#isReady()) {
      const message = this.#state.queue[0]!;
      this.#context.save();
      try {
        await this.transport.send(message, this.#context.signal);
        this.#onSuccess();
      } catch (error) {
        if (this.#context.signal.aborted) return;
        this.#onFailure(error);
      }
      this.#context.save();
    }
  }

  #onSuccess(): void {
    const { log, now } = this.#context;
    const { channel, failures } = this.#state;
    if (failures > 0) log.info("notices are delivered again", { channel, failures });
    this.#state = afterSuccess(this.#state, now());
  }

  /** Said once, when it begins; afterwards it is in the status. */
  #onFailure(error: unknown): void {
    const { log, now } = this.#context;
    const { channel, failures, queue } = this.#state;
    const text = shortText(errorText(error), MAX_REASON);
    if (failures === 0) log.error("notices cannot be delivered", { channel, reason: text, queued: queue.length });
    this.#state = afterFailure(this.#state, { text, isRefused: isRefusal(error), atUnixMs: now() });
  }
}
