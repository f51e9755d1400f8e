/**
 * One end of a connection between two of our processes: frames checked by a table on arrival, fatal on the unexpected.
 * The owner of the socket closes the link; a refused message closes it too and tells `onEnd` why.
 */
import type { Socket } from "node:net";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { Check } from "./check.ts";
import { encodeFrame, FrameReader } from "./frames.ts";

const CONGESTED_BYTES = 4 * 1024 * 1024;
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/** What a link needs to know. */
export interface LinkOptions<In> {
  /** The permitted messages of the other side. */
  readonly accepts: Check<In>;
  onMessage(message: In): void;
  /**
   * Called once, and no message comes after it. `reason` is `null` when either side just closed; otherwise what was refused:
   * a message, or what `onMessage` threw.
   */
  onEnd(reason: string | null): void;
  /** Longest frame that is accepted and sent. @default MAX_FRAME_BYTES */
  readonly maxFrameBytes?: number;
}

/** Sends `Out`, receives `In`. Memory: two frames of what arrives, 64 MiB of what the other side does not take. */
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

  /** Whether the other side takes bytes slower than we send: 4 MiB wait for it. A sender that can wait should. */
  get isCongested(): boolean {
    return this.#socket.writableLength > CONGESTED_BYTES;
  }

  /**
   * Does nothing once the link has ended. Ends it, later, when the other side leaves more than 64 MiB unread.
   * @throws RangeError when the message is longer than the cap
   */
  send(message: Out): void {
    if (this.#ended || this.#socket.destroyed) return;
    this.#socket.write(encodeFrame(message, this.#options.maxFrameBytes));
    if (this.#socket.writableLength <= MAX_UNSENT_BYTES) return;
    // The error comes back as an event: a sender in a loop is not torn down under its feet.
    this.#socket.destroy(
      new GarrisonError("GARRISON_WIRE_UNREAD", "Cannot send message: the other side leaves more than 64 MiB unread"),
    );
  }

  /** Ends the link; what was not sent yet is lost. */

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
