/**
 * The sentry's end of the link to the mind: facts are numbered, kept until the mind has stored them, and sent again to a mind
 * that comes back. Memory: at most MAX_HELD_BYTES of facts; beyond that new ones are dropped, counted, and followed by a rescan.
 */
import { randomUUID } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { Fact } from "#src/model/observation.ts";
import { MAX_FRAME_BYTES } from "#src/wire/frames.ts";
import { Link } from "#src/wire/link.ts";
import { type FromSentry, type ToSentry, toSentry } from "#src/wire/sentry-messages.ts";

const MAX_HELD_BYTES = 32 * 1024 * 1024;
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_BATCH_ITEMS = 500;
// A mind without room for them judges what it was sent and stores it later: it must be sent enough to go on seeing.
const MAX_IN_FLIGHT = 256;
const MAX_IN_FLIGHT_BYTES = 4 * 1024 * 1024;
// What a frame adds around one fact.
const FRAME_MARGIN_BYTES = 1024;

interface Batch {
  readonly seq: number;
  readonly items: readonly Fact[];
  readonly bytes: number;
}

/** What the uplink asks of the sentry. */
export interface UplinkHandlers {
  /** Whether the other end may talk to us; checked for each connection. */
  isAllowed(socket: Socket): boolean;
  onRequest(message: Exclude<ToSentry, { t: "ack" }>): void;
  /** Facts were dropped and there is room again: list everything anew. */
  onRoomAgain(): void;
  /** A connection was refused or ended for a reason other than its close, or a fact cannot be sent. */
  onRefused(reason: string): void;
  /** A mind has connected. */
  onConnect(): void;
}

/** One mind at a time. */
export class Uplink {
  readonly #boot = randomUUID();
  readonly #handlers: UplinkHandlers;
  readonly #server: Server;
  readonly #held: Batch[] = [];
  #heldBytes = 0;
  #nextSeq = 1;
  #sentSeq = 0;
  #dropped = 0;
  #link: Link<ToSentry, FromSentry> | null = null;

  constructor(listenFd: number, handlers: UplinkHandlers) {
    this.#handlers = handlers;
    this.#server = createServer((socket) => this.#accept(socket));
    // Such as no descriptor left for a connection: the mind tries again.
    this.#server.on("error", (error) => handlers.onRefused(errorText(error)));
    this.#server.listen({ fd: listenFd });
  }

  /** Takes facts to be delivered. */
  push(facts: readonly Fact[]): void {
    let items: Fact[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (items.length > 0) this.#hold(items, bytes);
      items = [];
      bytes = 0;
    };
    for (const fact of facts) {
      const factBytes = Buffer.byteLength(JSON.stringify(fact));
      if (factBytes > MAX_FRAME_BYTES - FRAME_MARGIN_BYTES) {
        this.#handlers.onRefused(`a fact of ${fact.sensor} has ${factBytes} bytes, and is not sent`);
        continue;
      }
      if (bytes + factBytes > MAX_BATCH_BYTES || items.length >= MAX_BATCH_ITEMS) flush();
      items.push(fact);
      bytes += factBytes;
    }
    flush();
    this.#sendHeld();
  }

  /** Tells the mind, when there is one and it takes what it is told. */
  send(message: FromSentry): void {
    if (this.#link?.isCongested === false) this.#link.send(message);
  }

  close(): void {
    this.#server.close();
    this.#link?.[Symbol.dispose]();
  }

  #hold(items: readonly Fact[], bytes: number): void {
    if (this.#heldBytes + bytes > MAX_HELD_BYTES) {
      this.#dropped += items.length;
      return;
    }
    this.#held.push({ seq: this.#nextSeq++, items, bytes });
    this.#heldBytes += bytes;
  }

  #accept(socket: Socket): void {
    if (this.#link !== null || !this.#handlers.isAllowed(socket)) {
      this.#handlers.onRefused(this.#link === null ? "the peer is not the mind" : "a mind is connected already");
      socket.destroy();
      return;
    }
    const link = new Link<ToSentry, FromSentry>(socket, {
      accepts: toSentry,
      onMessage: (message) =>
        message.t === "ack" ? this.#acknowledge(message.seq) : this.#handlers.onRequest(message),
      onEnd: (reason) => {
        this.#link = null;
        if (reason !== null) this.#handlers.onRefused(reason);
      },
    });
    this.#link = link;
    this.#sentSeq = (this.#held[0]?.seq ?? this.#nextSeq) - 1;
    link.send({ t: "hello", boot: this.#boot, pid: process.pid });
    this.#handlers.onConnect();
    this.#sendHeld();
  }

  /** @throws GarrisonError `GARRISON_WIRE_MALFORMED` for facts that were not sent: they would be lost */
  #acknowledge(seq: number): void {
    if (seq > this.#sentSeq) {
      throw new GarrisonError(
        "GARRISON_WIRE_MALFORMED",
        `Cannot accept message: ${seq} is acknowledged, ${this.#sentSeq} was sent last`,
      );
    }
    while (this.#held[0] !== undefined && this.#held[0].seq <= seq) this.#heldBytes -= this.#held.shift()!.bytes;
    if (this.#dropped > 0 && this.#heldBytes < MAX_HELD_BYTES / 2) {
      this.#link?.send({ t: "dropped", count: this.#dropped });
      this.#dropped = 0;
      this.#handlers.onRoomAgain();
    }
    this.#sendHeld();
  }

  #sendHeld(): void {
    const firstSeq = this.#held[0]?.seq;
    if (this.#link === null || firstSeq === undefined) return;
    let bytes = 0;
    for (const batch of this.#held.slice(0, MAX_IN_FLIGHT)) {
      bytes += batch.bytes;
      if (bytes > MAX_IN_FLIGHT_BYTES && batch.seq > firstSeq) return;
      if (batch.seq <= this.#sentSeq) continue;
      this.#link?.send({ t: "facts", seq: batch.seq, items: batch.items });
      this.#sentSeq = batch.seq;
    }
  }
}
