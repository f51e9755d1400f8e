/**
 * One end of a connection between two of our processes: frames checked by a table on arrival, fatal on the unexpected.
 * The owner of the socket closes the link; a refused message closes it too and tells `onEnd` why.
 */
import type { Socket } from "node:net";
import { errorText } from "#src/lib/errors.ts";
import type { Check } from "./check.ts";
import { encodeFrame, FrameReader } from "./frames.ts";

/** What a link needs to know. */
export interface LinkOptions<In> {
  /** The permitted messages of the other side. */
  readonly accepts: Check<In>;
  onMessage(message: In): void;
  /** Called once. `reason` is `null` when the other side just closed. */
  onEnd(reason: string | null): void;
  /** Longest frame that is accepted and sent. @default MAX_FRAME_BYTES */
  readonly maxFrameBytes?: number;
}

/** Sends `Out`, receives `In`. */
export class Link<In, Out> implements Disposable {
  readonly #socket: Socket;
  readonly #options: LinkOptions<In>;
  #ended = false;

  constructor(socket: Socket, options: LinkOptions<In>) {
    this.#socket = socket;
    this.#options = options;
    const reader = new FrameReader(options.maxFrameBytes);
    socket.on("data", (chunk: Buffer) => this.#receive(reader, chunk));
    socket.on("error", (error) => this.#end(errorText(error)));
    socket.on("close", () => this.#end(null));
  }

  /** Whether the other side takes bytes slower than we send: the sender should wait for {@link drained}. */
  get isCongested(): boolean {
    return this.#socket.writableLength > 4 * 1024 * 1024;
  }

  /** Does nothing once the link has ended. */
  send(message: Out): void {
    if (!this.#ended) this.#socket.write(encodeFrame(message, this.#options.maxFrameBytes));
  }

  [Symbol.dispose](): void {
    this.#end(null);
  }

  #receive(reader: FrameReader, chunk: Buffer): void {
    try {
      for (const value of reader.push(chunk)) {
        if (this.#ended) return;
        this.#options.onMessage(this.#options.accepts(value, "message"));
      }
    } catch (error) {
      this.#end(errorText(error));
    }
  }

  #end(reason: string | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#options.onEnd(reason);
  }
}
