/**
 * The warden's end of the link to the mind: one mind at a time, one request at a time, in order. Anything that is not in the table
 * ends the link, and what was asked before on that link and is not begun is dropped.
 * Memory: at most 64 requests that wait, of 8 Mi characters together.
 */
import { createServer, type Server, type Socket } from "node:net";
import { errorText } from "#src/lib/errors.ts";
import { Link } from "#src/wire/link.ts";
import { type FromWarden, type ToWarden, toWarden } from "#src/wire/warden-messages.ts";

const MAX_WAITING = 64;
const MAX_WAITING_CHARACTERS = 8 * 1024 * 1024;

/** What the server asks of the warden. */
export interface MindServerHandlers {
  /** Whether the other end may talk to us; checked for each connection. */
  isAllowed(socket: Socket): boolean;
  /** First messages of each link. */
  hello(): readonly FromWarden[];
  /** Called again only when the promise is settled. */
  answer(request: ToWarden): Promise<FromWarden>;
  /** A connection was refused or ended for a reason other than its close. */
  onRefused(reason: string): void;
}

interface Session {
  readonly link: Link<ToWarden, FromWarden>;
  waiting: number;
  waitingCharacters: number;
}

/** Listens until closed. */
export class MindServer {
  readonly #handlers: MindServerHandlers;
  readonly #server: Server;
  #session: Session | null = null;
  #busy: Promise<void> = Promise.resolve();

  /** @param listenFd a listening unix socket, which the server takes over */
  constructor(listenFd: number, handlers: MindServerHandlers) {
    this.#handlers = handlers;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.listen({ fd: listenFd });
  }

  /** Says what was not asked for, to the mind that is there. */
  tell(message: FromWarden): void {
    this.#session?.link.send(message);
  }

  /** Takes no more requests; resolves when the one under way has ended. */
  async close(): Promise<void> {
    this.#server.close();
    this.#session?.link[Symbol.dispose]();
    await this.#busy;
  }

  #accept(socket: Socket): void {
    if (this.#session !== null || !this.#handlers.isAllowed(socket)) {
      this.#handlers.onRefused(this.#session === null ? "the other end is not the mind" : "there is a mind already");
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const link = new Link<ToWarden, FromWarden>(socket, {
      accepts: toWarden,
      onMessage: (request) => this.#take(session, request),
      onEnd: (reason) => {
        this.#session = null;
        if (reason !== null) this.#handlers.onRefused(reason);
      },
    });
    const session: Session = { link, waiting: 0, waitingCharacters: 0 };
    this.#session = session;
    for (const message of this.#handlers.hello()) link.send(message);
  }

  #take(session: Session, request: ToWarden): void {
    const characters = JSON.stringify(request).length;
    session.waiting++;
    session.waitingCharacters += characters;
    if (session.waiting > MAX_WAITING || session.waitingCharacters > MAX_WAITING_CHARACTERS) {
      throw new RangeError(`Cannot take request: ${session.waiting} wait, ${MAX_WAITING} small ones may`);
    }
    this.#busy = this.#busy
      .then(() => this.#serve(session, request))
      .catch((error: unknown) => {
        this.#handlers.onRefused(errorText(error));
        session.link[Symbol.dispose]();
      })
      .finally(() => {
        session.waiting--;
        session.waitingCharacters -= characters;
      });
  }

  async #serve(session: Session, request: ToWarden): Promise<void> {
    if (this.#session !== session) return;
    session.link.send(await this.#handlers.answer(request));
  }
}
