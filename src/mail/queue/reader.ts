/**
 * The child that reads queued messages for `garrison mail queue`: without privileges, because customers and strangers wrote them. It gets
 * beginnings of files on a descriptor, counts, and tells groups.
 */
import { readSync } from "node:fs";
import type { Child } from "#src/processes/child.ts";
import { FIRST_READER_FD } from "#src/processes/descriptors.ts";
import { tellFrame } from "#src/processes/tell-frame.ts";
import { parseEximHeader } from "./exim-header.ts";
import { type FedHead, MAX_ITEM_BYTES, readItems } from "./feed.ts";
import type { QueuedMessage } from "./message.ts";
import { MAX_FRAME_GROUPS, MAX_QUEUES, type MailQueueMessage } from "./messages.ts";
import { parsePostfixMessage } from "./postfix-record.ts";
import type { MailQueueSettings } from "./settings.ts";
import { addTo, emptySums, type Sums, Tally } from "./tally.ts";

const BUFFER_BYTES = 1024 * 1024 + MAX_ITEM_BYTES;

/** Runs to the end of what comes. */
export function runMailQueueReader({ settings, listenFd: fd }: Child<MailQueueSettings>): void {
  const reading = new Reading(settings, (message) => tellFrame(fd, message));
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (let filled = 0; ; ) {
    const count = readSync(FIRST_READER_FD, buffer, filled, buffer.length - filled, null);
    if (count === 0) break;
    filled += count;
    const used = readItems(buffer, filled, (head) => reading.take(head));
    buffer.copyWithin(0, used, filled);
    filled -= used;
  }
  reading.end();
  process.exit(0);
}

class Reading {
  readonly #settings: MailQueueSettings;
  readonly #send: (message: MailQueueMessage) => void;
  readonly #tally: Tally;
  /** By number. */
  readonly #queues: Sums[] = [];
  #malformed = 0;

  constructor(settings: MailQueueSettings, send: (message: MailQueueMessage) => void) {
    this.#settings = settings;
    this.#send = send;
    this.#tally = new Tally(settings.by, settings.nowUnixMs);
  }

  take(head: FedHead): void {
    const message = parse(head);
    if (message === null || head.queue >= MAX_QUEUES) {
      this.#malformed++;
      return;
    }
    while (this.#queues.length <= head.queue) this.#queues.push(emptySums());
    addTo(this.#queues[head.queue] ?? emptySums(), message, this.#settings.nowUnixMs);
    this.#tally.add(message);
  }

  end(): void {
    const groups = this.#tally.groups();
    const told = groups.slice(0, this.#settings.maxGroups);
    for (let at = 0; at < told.length; at += MAX_FRAME_GROUPS)
      this.#send({ t: "groups", groups: told.slice(at, at + MAX_FRAME_GROUPS) });
    this.#send({ t: "end", queues: this.#queues, malformed: this.#malformed, groups: groups.length });
  }
}

function parse({ kind, ownerUid, bytes }: FedHead): QueuedMessage | null {
  if (kind === undefined) return null;
  return kind === "exim" ? parseEximHeader(bytes) : parsePostfixMessage(bytes, { queue: kind, ownerUid });
}
