/** The mind's end of the link to the sentry: facts in, acknowledged once they are stored. */
import { GarrisonError } from "#src/lib/errors.ts";
import type { Fact } from "#src/model/observation.ts";
import { Link } from "#src/wire/link.ts";
import { type FromSentry, fromSentry, type SensorStatus, type ToSentry } from "#src/wire/sentry-messages.ts";
import { RetryLink } from "./retry-link.ts";

/** What a sentry says of itself. */
export interface SentryStatus {
  readonly pid: number;
  readonly isReady: boolean;
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly sensors: readonly SensorStatus[];
}

/** What the mind does with it. */
export interface SentryHandlers {
  /** Facts `seq` of the sentry's start `boot`. @returns whether they are stored, or were already, and the sentry may forget them */
  onFacts(boot: string, seq: number, items: readonly Fact[]): boolean;
  onStatus(status: SentryStatus): void;
  onDropped(count: number): void;
  /** `null`: it has just ended. A reason: it said something that it must not. */
  onLost(reason: string | null): void;
}

/** Stays connected until disposed. */
export class SentryClient implements Disposable {
  readonly #handlers: SentryHandlers;
  readonly #retry: RetryLink;
  #link: Link<FromSentry, ToSentry> | null = null;
  #boot = "";
  #pid = 0;

  constructor(socketPath: string, handlers: SentryHandlers) {
    this.#handlers = handlers;
    this.#retry = new RetryLink(socketPath, {
      onConnect: (socket, onEnd) => {
        this.#boot = "";
        this.#link = new Link<FromSentry, ToSentry>(socket, {
          accepts: fromSentry,
          onMessage: (message) => this.#onMessage(message),
          onEnd: (reason) => {
            this.#link = null;
            onEnd();
            if (!this.#retry.isDisposed) handlers.onLost(reason);
          },
        });
      },
    });
  }

  get isConnected(): boolean {
    return this.#link !== null;
  }

  /** Asks for a fresh status. */
  askStatus(): void {
    this.#link?.send({ t: "status" });
  }

  /** All facts of `boot` up to `seq` are stored. Numbers of another start of the sentry mean nothing to it. */
  acknowledge(boot: string, seq: number): void {
    if (boot === this.#boot) this.#link?.send({ t: "ack", seq });
  }

  [Symbol.dispose](): void {
    this.#retry[Symbol.dispose]();
  }

  #onMessage(message: FromSentry): void {
    switch (message.t) {
      case "hello":
        this.#boot = message.boot;
        this.#pid = message.pid;
        return;
      case "facts":
        // Facts of no start could not be told from those of another.
        if (this.#boot === "")
          throw new GarrisonError("GARRISON_WIRE_MALFORMED", "Cannot accept message: hello is wanted first");
        if (this.#handlers.onFacts(this.#boot, message.seq, message.items)) this.acknowledge(this.#boot, message.seq);
        return;
      case "dropped":
        return this.#handlers.onDropped(message.count);
      case "status":
        return this.#handlers.onStatus({ ...message, pid: this.#pid, isReady: message.ready === "yes" });
    }
  }
}
