/** The unix socket that commands talk to. One request a connection; whoever may connect (root, group garrison) may ask all. */
import { createServer, type Server, type Socket } from "node:net";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { Json } from "#src/model/json.ts";
import { readPeerUid } from "#src/processes/peer.ts";
import { type FromMind, type ToMind, toMind } from "#src/wire/cli-messages.ts";
import { Link } from "#src/wire/link.ts";

const MAX_CONNECTIONS = 64;
// Whoever does not ask, or does not read, must not keep others out.
const PATIENCE_MS = 10_000;

/** What a request is answered with. */
export interface Conversation {
  /** Who asks: the kernel's word, not the command's. */
  readonly uid: number;
  readonly request: ToMind;
  /** Sends what cannot wait: a command that does not read it is dropped. */
  send(item: Json): void;
  /** Sends all, as fast as the command reads; one that does not read for 10 s is dropped. */
  sendAll(items: Iterable<Json>): Promise<void>;
  /** Called when the command has gone, or was answered; at once, if that is so already. */
  onClose(run: () => void): void;
}

/** Answers until the promise is settled; one that never settles keeps the conversation open. */
export type Answerer = (conversation: Conversation) => Promise<void>;

/** Serves on a listening socket made by `up`. */
export class CommandServer implements Disposable {
  readonly #server: Server;
  readonly #answer: Answerer;
  readonly #sockets = new Set<Socket>();

  constructor(listenFd: number, answer: Answerer) {
    this.#answer = answer;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.listen({ fd: listenFd });
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    const uid = readPeerUid(socket);
    if (uid === null) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const exchange = new Exchange(socket, uid, this.#answer);
    exchange.onClose(() => this.#sockets.delete(socket));
  }
}

/** One connection: its request, its answer, its end. */
class Exchange {
  readonly #socket: Socket;
  readonly #uid: number;
  readonly #answer: Answerer;
  readonly #link: Link<ToMind, FromMind>;
  readonly #closers: (() => void)[] = [];
  readonly #impatience: NodeJS.Timeout;
  #isAsked = false;
  #isEnded = false;

  constructor(socket: Socket, uid: number, answer: Answerer) {
    this.#socket = socket;
    this.#uid = uid;
    this.#answer = answer;
    this.#impatience = setTimeout(() => socket.destroy(), PATIENCE_MS);
    this.#link = new Link<ToMind, FromMind>(socket, {
      accepts: toMind,
      onMessage: (request) => this.#onRequest(request),
      onEnd: () => this.#onEnd(),
    });
  }

  onClose(run: () => void): void {
    if (this.#isEnded) run();
    else this.#closers.push(run);
  }

  #onRequest(request: ToMind): void {
    if (this.#isAsked)
      throw new GarrisonError("GARRISON_WIRE_MALFORMED", "Cannot accept message: a connection asks once");
    this.#isAsked = true;
    clearTimeout(this.#impatience);
    void this.#converse(request);
  }

  async #converse(request: ToMind): Promise<void> {
    try {
      await this.#answer({
        uid: this.#uid,
        request,
        send: (item) => this.#send(item),
        sendAll: (items) => this.#sendAll(items),
        onClose: (run) => this.onClose(run),
      });
      this.#link.send({ t: "end" });
    } catch (error) {
      const code = error instanceof GarrisonError ? error.code : "GARRISON_INTERNAL";
      this.#link.send({ t: "error", code, message: errorText(error).slice(0, 4000), isUse: USE_ERRORS.has(code) });
    }
    if (!this.#isEnded) this.#socket.end();
  }

  #send(value: Json): void {
    try {
      if (this.#link.isCongested) this.#link[Symbol.dispose]();
      else this.#link.send({ t: "item", value });
    } catch {
      // Longer than a frame: whoever watches must not take the gap for silence.
      this.#link[Symbol.dispose]();
    }
  }

  async #sendAll(items: Iterable<Json>): Promise<void> {
    for (const value of items) {
      if (this.#link.isCongested) await this.#untilRoom();
      if (this.#isEnded) return;
      this.#link.send({ t: "item", value });
    }
  }

  async #untilRoom(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#socket.destroy(), PATIENCE_MS);
    this.#socket.once("drain", resolve);
    this.onClose(resolve);
    await promise;
    clearTimeout(timer);
  }

  #onEnd(): void {
    this.#isEnded = true;
    clearTimeout(this.#impatience);
    for (const run of this.#closers.splice(0)) run();
  }
}

// What the person at the command can mend by typing something else.
const USE_ERRORS = new Set([
  "GARRISON_NO_SUCH_ALERT",
  "GARRISON_NO_SUCH_ACTION",
  "GARRISON_NO_SUCH_ACTION_KIND",
  "GARRISON_NO_SUCH_SENSOR",
]);
