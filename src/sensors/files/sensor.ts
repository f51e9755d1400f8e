/**
 * Files that matter: their records, looked at the moment something touches them, with who did it.
 * See README.md in this folder for what it sees and cannot see.
 */
import { AsyncQueue } from "#src/lib/async-queue.ts";
import { errorText } from "#src/lib/errors.ts";
import { type PathPattern, parsePathPattern, pathComponents, relate } from "#src/lib/path-pattern.ts";
import { fileSubject, toRawPath } from "#src/lib/raw-path.ts";
import { ActorCache } from "#src/linux/actor-cache.ts";
import {
  FAN_ATTRIB,
  FAN_CLOSE_WRITE,
  FAN_DELETE_SELF,
  FAN_MODIFY,
  FAN_MOVE_SELF,
  type FanotifyEvent,
} from "#src/linux/fanotify-events.ts";
import type { Actor } from "#src/model/actor.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Census, Observation } from "#src/model/observation.ts";
import type { SensorContext, WatchSensor } from "#src/model/sensor.ts";
import { MAX_PATHS, PathWatch } from "../path-watch.ts";
import { ScanWatch } from "../scan-watch.ts";
import type { FilesOptions } from "./config.ts";
import { readRecord } from "./record.ts";

const INODE_MASK = FAN_ATTRIB | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_DELETE_SELF | FAN_MOVE_SELF;
const MAX_QUEUED = 20_000;
// An editor writes, renames and removes within milliseconds: the look waits until it is quiet, but not for ever.
const QUIET_MS = 40;
const LONGEST_WAIT_MS = 400;

interface Listed {
  readonly pattern: PathPattern;
  readonly text: string;
  readonly secret: boolean;
}

interface Pending {
  who: Actor | null;
  readonly firstMs: number;
  lastMs: number;
}

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    using watcher = new FilesWatcher(context);
    watcher.start();
    context.signal.addEventListener("abort", () => watcher.queue.end());
    yield* watcher.queue;
  },
};

class FilesWatcher implements Disposable {
  readonly queue: AsyncQueue<Observation | Census>;
  readonly #context: SensorContext;
  readonly #options: FilesOptions;
  readonly #listed: readonly Listed[];
  readonly #watch: PathWatch | ScanWatch;
  readonly #actors = new ActorCache();
  readonly #pending = new Map<string, Pending>();
  /** The last record told, as text without its times, by raw path. */
  readonly #told = new Map<string, string>();
  #isFlushPlanned = false;

  constructor(context: SensorContext) {
    this.#context = context;
    this.#options = context.options as unknown as FilesOptions;
    this.queue = new AsyncQueue(MAX_QUEUED, (count) => context.count("dropped", count));
    this.#listed = this.#options.watched.map(({ pattern: text, secret }) => {
      const pattern = parsePathPattern(text);
      return { text, secret, pattern: { ...pattern, components: pattern.components.map(toRawPath) } };
    });
    this.#watch = this.#openWatch();
  }

  start(): void {
    this.#rescan();
    this.#sight();
    this.#plan();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #openWatch(): PathWatch | ScanWatch {
    const patterns = this.#options.watched.map(({ pattern }) => parsePathPattern(pattern));
    const events = {
      onPath: (path: string, event: FanotifyEvent | null) => this.#onPath(path, event),
      onOverflow: () => this.#onOverflow(),
      onAny: () => this.#context.count("events", 1),
    };
    try {
      return new PathWatch(patterns, INODE_MASK, events);
    } catch (error) {
      this.#context.count("fanotifyRefused", 1);
      return new ScanWatch(patterns, events, errorText(error));
    }
  }

  #plan(): void {
    this.#context.after(this.#options.scanEveryMs, () => {
      this.#rescan();
      this.#sight();
      this.#plan();
    });
  }

  #sight(): void {
    this.#context.sight(this.#watch.sight(`each ${this.#options.scanEveryMs / 1000} s`));
  }

  /** Looks at everything: at start, behind lost events, and now and then for what no event tells. */
  #rescan(): void {
    this.#watch.scan();
    for (const path of new Set([...this.#watch.paths, ...this.#told.keys()])) this.#look(path, null, true);
    for (const { text } of this.#listed) this.#pushCensus(text);
  }

  #pushCensus(group: string): void {
    const keys = [...this.#told.keys()].filter((path) => this.#listingOf(path)?.text === group);
    this.queue.push({ sensor: "files", group, type: "census", keys, atUnixMs: Date.now() });
  }

  #onOverflow(): void {
    this.#context.count("overflows", 1);
    this.#rescan();
  }

  #onPath(path: string, event: FanotifyEvent | null): void {
    const now = performance.now();
    const pending = this.#pending.get(path);
    const who = event === null ? null : this.#actors.read(event.pid);
    // A mode or owner change is whole at once; whatever else happens to a path comes in several steps.
    if (event !== null && pending === undefined && (event.mask & ~FAN_ATTRIB & 0xffff) === 0)
      return this.#look(path, who, false);
    if (pending === undefined) this.#pending.set(path, { who, firstMs: now, lastMs: now });
    else {
      pending.lastMs = now;
      pending.who = who ?? pending.who;
    }
    this.#planFlush();
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#context.after(QUIET_MS / 2, () => {
      this.#isFlushPlanned = false;
      this.#flush();
      if (this.#pending.size > 0) this.#planFlush();
    });
  }

  #flush(): void {
    const now = performance.now();
    for (const [path, { who, firstMs, lastMs }] of this.#pending) {
      if (now - lastMs < QUIET_MS && now - firstMs < LONGEST_WAIT_MS) continue;
      this.#pending.delete(path);
      this.#look(path, who, false);
    }
  }

  #look(path: string, who: Actor | null, scanned: boolean): void {
    const listing = this.#listingOf(path);
    if (listing === undefined || this.#pending.has(path)) return;
    if (this.#told.size >= MAX_PATHS && !this.#told.has(path)) return this.#context.count("notKept", 1);
    const record = readRecord(path, !listing.secret);
    this.#watch.refresh(path);
    const comparable = compareText(record);
    if (this.#told.get(path) === comparable || (record === null && !this.#told.has(path))) return;
    if (record === null) this.#told.delete(path);
    else this.#told.set(path, comparable);
    this.queue.push({
      sensor: "files",
      type: "record",
      key: path,
      group: listing.text,
      subject: fileSubject(path),
      facts: record === null ? null : { ...record, secret: listing.secret },
      who,
      atUnixMs: Date.now(),
      scanned,
    });
  }

  #listingOf(path: string): Listed | undefined {
    const components = pathComponents(path);
    const matches = this.#listed.filter(({ pattern }) => relate(pattern, components) === "match");
    return matches.find(({ secret }) => secret) ?? matches[0];
  }
}

/** The record without what changes by itself; digests stand for content. */
function compareText(record: JsonObject | null): string {
  if (record === null) return "gone";
  const { mtimeMs: _mtime, ctimeMs: _ctime, inode: _inode, links: _links, text: _text, ...compared } = record;
  return JSON.stringify(compared);
}
