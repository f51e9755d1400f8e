/**
 * The fallback where fanotify is refused (an ordinary user, a container): inotify on the folders of a list, plus scanning.
 * It knows no actor and sees no reads; `sight` says so. Memory: about 1 KiB a folder, at most MAX_WATCHED_FOLDERS.
 * An overflow of the inotify queue is not told by Node: the regular look at everything makes good for it.
 */
import { closeSync, type FSWatcher, fstatSync, watch } from "node:fs";
import { errorText } from "#src/lib/errors.ts";
import { joinPath, showRawPath, splitPath } from "#src/lib/raw-path.ts";
import type { Sight } from "#src/model/sensor.ts";
import { inSlices } from "./in-slices.ts";
import { type Interest, MAX_PATHS, openFolder, openThing, type PathList, walkList, withFd } from "./path-list.ts";
import type { ListWatch } from "./path-watch.ts";

const MAX_WATCHED_FOLDERS = 1000;
const MAX_PROBLEMS = 16;

/** What the owner is told: no event of the kernel comes with it. */
export interface ScanEvents {
  onPath(rawPath: string, event: null): void;
  onEvents(count: number): void;
  onError(error: unknown): void;
}

interface WatchedFolder {
  /** Device and inode: a folder that was replaced needs a new watch. */
  readonly identity: string;
  readonly watcher: FSWatcher;
}

/** The same face as PathWatch, with less sight. */
export class ScanWatch implements ListWatch {
  readonly #list: PathList;
  readonly #events: ScanEvents;
  readonly #signal: AbortSignal;
  readonly #whyNoFanotify: string;
  readonly #folders = new Map<string, WatchedFolder>();
  #paths = new Set<string>();
  /** Folders that no watch has told of yet: what is in them may be other than before. */
  #fresh = new Set<string>();
  #problems = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #isScanPlanned = false;

  constructor(list: PathList, events: ScanEvents, signal: AbortSignal, whyNoFanotify: string) {
    this.#list = list;
    this.#events = events;
    this.#signal = signal;
    this.#whyNoFanotify = whyNoFanotify;
  }

  get paths(): Iterable<string> {
    return this.#paths;
  }

  get folders(): Iterable<string> {
    return this.#folders.keys();
  }

  /** Takes paths and folders anew. */
  scan(): Promise<void> {
    const turn = this.#work.then(() => this.#scan());
    this.#work = turn.catch(() => {});
    return turn;
  }

  /** Inotify is on folders: a new inode needs no new watch. */
  refresh(_rawPath: string): void {}

  sight(scanned: string): Sight {
    return {
      state: "degraded",
      sees: [
        `changes by inotify on ${this.#folders.size} folders and a glance at ${this.#paths.size} paths ${scanned}`,
      ],
      blindTo: [
        `who did it, reads, and changes through hard links or other mounts: ${this.#whyNoFanotify}`,
        ...[...this.#problems].slice(0, MAX_PROBLEMS),
      ],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  async #scan(): Promise<void> {
    const paths = new Set<string>();
    const folders = new Set<string>();
    this.#problems = new Set();
    this.#fresh = new Set();
    const walk = walkList(this.#list, "/", {
      folder: (path, interest) => {
        folders.add(path);
        return this.#watchFolder(path, interest);
      },
      thing: (path) => this.#take(path, paths),
    });
    if (!(await inSlices(walk, this.#signal))) return;
    this.#paths = paths;
    for (const path of this.#folders.keys()) if (!folders.has(path)) this.#forget(path);
  }

  #take(path: string, paths: Set<string>): void {
    const fd = this.#open(path, openThing);
    if (fd === undefined) return;
    closeSync(fd);
    if (paths.size < MAX_PATHS) paths.add(path);
    else this.#problems.add(`paths beyond the first ${MAX_PATHS}`);
  }

  #watchFolder(path: string, interest: Interest): boolean {
    const fd = this.#open(path, openFolder);
    if (fd === undefined) return false;
    const identity = withFd(fd, () => {
      const { dev, ino } = fstatSync(fd, { bigint: true });
      return `${dev}:${ino}`;
    });
    if (this.#folders.get(path)?.identity === identity) return true;
    this.#forget(path);
    this.#fresh.add(path);
    if (this.#folders.size >= MAX_WATCHED_FOLDERS) {
      this.#problems.add(`changes in folders beyond the first ${MAX_WATCHED_FOLDERS} before the next look`);
      return true;
    }
    this.#openWatcher(path, identity, interest);
    return true;
  }

  #openWatcher(folder: string, identity: string, interest: Interest): void {
    try {
      const watcher = watch(Buffer.from(folder, "latin1"), { encoding: "latin1", persistent: false }, (_, name) =>
        this.#onEvent(folder, name, interest),
      );
      watcher.on("error", () => this.#forget(folder));
      this.#folders.set(folder, { identity, watcher });
    } catch (error) {
      this.#problems.add(`${showRawPath(folder)}: ${errorText(error)}`);
    }
  }

  #open(path: string, open: (path: string) => number | undefined): number | undefined {
    try {
      return open(path);
    } catch (error) {
      this.#problems.add(`${showRawPath(path)}: ${errorText(error)}`);
      return undefined;
    }
  }

  #forget(folder: string): void {
    this.#folders.get(folder)?.watcher.close();
    this.#folders.delete(folder);
  }

  #onEvent(folder: string, name: string | null, { isDeep, listed, onward }: Interest): void {
    this.#events.onEvents(1);
    if (name === null) return;
    if (isDeep || listed.has(name)) this.#events.onPath(joinPath(folder, name), null);
    // The folder itself, when it is moved or removed, comes under its own name.
    if (isDeep || onward.has(name) || folder.endsWith(`/${name}`)) this.#planScan();
  }

  /** One scan for all events until it begins; what came or went by it is told. */
  #planScan(): void {
    if (this.#isScanPlanned) return;
    this.#isScanPlanned = true;
    const turn = this.#work.then(async () => {
      this.#isScanPlanned = false;
      const before = this.#paths;
      await this.#scan();
      for (const path of new Set([...before, ...this.#paths])) {
        const isAsBefore = before.has(path) && this.#paths.has(path) && !this.#fresh.has(splitPath(path).folder);
        if (!isAsBefore) this.#events.onPath(path, null);
      }
    });
    this.#work = turn.catch((error) => this.#events.onError(error));
  }
}
