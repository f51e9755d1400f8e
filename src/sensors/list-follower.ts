/**
 * What sensors of listed paths have in common: a watch (fanotify, or inotify where that is refused), a look at everything at the
 * start, behind lost events and now and then, and a look at one path when what happens to it has come to rest.
 * Between two looks at everything a glance asks each known path whether its inode or ctime is another one (one lstat a path):
 * ctime cannot be set, so that it tells what no event does, such as chattr(1).
 */
import { type BigIntStats, lstatSync, statSync } from "node:fs";
import { errorText } from "#src/lib/errors.ts";
import { FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_CREATE, FAN_DELETE_SELF, FAN_MOVE_SELF } from "#src/linux/fanotify-events.ts";
import type { SensorContext, Sight } from "#src/model/sensor.ts";
import { inSlices } from "./in-slices.ts";
import { MAX_PATHS, type PathList } from "./path-list.ts";
import { type ListWatch, type PathEvent, PathWatch } from "./path-watch.ts";
import { ScanWatch } from "./scan-watch.ts";

/** Bits of a mask that say what happened; the others say to what. */
export const EVENT_BITS = 0xffff;
// An editor writes, renames and removes within milliseconds: the look waits until it is quiet, but not for ever.
const QUIET_MS = 40;
// What is made is written next, and what is removed is often made again.
const QUIET_BEGIN_MS = 120;
const BEGIN_MASK = FAN_CREATE | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF;
const LONGEST_WAIT_MS = 400;
// A store through a mapping of a page that is dirty already moves no ctime; a filesystem that was mounted anew has lost its marks.
const GLANCES_BETWEEN_SCANS = 9;

/** What the sensor does with its paths. */
export interface ListFollowerOptions {
  readonly list: PathList;
  /** FAN_* bits for the paths themselves. */
  readonly inodeMask: number;
  /** Milliseconds between two glances at everything; each tenth is a full look. */
  readonly scanEveryMs: number;
  /** Paths that were told: they are looked at too, because they may be gone. */
  told(): Iterable<string>;
  /** Sees each event at once. @returns whether there is nothing left to look at later */
  take(path: string, event: PathEvent | null, isPending: boolean): boolean;
  /** Looks at one path. `event`: the one that says most of why, `null` for a regular look. */
  look(path: string, event: PathEvent | null, scanned: boolean): void;
  /** Everything has been looked at. */
  listed(): void;
  /** What can be seen, in the words of the sensor. */
  describe(sight: Sight, hasFanotify: boolean): Sight;
}

interface Pending {
  readonly event: PathEvent | null;
  readonly firstMs: number;
  /** When it will have been quiet for long enough. */
  readonly dueMs: number;
}

/** Follows one list for one sensor, which owns and disposes it. */
export class ListFollower implements AsyncDisposable {
  readonly #context: SensorContext;
  readonly #options: ListFollowerOptions;
  readonly #watch: ListWatch;
  readonly #pending = new Map<string, Pending>();
  /** Inode and ctime of paths, inode of folders on the way, as they were at the last look. A folder may be both. */
  readonly #signatures = new Map<string, string>();
  readonly #folderSignatures = new Map<string, string>();
  #glances = 0;
  #isFlushPlanned = false;
  #isGlancePlanned = false;
  #isScanWanted = false;
  #isScanning = false;

  constructor(context: SensorContext, options: ListFollowerOptions) {
    this.#context = context;
    this.#options = options;
    this.#watch = this.#openWatch();
  }

  /** Events are taken from the first moment on, so that nothing is missed between them and the first look. */
  start(): void {
    this.#rescan();
  }

  /** Watches the inode that a path names now. */
  refresh(path: string): void {
    this.#watch.refresh(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
  }

  #openWatch(): ListWatch {
    const { signal } = this.#context;
    const events = {
      onPath: (path: string, event: PathEvent | null) => this.#onPath(path, event),
      onOverflow: () => this.#onOverflow(),
      onEvents: (count: number) => this.#context.count("events", count),
      onError: (error: unknown) => this.#context.fail(error),
    };
    try {
      return new PathWatch(this.#options.list, this.#options.inodeMask, events, signal);
    } catch (error) {
      return new ScanWatch(this.#options.list, events, signal, errorText(error));
    }
  }

  #onOverflow(): void {
    this.#context.count("overflows", 1);
    this.#sight();
    this.#rescan();
  }

  /** One look at everything at a time; what is asked for meanwhile is one more behind it. */
  #rescan(): void {
    this.#isScanWanted = true;
    if (this.#isScanning) return;
    this.#isScanning = true;
    this.#scan().catch((error) => this.#context.fail(error));
  }

  async #scan(): Promise<void> {
    while (this.#isScanWanted && !this.#context.signal.aborted) {
      this.#isScanWanted = false;
      this.#glances = 0;
      await this.#watch.scan();
      if (await inSlices(this.#lookAtAll(), this.#context.signal)) this.#options.listed();
    }
    this.#isScanning = false;
    this.#sight();
    this.#planGlance();
  }

  #planGlance(): void {
    if (this.#isGlancePlanned) return;
    this.#isGlancePlanned = true;
    this.#context.after(this.#options.scanEveryMs, () => {
      this.#isGlancePlanned = false;
      if (this.#glances++ >= GLANCES_BETWEEN_SCANS) this.#rescan();
      else this.#glance().catch((error) => this.#context.fail(error));
    });
  }

  async #glance(): Promise<void> {
    if (!this.#isScanning) await inSlices(this.#lookAtChanged(), this.#context.signal);
    this.#sight();
    this.#planGlance();
  }

  *#lookAtAll(): Generator<void> {
    this.#signatures.clear();
    this.#folderSignatures.clear();
    for (const folder of this.#watch.folders) this.#folderSignatures.set(folder, folderSignature(folder));
    for (const path of new Set([...this.#watch.paths, ...this.#options.told()])) {
      this.#regard(path);
      yield;
    }
  }

  *#lookAtChanged(): Generator<void> {
    for (const folder of this.#watch.folders) {
      if (this.#folderSignatures.get(folder) !== folderSignature(folder)) return this.#rescan();
      yield;
    }
    for (const path of new Set([...this.#watch.paths, ...this.#options.told()])) {
      if (this.#signatures.get(path) !== signature(path)) {
        this.#watch.refresh(path);
        this.#regard(path);
      }
      yield;
    }
  }

  /** A regular look; what an event has told of is looked at when it is quiet. */
  #regard(path: string): void {
    if (this.#pending.has(path)) return;
    this.#signatures.set(path, signature(path));
    this.#options.look(path, null, true);
  }

  #sight(): void {
    const sight = this.#watch.sight(`each ${this.#options.scanEveryMs / 1000} s`);
    this.#context.sight(this.#options.describe(sight, this.#watch instanceof PathWatch));
  }

  #onPath(path: string, event: PathEvent | null): void {
    const pending = this.#pending.get(path);
    if (this.#options.take(path, event, pending !== undefined)) return;
    if (pending === undefined && this.#pending.size >= MAX_PATHS) return this.#onOverflow();
    const now = performance.now();
    const known = pending?.event ?? null;
    const strongest = weigh(event) >= weigh(known) ? event : known;
    const firstMs = pending?.firstMs ?? now;
    const quietMs = event === null || (event.mask & BEGIN_MASK) !== 0 ? QUIET_BEGIN_MS : QUIET_MS;
    const dueMs = Math.min(Math.max(pending?.dueMs ?? 0, now + quietMs), firstMs + LONGEST_WAIT_MS);
    this.#pending.set(path, { event: strongest, firstMs, dueMs });
    this.#planFlush();
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#context.after(QUIET_MS / 2, () => {
      inSlices(this.#flush(), this.#context.signal)
        .then(() => {
          this.#isFlushPlanned = false;
          if (this.#pending.size > 0) this.#planFlush();
        })
        .catch((error) => this.#context.fail(error));
    });
  }

  *#flush(): Generator<void> {
    for (const [path, { event, dueMs }] of this.#pending) {
      if (performance.now() < dueMs) continue;
      this.#pending.delete(path);
      this.#options.look(path, event, false);
      yield;
    }
  }
}

/** Device, inode and ctime of a path, and of what it leads to. */
function signature(path: string): string {
  const bytes = Buffer.from(path, "latin1");
  const stats = statOrNone(() => lstatSync(bytes, { bigint: true }));
  if (stats === undefined) return "none";
  const target = stats.isSymbolicLink() ? statOrNone(() => statSync(bytes, { bigint: true })) : undefined;
  return [stats, target].map((one) => (one === undefined ? "" : `${one.dev}:${one.ino}:${one.ctimeNs}`)).join(" ");
}

/** Arrivals in a folder are told by events: here only whether it is the same. */
function folderSignature(folder: string): string {
  const stats = statOrNone(() => statSync(Buffer.from(folder, "latin1"), { bigint: true }));
  return stats === undefined ? "none" : `${stats.dev}:${stats.ino}`;
}

function statOrNone(stat: () => BigIntStats): BigIntStats | undefined {
  try {
    return stat();
  } catch {
    return undefined;
  }
}

/** Of several events behind one change the one that says most of it names the actor; of equals the last. */
function weigh(event: PathEvent | null): number {
  if (event === null) return 0;
  const bits = event.mask & EVENT_BITS;
  if ((bits & ~(FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_DELETE_SELF)) !== 0) return 3;
  return (bits & FAN_CLOSE_WRITE) !== 0 ? 2 : 1;
}
