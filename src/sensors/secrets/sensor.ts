/**
 * Secrets: every read is a fact with its reader, and every secret that comes into being.
 * See README.md in this folder for what it sees and cannot see.
 */
import { AsyncQueue } from "#src/lib/async-queue.ts";
import { errorText } from "#src/lib/errors.ts";
import { LruMap } from "#src/lib/lru.ts";
import { type PathPattern, parsePathPattern, pathComponents, relate } from "#src/lib/path-pattern.ts";
import { fileSubject, showRawPath, toRawPath } from "#src/lib/raw-path.ts";
import { ActorCache } from "#src/linux/actor-cache.ts";
import { ExeDigests } from "#src/linux/exe-digest.ts";
import {
  FAN_ACCESS,
  FAN_DELETE_SELF,
  FAN_MODIFY,
  FAN_MOVE_SELF,
  FAN_OPEN,
  FAN_OPEN_EXEC,
  type FanotifyEvent,
} from "#src/linux/fanotify-events.ts";
import { FileLook } from "#src/linux/file-metadata.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Census, Observation } from "#src/model/observation.ts";
import type { SensorContext, WatchSensor } from "#src/model/sensor.ts";
import { PathWatch } from "../path-watch.ts";
import { ScanWatch } from "../scan-watch.ts";
import type { SecretsOptions } from "./config.ts";

const READ_MASK = FAN_OPEN | FAN_ACCESS | FAN_OPEN_EXEC;
const INODE_MASK = READ_MASK | FAN_MODIFY | FAN_DELETE_SELF | FAN_MOVE_SELF;
const MAX_QUEUED = 10_000;
// A program that reads a secret reads it in several steps; one fact in this time is enough.
const SAME_READ_MS = 1000;
const MAX_RECENT_READS = 4096;

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    using watcher = new SecretsWatcher(context);
    watcher.start();
    context.signal.addEventListener("abort", () => watcher.queue.end());
    yield* watcher.queue;
  },
};

class SecretsWatcher implements Disposable {
  readonly queue: AsyncQueue<Observation | Census>;
  readonly #context: SensorContext;
  readonly #options: SecretsOptions;
  readonly #listed: readonly (PathPattern & { text: string })[];
  readonly #watch: PathWatch | ScanWatch;
  readonly #actors = new ActorCache();
  readonly #digests = new ExeDigests();
  readonly #recent = new LruMap<string, number>(MAX_RECENT_READS);
  readonly #told = new Set<string>();

  constructor(context: SensorContext) {
    this.#context = context;
    this.#options = context.options as unknown as SecretsOptions;
    this.queue = new AsyncQueue(MAX_QUEUED, (count) => context.count("dropped", count));
    this.#listed = this.#options.patterns.map((text) => {
      const pattern = parsePathPattern(text);
      return { ...pattern, text, components: pattern.components.map(toRawPath) };
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
    const patterns = this.#options.patterns.map(parsePathPattern);
    const events = {
      onPath: (path: string, event: FanotifyEvent | null) => this.#onPath(path, event),
      onOverflow: () => {
        this.#context.count("overflows", 1);
        this.#rescan();
      },
      onAny: () => this.#context.count("events", 1),
    };
    try {
      return new PathWatch(patterns, INODE_MASK, events);
    } catch (error) {
      return new ScanWatch(patterns, events, errorText(error));
    }
  }

  #sight(): void {
    const sight = this.#watch.sight(`each ${this.#options.scanEveryMs / 1000} s`);
    const isBlind = this.#watch instanceof ScanWatch;
    this.#context.sight({
      state: isBlind ? "blind" : sight.state,
      sees: isBlind
        ? sight.sees
        : ["opens, reads, mappings and executions by inode: hard links, bind mounts, other namespaces", ...sight.sees],
      blindTo: isBlind
        ? ["every read of a secret", ...sight.blindTo]
        : ["raw reads of the block device", ...sight.blindTo],
    });
  }

  #plan(): void {
    this.#context.after(this.#options.scanEveryMs, () => {
      this.#rescan();
      this.#sight();
      this.#plan();
    });
  }

  #rescan(): void {
    this.#watch.scan();
    for (const path of new Set([...this.#watch.paths, ...this.#told])) this.#look(path, null, true);
    for (const { text } of this.#listed) {
      const keys = [...this.#told].filter((path) => this.#groupOf(path) === text);
      this.queue.push({ sensor: "secrets", group: text, type: "census", keys, atUnixMs: Date.now() });
    }
  }

  #onPath(path: string, event: FanotifyEvent | null): void {
    if (event !== null && (event.mask & READ_MASK) !== 0 && event.name !== ".") this.#onRead(path, event);
    if (event === null || (event.mask & ~READ_MASK & 0xffff) !== 0) this.#look(path, event, false);
  }

  #onRead(path: string, event: FanotifyEvent): void {
    const actor = this.#actors.read(event.pid);
    const recent = `${path}\0${event.pid}\0${actor?.exe}`;
    const now = performance.now();
    if (now - (this.#recent.get(recent) ?? Number.NEGATIVE_INFINITY) < SAME_READ_MS) return;
    this.#recent.set(recent, now);
    const atUnixMs = Date.now();
    void this.#digests.of(event.pid).then((digest) => {
      const parentExe = actor?.parents[0]?.exe ?? null;
      const facts: JsonObject = {
        path: showRawPath(path),
        exe: actor?.exe ?? null,
        exeSha256: digest,
        uid: actor?.uid ?? null,
        parentExe,
        unit: actor?.unit ?? null,
        how: describeRead(event.mask),
      };
      this.queue.push({
        sensor: "secrets",
        type: "present",
        key: JSON.stringify([path, digest ?? actor?.exe ?? null, actor?.uid ?? null, parentExe]),
        group: path,
        subject: fileSubject(path),
        facts,
        who: actor,
        atUnixMs,
        scanned: false,
      });
    });
  }

  /** Tells of a secret that came or went; how it looks is the files sensor's matter. */
  #look(path: string, event: FanotifyEvent | null, scanned: boolean): void {
    const group = this.#groupOf(path);
    if (group === undefined) return;
    const facts = describeSecret(path);
    this.#watch.refresh(path);
    if ((facts === null) === !this.#told.has(path)) return;
    if (facts === null) this.#told.delete(path);
    else this.#told.add(path);
    const who = event === null ? null : this.#actors.read(event.pid);
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

  #groupOf(path: string): string | undefined {
    const components = pathComponents(path);
    return this.#listed.find((pattern) => relate(pattern, components) === "match")?.text;
  }
}

function describeRead(mask: number): string {
  if ((mask & FAN_OPEN_EXEC) !== 0) return "executed";
  return (mask & FAN_ACCESS) !== 0 ? "read" : "opened";
}

function describeSecret(path: string): JsonObject | null {
  try {
    using look = FileLook.open(path);
    if (look === undefined) return null;
    const { type, mode, uid, gid, sizeBytes } = look.metadata;
    return { type, mode: mode.toString(8).padStart(4, "0"), uid, gid, sizeBytes };
  } catch {
    return { type: "unreadable" };
  }
}
