/** Keeps a connection to a unix socket: connects again, soon at first, then each second, because the other side may be killed. */
import { connect, type Socket } from "node:net";

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;
// A connection that held this long was a good one: the next begins with the first delay again.
const GOOD_CONNECTION_MS = 10_000;

/** What the owner does. */
export interface RetryLinkHandlers {
  /** A connection stands: make a link of it, and call `onEnd` when it has ended. */
  onConnect(socket: Socket, onEnd: () => void): void;
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** Tries until disposed. */
export class RetryLink implements Disposable {
  readonly #path: string;
  readonly #handlers: RetryLinkHandlers;
  readonly #now: () => number;
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | null = null;
  #socket: Socket | null = null;
  #isDisposed = false;

  constructor(path: string, handlers: RetryLinkHandlers) {
    this.#path = path;
    this.#handlers = handlers;
    this.#now = handlers.now ?? (() => performance.now());
    this.#connect();
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    socket.on("error", () => this.#again());
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      const sinceMs = this.#now();
      this.#handlers.onConnect(socket, () => {
        if (this.#now() - sinceMs > GOOD_CONNECTION_MS) this.#retryMs = FIRST_RETRY_MS;
        this.#again();
      });
    });
  }

  #again(): void {
    if (this.#isDisposed || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#connect();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }
}
