/**
 * What sensors of listed paths have in common: a watch (fanotify, or inotify where that is refused), a look at everything at the
 * start, behind lost events and now and then, and a look at one path when what happens to it has come to rest.
 */
import { errorText } from "#src/lib/errors.ts";
import { FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_DELETE_SELF } from "#src/linux/fanotify-events.ts";
import type { SensorContext, Sight } from "#src/model/sensor.ts";
import { inSlices } from "./in-slices.ts";
import { MAX_PATHS, type PathList } from "./path-list.ts";
import { type ListWatch, type PathEvent, PathWatch } from "./path-watch.ts";
import { ScanWatch } from "./scan-watch.ts";

/** Bits of a mask that say what happened; the others say to what. */
export const EVENT_BITS = 0xffff;
// An editor writes, renames and removes within milliseconds: the look waits until it is quiet, but not for ever.
const QUIET_MS = 40;
const LONGEST_WAIT_MS = 400;

/** What the sensor does with its paths. */
export interface ListFollowerOptions {
  readonly list: PathList;
  /** FAN_* bits for the paths themselves. */
  readonly inodeMask: number;
  /** Milliseconds between two looks at everything. */
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
  readonly lastMs: number;
}

/** Follows one list for one sensor, which owns and disposes it. */
export class ListFollower implements AsyncDisposable {
  readonly #context: SensorContext;
  readonly #options: ListFollowerOptions;
  readonly #watch: ListWatch;
  readonly #pending = new Map<string, Pending>();
  #isFlushPlanned = false;
  #isScanPlanned = false;
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
      await this.#watch.scan();
      if (await inSlices(this.#lookAtAll(), this.#context.signal)) this.#options.listed();
    }
    this.#isScanning = false;
    this.#sight();
    this.#planScan();
  }

  #planScan(): void {
    if (this.#isScanPlanned) return;
    this.#isScanPlanned = true;
    this.#context.after(this.#options.scanEveryMs, () => {
      this.#isScanPlanned = false;
      this.#rescan();
    });
  }

  *#lookAtAll(): Generator<void> {
    for (const path of new Set([...this.#watch.paths, ...this.#options.told()])) {
      if (!this.#pending.has(path)) this.#options.look(path, null, true);
      yield;
    }
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
    this.#pending.set(path, { event: strongest, firstMs: pending?.firstMs ?? now, lastMs: now });
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
    for (const [path, { event, firstMs, lastMs }] of this.#pending) {
      const now = performance.now();
      if (now - lastMs < QUIET_MS && now - firstMs < LONGEST_WAIT_MS) continue;
      this.#pending.delete(path);
      this.#options.look(path, event, false);
      yield;
    }
  }
}

/** Of several events behind one change the one that says most of it names the actor; of equals the last. */
function weigh(event: PathEvent | null): number {
  if (event === null) return 0;
  const bits = event.mask & EVENT_BITS;
  if ((bits & ~(FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_DELETE_SELF)) !== 0) return 3;
  return (bits & FAN_CLOSE_WRITE) !== 0 ? 2 : 1;
}
