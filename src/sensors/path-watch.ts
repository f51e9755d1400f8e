/**
 * Watches the paths of a list by fanotify marks on inodes: the folders on the way, for what arrives in them, and the things
 * themselves, for all that happens to them. Marks are by inode, so hard links, bind mounts, other mount namespaces and
 * /proc/PID/root are all the same thing. A folder that does not exist yet is awaited through its nearest existing ancestor.
 * A folder's mark asks for arrivals only: what is written, read or deleted in a busy folder costs nothing.
 * Memory: about 500 bytes a watched path or folder; at most MAX_PATHS paths and MAX_FOLDERS folders.
 */
import { readlinkSync } from "node:fs";
import { errnoOf, errorText } from "#src/lib/errors.ts";
import { joinPath, showRawPath } from "#src/lib/raw-path.ts";
import { ActorCache } from "#src/linux/actor-cache.ts";
import { FanotifyGroup } from "#src/linux/fanotify.ts";
import {
  FAN_ATTRIB,
  FAN_CREATE,
  FAN_DELETE_SELF,
  FAN_MOVE_SELF,
  FAN_MOVED_TO,
  FAN_ONDIR,
  FAN_Q_OVERFLOW,
  type FanotifyEvent,
} from "#src/linux/fanotify-events.ts";
import { sharedPoller } from "#src/linux/poll.ts";
import { whyExesAreHidden } from "#src/linux/proc.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Sight } from "#src/model/sensor.ts";
import { HandleIndex } from "./handle-index.ts";
import { inSlices } from "./in-slices.ts";
import {
  type Interest,
  kindOf,
  MAX_FOLDERS,
  MAX_PATHS,
  openFolder,
  openThing,
  type PathList,
  walkList,
  withFd,
} from "./path-list.ts";

const FOLDER_MASK = FAN_CREATE | FAN_MOVED_TO | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR;
// A folder that is itself on the list: how it looks, and that it goes. Reading a folder is not a read of a secret.
const LISTED_FOLDER_MASK = FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR;
const READ_BUDGET_MS = 8;
// More arrivals than this at once are found by a walk through everything.
const MAX_ARRIVALS = 5000;
const OVERFLOW_SHOWN_MS = 10 * 60_000;
const MAX_PROBLEMS = 16;
const NO_PIDFD = -1;

/** What happened to a path. */
export interface PathEvent {
  /** FAN_* bits; several when the kernel merged them. */
  readonly mask: number;
  /** Process id; what {@link who} could not tell may still be found by it. */
  readonly pid: number;
  /** Who did it, or `null` when the process had ended before it could be seen. */
  readonly who: Actor | null;
}

/** What the owner is told. Paths are raw. */
export interface PathEvents {
  /** Something happened to a path of the list. `null`: no event of the kernel says what. */
  onPath(rawPath: string, event: PathEvent | null): void;
  /** Events were lost: look at everything again. */
  onOverflow(): void;
  /** Events that the kernel gave, also of paths that are not on the list. */
  onEvents(count: number): void;
  /** The watch cannot go on. */
  onError(error: unknown): void;
}

/** What watches a list for a sensor. The owner disposes it. */
export interface ListWatch extends AsyncDisposable {
  /** Paths of the list that exist now. */
  readonly paths: Iterable<string>;
  /** Folders on the way to them that exist now. */
  readonly folders: Iterable<string>;
  /** Watches all there is of the list now. Gives way to the event loop. */
  scan(): Promise<void>;
  /** Watches a path again: its inode may be another one now. */
  refresh(rawPath: string): void;
  /** What is seen now; `scanned` says how often everything is looked at besides. */
  sight(scanned: string): Sight;
}

/** Marks of one list in one fanotify group. */
export class PathWatch implements ListWatch {
  readonly #list: PathList;
  readonly #inodeMask: number;
  readonly #events: PathEvents;
  readonly #signal: AbortSignal;
  readonly #group: FanotifyGroup;
  readonly #actors = new ActorCache();
  readonly #folders = new HandleIndex<Interest>();
  readonly #things = new HandleIndex<null>();
  readonly #arrivals = new Map<string, PathEvent>();
  #problems = new Set<string>();
  #isCrowded = false;
  #overflows = 0;
  #lastOverflowUnixMs = 0;
  #work: Promise<void> = Promise.resolve();

  /** @throws GarrisonError `GARRISON_SYSCALL` when fanotify cannot be started */
  constructor(list: PathList, inodeMask: number, events: PathEvents, signal: AbortSignal) {
    this.#list = list;
    this.#inodeMask = inodeMask;
    this.#events = events;
    this.#signal = signal;
    this.#group = FanotifyGroup.open();
    sharedPoller().add(this.#group.fd, {
      onReadable: () => this.#read(),
      onError: (error) => this.#events.onError(error),
    });
  }

  get paths(): Iterable<string> {
    return this.#things.paths();
  }

  get folders(): Iterable<string> {
    return this.#folders.paths();
  }

  sight(scanned: string): Sight {
    const hidden = whyExesAreHidden();
    const lost =
      Date.now() - this.#lastOverflowUnixMs > OVERFLOW_SHOWN_MS
        ? []
        : [
            `events that the kernel dropped (${this.#overflows} times, last at ${new Date(this.#lastOverflowUnixMs).toISOString()}): everything was looked at again, who did it is not known`,
          ];
    const blindTo = [
      ...lost,
      ...(hidden === null ? [] : [`which program did it: ${hidden}`]),
      ...[...this.#problems].slice(0, MAX_PROBLEMS),
    ];
    return {
      state: blindTo.length === 0 ? "watching" : "degraded",
      sees: [
        `${this.#things.size} paths by fanotify marks in ${this.#folders.size} folders, and a glance at all ${scanned}`,
      ],
      blindTo: [...blindTo, "raw writes to the block device, and changes made by another host of a network filesystem"],
    };
  }

  scan(): Promise<void> {
    return this.#inTurn(async () => {
      this.#problems = new Set();
      const { folders, things } = this.#begin();
      if (!(await inSlices(this.#walk("/"), this.#signal))) return;
      this.#folders.sweep("/", folders);
      this.#things.sweep("/", things);
    });
  }

  refresh(rawPath: string): void {
    this.#watchThing(rawPath);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await sharedPoller().remove(this.#group.fd);
    this.#group[Symbol.dispose]();
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(run);
    this.#work = turn.catch(() => {});
    return turn;
  }

  #begin(): { readonly folders: number; readonly things: number } {
    return { folders: this.#folders.nextGeneration(), things: this.#things.nextGeneration() };
  }

  #walk(folder: string, onThing: (path: string) => void = () => {}): Generator<void> {
    return walkList(this.#list, folder, {
      folder: (path, interest) => this.#watchFolder(path, interest),
      thing: (path) => {
        this.#watchThing(path);
        onThing(path);
      },
    });
  }

  #watchFolder(path: string, interest: Interest): boolean {
    if (this.#folders.size >= MAX_FOLDERS && !this.#folders.has(path)) {
      this.#problems.add(`folders beyond the first ${MAX_FOLDERS}`);
      return false;
    }
    const fd = this.#open(path, openFolder);
    if (fd === undefined) return false;
    withFd(fd, () => this.#folders.set(path, this.#mark(path, fd, FOLDER_MASK), interest));
    return true;
  }

  /** Marks the thing itself, and what a symbolic link leads to. */
  #watchThing(path: string): void {
    const fd = this.#open(path, openThing);
    if (fd === undefined) return this.#things.delete(path);
    if (this.#things.size >= MAX_PATHS && !this.#things.has(path)) {
      this.#problems.add(`paths beyond the first ${MAX_PATHS}`);
      return withFd(fd, () => {});
    }
    withFd(fd, () => {
      const kind = kindOf(fd);
      const handles = this.#mark(path, fd, kind === "folder" ? LISTED_FOLDER_MASK : this.#inodeMask);
      this.#things.set(path, kind === "link" ? [...handles, ...this.#markTarget(path)] : handles, null);
    });
  }

  #markTarget(path: string): string[] {
    const fd = this.#open(path, (link) => openThing(link, { follow: true }));
    if (fd === undefined) return [];
    return withFd(fd, () => this.#mark(path, fd, kindOf(fd) === "folder" ? LISTED_FOLDER_MASK : this.#inodeMask));
  }

  /** A path that may not be looked at is a problem; one that is not there is none. */
  #open(path: string, open: (path: string) => number | undefined): number | undefined {
    try {
      return open(path);
    } catch (error) {
      this.#problems.add(`${showRawPath(path)}: ${errnoOf(error) ?? errorText(error)}`);
      return undefined;
    }
  }

  /** @returns its handle; none when it cannot be marked: then the regular look at everything sees it all the same */
  #mark(path: string, fd: number, mask: number): string[] {
    try {
      return [this.#group.mark(fd, mask)];
    } catch (error) {
      this.#problems.add(`events of ${filesystemOf(fd, path)}: ${errorText(error)}`);
      return [];
    }
  }

  #read(): void {
    // What is left of a flood is read in the next turn, so that the event loop never stalls: poll(2) returns at once.
    this.#group.read((events) => this.#onBatch(events), READ_BUDGET_MS);
  }

  #onBatch(events: readonly FanotifyEvent[]): void {
    this.#events.onEvents(events.length);
    // All of these happened before we look: the first look at a process is the nearest to each of them.
    const seen = new Map<number, Actor | null>();
    for (const event of events) {
      if ((event.mask & FAN_Q_OVERFLOW) !== 0) this.#onOverflow();
      else if (event.pid !== process.pid) this.#onEvent(event, seen);
    }
  }

  #onEvent(event: FanotifyEvent, seen: Map<number, Actor | null>): void {
    const paths = new Set<string>();
    const arrivals: string[] = [];
    for (const [folder, interest] of this.#folders.at(event.folder)) {
      if (event.name !== null) sortOut(event.name, event.mask, folder, interest, { paths, arrivals });
    }
    for (const [path] of this.#things.at(event.object)) paths.add(path);
    if (event.name === ".") for (const [path] of this.#things.at(event.folder)) paths.add(path);
    if (paths.size + arrivals.length === 0) return;
    const { mask, pid } = event;
    const pathEvent = { mask, pid, who: this.#who(event, seen) };
    for (const path of paths) this.#events.onPath(path, pathEvent);
    for (const folder of arrivals) this.#arrive(folder, pathEvent);
  }

  /** A process that has ended has left its pid: somebody else may have it by now. */
  #who({ pid, pidfd }: FanotifyEvent, seen: Map<number, Actor | null>): Actor | null {
    const isGone = this.#group.hasPidfd && pidfd === NO_PIDFD;
    if (!seen.has(pid)) seen.set(pid, isGone ? this.#actors.recall(pid) : this.#actors.read(pid));
    return seen.get(pid) ?? null;
  }

  #onOverflow(): void {
    this.#overflows++;
    this.#lastOverflowUnixMs = Date.now();
    this.#events.onOverflow();
  }

  /** A folder on the way came or went: what is below it is walked anew, once for all events until then. */
  #arrive(folder: string, event: PathEvent): void {
    if (this.#arrivals.size >= MAX_ARRIVALS && !this.#arrivals.has(folder)) return this.#crowd();
    const isFirst = this.#arrivals.size === 0;
    this.#arrivals.set(folder, event);
    if (isFirst) {
      this.#inTurn(async () => void (await inSlices(this.#takeArrivals(), this.#signal))).catch((error) =>
        this.#events.onError(error),
      );
    }
  }

  /** More than can be taken one by one: a look at everything finds them. Said once until there is room again. */
  #crowd(): void {
    if (!this.#isCrowded) this.#events.onOverflow();
    this.#isCrowded = true;
  }

  *#takeArrivals(): Generator<void> {
    for (const [folder, event] of this.#arrivals) {
      this.#arrivals.delete(folder);
      const isKnown = this.#folders.has(folder);
      const affected = new Set(isKnown ? this.#things.below(folder) : []);
      const { folders, things } = this.#begin();
      yield* this.#walk(folder, (path) => affected.add(path));
      if (isKnown) {
        this.#folders.sweep(folder, folders);
        this.#things.sweep(folder, things);
      }
      for (const path of affected) this.#events.onPath(path, event);
      yield;
    }
    this.#isCrowded = false;
  }
}

/** What an event in a folder is about: paths of the list, and folders that lead on. */
function sortOut(
  name: string,
  mask: number,
  folder: string,
  { isDeep, listed, onward }: Interest,
  found: { readonly paths: Set<string>; readonly arrivals: string[] },
): void {
  if (name === ".") {
    if ((mask & (FAN_DELETE_SELF | FAN_MOVE_SELF)) !== 0) found.arrivals.push(folder);
    return;
  }
  const isArrival = (mask & (FAN_CREATE | FAN_MOVED_TO)) !== 0;
  const isOnward = isArrival && (onward.has(name) || (isDeep && (mask & FAN_ONDIR) !== 0));
  if (isDeep || listed.has(name)) found.paths.add(joinPath(folder, name));
  if (isOnward) found.arrivals.push(joinPath(folder, name));
}

/** Where a thing lies, so that one problem of a filesystem is said once: its first three components. */
function filesystemOf(fd: number, path: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).split("/").slice(0, 3).join("/");
  } catch {
    return showRawPath(path);
  }
}
