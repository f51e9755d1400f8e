/**
 * The sentry's end of the link on which log bytes go to the mind: one mind at a time, and no more bytes on their way than it has room
 * for. Memory: MAX_IN_FLIGHT_BYTES, and the messages between.
 */
import { createServer, type Server, type Socket } from "node:net";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { FilePosition, LogNews, LogStream, LogStreamHandlers, LogTaken } from "#src/model/log-stream.ts";
import { LogLink, MAX_IN_FLIGHT_BYTES, MAX_POSITIONS, type ToLogs, toLogs } from "#src/wire/log-stream.ts";

/** What the server asks of the sentry. */
export interface LogServerHandlers {
  /** Whether the other end may talk to us; checked for each connection. */
  isAllowed(socket: Socket): boolean;
  /** A connection was refused or ended for a reason other than its close. */
  onRefused(reason: string): void;
}

/** Listens for the mind. */
export class LogServer implements LogStream {
  readonly #handlers: LogServerHandlers;
  readonly #server: Server;
  #sensor: LogStreamHandlers | null = null;
  #link: LogLink<ToLogs> | null = null;
  /** A mind that has come before the sensor runs: nothing is read of it until then. */
  #waiting: Socket | null = null;
  #isFollowing = false;
  #inFlightBytes = 0;
  #positions: FilePosition[] = [];

  /** @param listenFd a listening unix socket, which the server takes over */
  constructor(listenFd: number, handlers: LogServerHandlers) {
    this.#handlers = handlers;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.on("error", (error) => handlers.onRefused(errorText(error)));
    this.#server.listen({ fd: listenFd });
  }

  serve(sensor: LogStreamHandlers): Disposable {
    this.#link?.[Symbol.dispose]();
    this.#sensor = sensor;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) this.#open(waiting);
    return {
      [Symbol.dispose]: () => {
        if (this.#sensor !== sensor) return;
        this.#sensor = null;
        this.#link?.[Symbol.dispose]();
      },
    };
  }

  get roomBytes(): number {
    return this.#isFollowing ? MAX_IN_FLIGHT_BYTES - this.#inFlightBytes : 0;
  }

  send(news: LogNews): void {
    if (news.t === "state" && this.#link?.isCongested === true) return;
    this.#link?.send(news);
  }

  /** @throws RangeError when there is no room for them */
  sendBytes(file: number, offset: number, bytes: Uint8Array, onSent?: () => void): void {
    if (bytes.length > this.roomBytes) {
      throw new RangeError(`Cannot send bytes: they are ${bytes.length}, there is room for ${this.roomBytes}`);
    }
    this.#inFlightBytes += bytes.length;
    this.#link?.sendBytes(file, offset, bytes, onSent);
  }

  close(): void {
    this.#server.close();
    this.#waiting?.destroy();
    this.#link?.[Symbol.dispose]();
  }

  #accept(socket: Socket): void {
    if (!this.#handlers.isAllowed(socket)) return this.#refuse(socket, "the peer is not the mind");
    if (this.#link !== null) return this.#refuse(socket, "a mind is connected already");
    if (this.#sensor !== null) return this.#open(socket);
    // Of one that waits nothing is read, so that nobody hears of its end: the newest is the one that lives.
    this.#waiting?.destroy();
    this.#waiting = socket.on("error", () => {});
  }

  #refuse(socket: Socket, reason: string): void {
    this.#handlers.onRefused(reason);
    socket.destroy();
  }

  #open(socket: Socket): void {
    this.#inFlightBytes = 0;
    this.#positions = [];
    const link = new LogLink<ToLogs>(socket, {
      accepts: toLogs,
      onMessage: (message) => this.#take(message),
      onEnd: (reason) => this.#end(link, reason),
    });
    this.#link = link;
  }

  #end(link: LogLink<ToLogs>, reason: string | null): void {
    if (this.#link !== link) return;
    const wasFollowing = this.#isFollowing;
    this.#link = null;
    this.#isFollowing = false;
    if (wasFollowing) this.#sensor?.onLost();
    if (reason !== null) this.#handlers.onRefused(reason);
  }

  /** @throws GarrisonError `GARRISON_WIRE_MALFORMED` for messages in another order */
  #take(message: ToLogs): void {
    if ((message.t === "taken") !== this.#isFollowing) throw outOfTurn(`"${message.t}" comes out of turn`);
    switch (message.t) {
      case "positions":
        this.#positions.push(...message.items);
        if (this.#positions.length > MAX_POSITIONS) throw outOfTurn(`it has more than ${MAX_POSITIONS} positions`);
        return;
      case "follow": {
        const { known, journals } = message;
        const positions = this.#positions;
        this.#positions = [];
        this.#isFollowing = true;
        return this.#sensor?.onFollow({ positions, known, journals });
      }
      case "taken":
        return this.#takeBack(message);
    }
  }

  #takeBack({ bytes, stored }: LogTaken): void {
    if (bytes > this.#inFlightBytes) {
      throw outOfTurn(`${bytes} bytes are taken, ${this.#inFlightBytes} are on their way`);
    }
    this.#inFlightBytes -= bytes;
    this.#sensor?.onTaken({ bytes, stored });
  }
}

function outOfTurn(what: string): GarrisonError {
  return new GarrisonError("GARRISON_WIRE_MALFORMED", `Cannot accept message: ${what}`);
}
