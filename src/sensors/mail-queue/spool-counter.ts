/**
 * Counts the messages of one spool by the names of their files, again and again: a folder that has not changed is not listed again.
 * What stands in the files is not looked at.
 */
import { entryName, type FolderEntry, type HeldFolder } from "#src/linux/held-folder.ts";
import { eximIdUnixSeconds } from "#src/mail/spool/exim-names.ts";
import { postfixIdUnixSeconds } from "#src/mail/spool/postfix-names.ts";
import {
  type Blind,
  listMessages,
  type MessageList,
  type QueueFolder,
  type Spool,
  type SpoolVisitor,
  walkSpool,
} from "#src/mail/spool/walk.ts";
import { drawSome, Reservoir } from "./reservoir.ts";

// A folder that changed a moment ago may change again within the same tick of its clock.
const SETTLED_MS = 1000;
const MAX_BLIND = 8;

/** A message by the name of its file. */
export interface MessageFile {
  readonly place: QueueFolder;
  /** Raw. */
  readonly name: string;
}

/** One queue. */
export interface QueueCount {
  readonly queue: string;
  messages: number;
  /** When its oldest message came, Unix seconds, as far as names tell; `null`: none does. */
  oldestUnixSeconds: number | null;
  /** Messages whose name does not tell when they came. */
  timeless: number;
  /** Whether all of it could be listed. */
  isComplete: boolean;
}

/** One look at a spool. */
export interface SpoolCount {
  readonly queues: readonly QueueCount[];
  readonly blind: readonly Blind[];
  /** Whether anything may have changed since the look before. */
  readonly hasChanged: boolean;
  /** Some of the messages that came since the look before, as their names tell. */
  readonly newest: readonly MessageFile[];
  /** Some of all; none when nothing has changed. */
  readonly some: readonly MessageFile[];
}

/** What one list of a folder has found. */
interface FolderCount extends MessageList {
  readonly queue: string;
  readonly changedMs: number;
  readonly listedMs: number;
  readonly oldestUnixSeconds: number | null;
  readonly timeless: number;
  readonly some: readonly MessageFile[];
}

/** One spool. */
export class SpoolCounter {
  readonly #spool: Spool;
  readonly #maxFiles: number;
  #folders: ReadonlyMap<string, FolderCount> = new Map();
  #lastUnixSeconds = Number.POSITIVE_INFINITY;

  /** @param maxFiles that are given of the newest, and of all */
  constructor(spool: Spool, maxFiles: number) {
    this.#spool = spool;
    this.#maxFiles = maxFiles;
  }

  count(nowUnixMs: number): SpoolCount {
    const look = new SpoolLook(this.#folders, {
      sinceUnixSeconds: this.#lastUnixSeconds,
      nowUnixMs,
      maxFiles: this.#maxFiles,
    });
    walkSpool(this.#spool, look);
    this.#folders = look.folders;
    this.#lastUnixSeconds = Math.floor(nowUnixMs / 1000);
    return look.result();
  }
}

interface LookOptions {
  readonly sinceUnixSeconds: number;
  readonly nowUnixMs: number;
  readonly maxFiles: number;
}

class SpoolLook implements SpoolVisitor {
  readonly folders = new Map<string, FolderCount>();
  readonly #before: ReadonlyMap<string, FolderCount>;
  readonly #options: LookOptions;
  readonly #queues = new Map<string, QueueCount>();
  readonly #blind: Blind[] = [];
  readonly #newest: Reservoir<MessageFile>;
  #hasChanged = false;

  constructor(before: ReadonlyMap<string, FolderCount>, options: LookOptions) {
    this.#before = before;
    this.#options = options;
    this.#newest = new Reservoir(options.maxFiles);
  }

  enter(queue: string): void {
    this.#queues.set(queue, { queue, messages: 0, oldestUnixSeconds: null, timeless: 0, isComplete: true });
  }

  visit(place: QueueFolder, folder: HeldFolder): readonly string[] {
    const changedMs = Number(folder.stats().mtimeNs / 1_000_000n);
    const known = this.#before.get(place.path);
    const isSame = known?.changedMs === changedMs && known.listedMs - changedMs > SETTLED_MS;
    this.#hasChanged ||= !isSame;
    const count = isSame ? known : this.#list(place, folder, changedMs);
    this.folders.set(place.path, count);
    this.#add(count);
    return count.subfolders;
  }

  blind(what: Blind): void {
    if (this.#blind.length < MAX_BLIND) this.#blind.push(what);
    const queue = what.queue === null ? undefined : this.#queues.get(what.queue);
    if (queue !== undefined) queue.isComplete = false;
  }

  result(): SpoolCount {
    const hasChanged = this.#hasChanged || this.folders.size !== this.#before.size;
    const parts = [...this.folders.values()].map(({ messages, some }) => ({ size: messages, some }));
    return {
      queues: [...this.#queues.values()],
      blind: this.#blind,
      hasChanged,
      newest: this.#newest.items,
      some: hasChanged ? drawSome(parts, this.#options.maxFiles) : [],
    };
  }

  #list(place: QueueFolder, folder: HeldFolder, changedMs: number): FolderCount {
    const { sinceUnixSeconds, nowUnixMs, maxFiles } = this.#options;
    const some = new Reservoir<MessageFile>(maxFiles);
    let oldest = Number.POSITIVE_INFINITY;
    let timeless = 0;
    const found = listMessages(place, folder, (entry) => {
      const file = (): MessageFile => ({ place, name: entryName(entry) });
      const at = timeOf(place, entry);
      // A name can tell any time; the future is none at which a message has come.
      if (at === null || at * 1000 > nowUnixMs) timeless++;
      else if (at < oldest) oldest = at;
      if (at !== null && at >= sinceUnixSeconds) this.#newest.offer(file);
      some.offer(file);
    });
    if (found.isCut) this.blind({ queue: place.queue, path: place.path, reason: "too many messages in one folder" });
    const oldestUnixSeconds = oldest === Number.POSITIVE_INFINITY ? null : oldest;
    return {
      ...found,
      queue: place.queue,
      changedMs,
      listedMs: nowUnixMs,
      oldestUnixSeconds,
      timeless,
      some: some.items,
    };
  }

  #add({ queue: name, messages, oldestUnixSeconds, timeless }: FolderCount): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    queue.messages += messages;
    queue.timeless += timeless;
    if (oldestUnixSeconds !== null && oldestUnixSeconds < (queue.oldestUnixSeconds ?? Number.POSITIVE_INFINITY))
      queue.oldestUnixSeconds = oldestUnixSeconds;
  }
}

function timeOf({ mta }: QueueFolder, { bytes, start, end }: FolderEntry): number | null {
  return mta === "exim" ? eximIdUnixSeconds(bytes, start) : postfixIdUnixSeconds(bytes, start, end);
}
