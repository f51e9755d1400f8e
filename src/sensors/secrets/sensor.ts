/**
 * Secrets: every read is a fact with its reader, and every secret that comes into being.
 * See README.md in this folder for what it sees and cannot see.
 */

import { createHash } from "node:crypto";
import { AsyncQueue, queueIsFull } from "#src/lib/async-queue.ts";
import { formatMode } from "#src/lib/file-mode.ts";
import { LruMap } from "#src/lib/lru.ts";
import { fileSubject, showRawPath } from "#src/lib/raw-path.ts";
import { ExeDigests } from "#src/linux/exe-digest.ts";
import {
  FAN_ACCESS,
  FAN_ATTRIB,
  FAN_CREATE,
  FAN_DELETE_SELF,
  FAN_MOVE_SELF,
  FAN_MOVED_TO,
  FAN_OPEN,
  FAN_OPEN_EXEC,
} from "#src/linux/fanotify-events.ts";
import { FileLook } from "#src/linux/file-metadata.ts";
import { readExe } from "#src/linux/proc.ts";
import type { Actor } from "#src/model/actor.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Fact } from "#src/model/observation.ts";
import type { SensorContext, Sight, WatchSensor } from "#src/model/sensor.ts";
import { GroupMembers } from "../group-members.ts";
import { EVENT_BITS, ListFollower } from "../list-follower.ts";
import { PathList } from "../path-list.ts";
import type { PathEvent } from "../path-watch.ts";
import type { SecretsOptions } from "./config.ts";

const READ_MASK = FAN_OPEN | FAN_ACCESS | FAN_OPEN_EXEC;
const INODE_MASK = READ_MASK | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF;
const MAX_QUEUED = 50_000;
// A program that reads a secret reads it in several steps; one fact in this time is enough.
const SAME_READ_MS = 1000;
const MAX_RECENT_READS = 4096;
const MAX_RECENT_DIGESTS = 256;
const MAX_KEY = 4096;

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    await using watcher = new SecretsWatcher(context);
    context.signal.addEventListener("abort", () => watcher.queue.end());
    watcher.start();
    yield* watcher.queue;
  },
};

class SecretsWatcher implements AsyncDisposable {
  readonly queue: AsyncQueue<Fact>;
  readonly #context: SensorContext;
  readonly #list: PathList;
  readonly #members: GroupMembers;
  readonly #told = new Set<string>();
  readonly #digests = new ExeDigests();
  readonly #recentReads = new LruMap<string, number>(MAX_RECENT_READS);
  /** By process and program: one that has ended right behind its read keeps its digest for the next event. */
  readonly #recentDigests = new LruMap<string, Promise<string | null>>(MAX_RECENT_DIGESTS);
  readonly #follower: ListFollower;

  constructor(context: SensorContext) {
    const { patterns, scanEveryMs } = context.options as unknown as SecretsOptions;
    this.#context = context;
    this.queue = new AsyncQueue(MAX_QUEUED, () => context.fail(queueIsFull(MAX_QUEUED)));
    this.#list = new PathList(patterns);
    this.#members = new GroupMembers(patterns);
    this.#follower = new ListFollower(context, {
      list: this.#list,
      inodeMask: INODE_MASK,
      scanEveryMs,
      told: () => this.#told,
      take: (path, event) => this.#take(path, event),
      look: (path, event, scanned) => this.#look(path, event?.who ?? null, scanned),
      listed: () => {
        for (const census of this.#members.censuses("secrets", Date.now())) this.queue.push(census);
      },
      describe: describeSight,
    });
  }

  start(): void {
    this.#follower.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower[Symbol.asyncDispose]();
  }

  /** @returns whether the event was a read and nothing else */
  #take(path: string, event: PathEvent | null): boolean {
    if (event === null) return false;
    if ((event.mask & READ_MASK) !== 0) this.#onRead(path, event);
    // Watched at once: its first reader may be next.
    if ((event.mask & (FAN_CREATE | FAN_MOVED_TO)) !== 0) this.#follower.refresh(path);
    return (event.mask & EVENT_BITS & ~READ_MASK) === 0;
  }

  #onRead(path: string, { mask, pid, who }: PathEvent): void {
    const reader = JSON.stringify([path, pid, who?.startTicks, who?.exe, who?.uid]);
    const now = performance.now();
    if (now - (this.#recentReads.get(reader) ?? Number.NEGATIVE_INFINITY) < SAME_READ_MS) return;
    this.#recentReads.set(reader, now);
    if (who === null) this.#context.count("unknownReaders", 1);
    const atUnixMs = Date.now();
    this.#digestOf(who)
      .then((digest) => this.#tellRead(path, describeRead(mask), who, digest, atUnixMs))
      .catch((error) => this.#context.fail(error));
  }

  /** The digest of the program that the reader ran, or of what lies at its path now when it has ended; `null`: not known. */
  #digestOf(who: Actor | null): Promise<string | null> {
    if (who === null) return Promise.resolve(null);
    const process = `${who.pid} ${who.startTicks} ${who.exe}`;
    const known = this.#recentDigests.get(process);
    if (known !== undefined) return known;
    if (who.exe === null || !who.exe.startsWith("/")) return Promise.resolve(null);
    const runs = readExe(who.pid) === who.exe;
    const digest = runs ? this.#digests.of(who.pid) : this.#digests.ofPath(who.exe);
    this.#recentDigests.set(process, digest);
    return digest;
  }

  #tellRead(path: string, how: string, who: Actor | null, exeSha256: string | null, atUnixMs: number): void {
    const exe = who?.exe ?? null;
    const uid = who?.uid ?? null;
    const parentExe = who?.parents[0]?.exe ?? null;
    const unit = who?.unit ?? null;
    this.queue.push({
      sensor: "secrets",
      type: "present",
      key: readerKey([path, exeSha256 ?? exe, uid, parentExe]),
      group: path,
      subject: fileSubject(path),
      facts: { path: showRawPath(path), exe, exeSha256, uid, parentExe, unit, how },
      who,
      atUnixMs,
      scanned: false,
    });
  }

  /** Tells of a secret that came or went; how it looks is the files sensor's matter. Watches first, then looks. */
  #look(path: string, who: Actor | null, scanned: boolean): void {
    const group = this.#list.patternOf(path);
    if (group === undefined) return;
    if (!scanned) this.#follower.refresh(path);
    const facts = describeSecret(path);
    if ((facts === null) === !this.#told.has(path)) return;
    if (facts === null) {
      this.#told.delete(path);
      this.#members.delete(path, group);
    } else if (this.#members.add(path, group)) this.#told.add(path);
    else return this.#context.count("notKept", 1);
    this.queue.push({
      sensor: "secrets",
      type: "record",
      key: path,
      group,
      subject: fileSubject(path),
      facts,
      who,
      atUnixMs: Date.now(),
      scanned,
    });
  }
}

function describeSight(sight: Sight, hasFanotify: boolean): Sight {
  if (!hasFanotify) return { ...sight, state: "blind", blindTo: ["every read of a secret", ...sight.blindTo] };
  const how = "opens, reads, mappings and executions by inode: hard links, bind mounts, other namespaces";
  return { ...sight, sees: [how, ...sight.sees], blindTo: [...sight.blindTo, "raw reads of the block device"] };
}

function describeRead(mask: number): string {
  if ((mask & FAN_OPEN_EXEC) !== 0) return "executed";
  return (mask & FAN_ACCESS) !== 0 ? "read" : "opened";
}

/** Identity of a reader of a secret; at most 4 KiB: a longer one is its digest. */
function readerKey(parts: readonly (string | number | null)[]): string {
  const key = JSON.stringify(parts);
  return key.length <= MAX_KEY ? key : `sha256 ${createHash("sha256").update(key).digest("hex")}`;
}

function describeSecret(path: string): JsonObject | null {
  try {
    using look = FileLook.open(path);
    if (look === undefined) return null;
    const { type, mode, uid, gid, sizeBytes } = look.metadata;
    return { type, mode: formatMode(mode), uid, gid, sizeBytes };
  } catch {
    return { type: "unreadable" };
  }
}
