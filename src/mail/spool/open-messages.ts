/** Opens each message of a spool and takes the beginning of its file: for the process that may, which does not look at it. */
import { closeSync, fstatSync } from "node:fs";
import { cleanText } from "#src/lib/clean-text.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import { type HeldFolder, readHeadOf } from "#src/linux/held-folder.ts";
import { type Blind, listMessages, type Mta, type QueueFolder, type Spool, walkSpool, whyBlind } from "./walk.ts";

/** What of a queue could be opened. */
export interface OpenedQueue {
  readonly queue: string;
  /** Names of messages that were listed. */
  messages: number;
  /** Listed, and gone when they were opened: delivered meanwhile. */
  gone: number;
  /** Whether all of it could be listed. */
  isComplete: boolean;
  readonly blind: Blind[];
}

/** The beginning of one file. */
export interface Head {
  readonly mta: Mta;
  readonly queue: string;
  /** Owner of the file; 0 where nobody asks for it. */
  readonly ownerUid: number;
  readonly bytes: number;
}

/** Where the beginnings go. */
export interface HeadBuffer {
  /** Room for one more. @returns where it goes */
  place(): { readonly into: Buffer; readonly at: number; readonly maxBytes: number };
  /** It stands there. */
  take(head: Head): void;
}

/** Of how many files that cannot be opened each is told by its path. */
const MAX_BLIND = 20;

/** Opens one spool. */
export class MessageOpener {
  readonly #spool: Spool;
  readonly #heads: HeadBuffer;
  readonly #queues = new Map<string, OpenedQueue>();
  readonly spoolBlind: Blind[] = [];

  constructor(spool: Spool, heads: HeadBuffer) {
    this.#spool = spool;
    this.#heads = heads;
  }

  get queues(): readonly OpenedQueue[] {
    return [...this.#queues.values()];
  }

  run(): void {
    walkSpool(this.#spool, {
      enter: (queue) => {
        this.#queues.set(queue, { queue, messages: 0, gone: 0, isComplete: true, blind: [] });
      },
      visit: (place, folder) => this.#visit(place, folder),
      blind: (blind) => this.#blind(blind),
    });
  }

  #visit(place: QueueFolder, folder: HeldFolder): readonly string[] {
    const queue = this.#queues.get(place.queue);
    if (queue === undefined) return [];
    const { subfolders, messages, isCut } = listMessages(place, folder, ({ bytes, start }) => {
      this.#open(queue, place, folder, bytes.subarray(start));
    });
    queue.messages += messages;
    if (isCut)
      this.#blind({
        queue: place.queue,
        path: cleanText(showRawPath(place.path), 300),
        reason: `more than ${messages} messages lie in one folder`,
      });
    return subfolders;
  }

  #open(queue: OpenedQueue, place: QueueFolder, folder: HeldFolder, name: Buffer): void {
    const head = this.#read(place, folder, name);
    if (head === null) queue.gone++;
    else if (head !== undefined) this.#heads.take(head);
  }

  /** @returns `null` when it is gone, `undefined` when it cannot be read */
  #read(place: QueueFolder, folder: HeldFolder, name: Buffer): Head | null | undefined {
    try {
      const fd = folder.openFile(name);
      if (fd === -1) return null;
      try {
        const { into, at, maxBytes } = this.#heads.place();
        const bytes = readHeadOf(fd, into, at, maxBytes);
        // Whoever hands a message over owns its file until Postfix has picked it up.
        const ownerUid = place.queue === "maildrop" ? fstatSync(fd).uid : 0;
        return bytes === -1 ? null : { mta: place.mta, queue: place.queue, ownerUid, bytes };
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      this.#blind({ queue: place.queue, path: cleanText(showRawPath(place.path), 300), reason: whyBlind(error) });
      return undefined;
    }
  }

  #blind(blind: Blind): void {
    const queue = blind.queue === null ? undefined : this.#queues.get(blind.queue);
    if (queue !== undefined) queue.isComplete = false;
    const list = queue?.blind ?? this.spoolBlind;
    if (list.length < MAX_BLIND && !list.some(({ path, reason }) => path === blind.path && reason === blind.reason))
      list.push(blind);
  }
}
