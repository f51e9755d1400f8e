/**
 * The sentry's end of the link to the mind: facts are numbered, kept until the mind has stored them, and sent again to a mind
 * that comes back. Memory: at most MAX_HELD_BYTES of facts; beyond that new ones are dropped, counted, and followed by a rescan.
 */
import { randomUUID } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { Census, Observation } from "#src/model/observation.ts";
import { Link } from "#src/wire/link.ts";
import { type FromSentry, type ToSentry, toSentry } from "#src/wire/sentry-messages.ts";

const MAX_HELD_BYTES = 32 * 1024 * 1024;
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_BATCH_ITEMS = 500;
const MAX_IN_FLIGHT = 8;

interface Batch {
  readonly seq: number;
  readonly items: readonly (Observation | Census)[];
  readonly bytes: number;
}

/** What the uplink asks of the sentry. */
export interface UplinkHandlers {
  /** Whether the other end may talk to us; checked for each connection. */
  isAllowed(socket: Socket): boolean;
  onRequest(message: Exclude<ToSentry, { t: "ack" }>): void;
  /** Facts were dropped and there is room again: list everything anew. */
  onRoomAgain(): void;
  /** A connection ended for a reason other than its close. */
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
    this.#server.listen({ fd: listenFd });
  }

  /** Takes facts to be delivered. */
  push(facts: readonly (Observation | Census)[]): void {
    let items: (Observation | Census)[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (items.length > 0) this.#hold({ seq: this.#nextSeq, items, bytes });
      items = [];
      bytes = 0;
    };
    for (const fact of facts) {
      const factBytes = Buffer.byteLength(JSON.stringify(fact));
      if (bytes + factBytes > MAX_BATCH_BYTES || items.length >= MAX_BATCH_ITEMS) flush();
      items.push(fact);
      bytes += factBytes;
    }
    flush();
    this.#sendHeld();
  }

  send(message: FromSentry): void {
    this.#link?.send(message);
  }

  close(): void {
    this.#server.close();
    this.#link?.[Symbol.dispose]();
  }

  #hold(batch: Batch): void {
    if (this.#heldBytes + batch.bytes > MAX_HELD_BYTES) {
      this.#dropped += batch.items.length;
      return;
    }
    this.#nextSeq++;
    this.#held.push(batch);
    this.#heldBytes += batch.bytes;
  }

  #accept(socket: Socket): void {
    if (this.#link !== null || !this.#handlers.isAllowed(socket)) {
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

  #acknowledge(seq: number): void {
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
    for (const { seq, items } of this.#held.slice(Math.max(0, this.#sentSeq + 1 - firstSeq), MAX_IN_FLIGHT)) {
      this.#link.send({ t: "facts", seq, items });
      this.#sentSeq = seq;
    }
  }
}
