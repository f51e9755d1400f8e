/**
 * Watches the paths of a list by fanotify marks on inodes: the folders on the way, and the things themselves.
 * Marks are by inode, so hard links, bind mounts, other mount namespaces and /proc/PID/root are all the same thing.
 * A folder that does not exist yet is awaited through its nearest existing ancestor.
 * Memory: about 400 bytes a watched path; at most MAX_PATHS paths and MAX_FOLDERS folders.
 */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { errnoOf, errorText } from "#src/lib/errors.ts";
import { isWild, type PathPattern, pathComponents, relate } from "#src/lib/path-pattern.ts";
import { joinPath, toRawPath } from "#src/lib/raw-path.ts";
import { FanotifyGroup, fileHandleKey } from "#src/linux/fanotify.ts";
import {
  FAN_ATTRIB,
  FAN_CLOSE_WRITE,
  FAN_CREATE,
  FAN_DELETE,
  FAN_DELETE_SELF,
  FAN_EVENT_ON_CHILD,
  FAN_MOVE_SELF,
  FAN_MOVED_FROM,
  FAN_MOVED_TO,
  FAN_ONDIR,
  FAN_Q_OVERFLOW,
  type FanotifyEvent,
} from "#src/linux/fanotify-events.ts";
import { sharedPoller } from "#src/linux/poll.ts";
import type { Sight } from "#src/model/sensor.ts";

/** Most paths that are watched at once; what is beyond is said as blindness. */
export const MAX_PATHS = 20_000;
const MAX_FOLDERS = 5_000;
const FOLDER_MASK =
  FAN_CREATE |
  FAN_DELETE |
  FAN_MOVED_FROM |
  FAN_MOVED_TO |
  FAN_ATTRIB |
  FAN_CLOSE_WRITE |
  FAN_DELETE_SELF |
  FAN_MOVE_SELF |
  FAN_ONDIR |
  FAN_EVENT_ON_CHILD;
const WAITING_MASK = FAN_CREATE | FAN_MOVED_TO | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_ONDIR;

/** What the owner is told. Paths are raw. */
export interface PathEvents {
  /** Something happened to a path of the list. */
  onPath(rawPath: string, event: FanotifyEvent): void;
  /** Events were lost: look at everything again. */
  onOverflow(): void;
  /** Any event, also of paths that are not on the list. */
  onAny(): void;
}

/** Marks of one list in one fanotify group. The owner disposes it. */
export class PathWatch implements Disposable {
  readonly #patterns: readonly PathPattern[];
  readonly #inodeMask: number;
  readonly #events: PathEvents;
  readonly #group: FanotifyGroup;
  readonly #foldersByHandle = new Map<string, string>();
  readonly #pathsByHandle = new Map<string, string>();
  readonly #paths = new Set<string>();
  readonly #problems = new Set<string>();

  /** @throws GarrisonError `GARRISON_SYSCALL` when fanotify cannot be started */
  constructor(patterns: readonly PathPattern[], inodeMask: number, events: PathEvents) {
    this.#patterns = patterns.map((pattern) => ({ ...pattern, components: pattern.components.map(toRawPath) }));
    this.#inodeMask = inodeMask;
    this.#events = events;
    this.#group = FanotifyGroup.open();
    sharedPoller().add(this.#group.fd, () => this.#read());
  }

  /** Paths of the list that exist now. */
  get paths(): ReadonlySet<string> {
    return this.#paths;
  }

  /** What is seen now; `scanned` says how often everything is looked at besides. */
  sight(scanned: string): Sight {
    return {
      state: this.#problems.size === 0 ? "watching" : "degraded",
      sees: [
        `${this.#paths.size} paths by fanotify marks in ${this.#foldersByHandle.size} folders, and a look at all ${scanned}`,
      ],
      blindTo: [
        "raw writes to the block device, and changes made by another host of a network filesystem",
        ...[...this.#problems].slice(0, 16),
      ],
    };
  }

  /** Marks all there is of the list now. */
  scan(): void {
    this.#paths.clear();
    this.#foldersByHandle.clear();
    this.#pathsByHandle.clear();
    for (const pattern of this.#patterns) this.#walk(pattern, "/", 0);
  }

  /** Marks a path again behind an event: its inode may be another one now. */
  refresh(rawPath: string): void {
    this.#markThing(rawPath);
  }

  [Symbol.dispose](): void {
    sharedPoller().remove(this.#group.fd);
    this.#group[Symbol.dispose]();
  }

  /** Goes down one pattern from a folder that exists. `depth` counts the components already walked. */
  #walk(pattern: PathPattern, folder: string, depth: number): void {
    const component = pattern.components[depth];
    if (component === undefined) {
      if (pattern.isDeep) this.#walkDeep(folder);
      return;
    }
    const isLast = depth === pattern.components.length - 1 && !pattern.isDeep;
    if (!isWild(component)) {
      this.#step(pattern, folder, component, depth, isLast);
      return;
    }
    this.#markFolder(folder, FOLDER_MASK);
    for (const name of listFolder(folder)) {
      if (relate(pattern, [...pathComponents(folder), name]) !== "none")
        this.#step(pattern, folder, name, depth, isLast);
    }
  }

  #step(pattern: PathPattern, folder: string, name: string, depth: number, isLast: boolean): void {
    const path = joinPath(folder, name);
    if (isLast) {
      this.#markFolder(folder, FOLDER_MASK);
      if (this.#markThing(path)) this.#paths.add(path);
    } else if (isFolder(path)) this.#walk(pattern, path, depth + 1);
    else this.#markFolder(folder, WAITING_MASK);
    // The folder itself may be moved away or replaced: its parent tells.
    if (!isLast && depth > 0) this.#markFolder(folder, WAITING_MASK);
  }

  #walkDeep(folder: string): void {
    if (!this.#markFolder(folder, FOLDER_MASK)) return;
    for (const name of listFolder(folder)) {
      const path = joinPath(folder, name);
      if (this.#markThing(path)) this.#paths.add(path);
      if (isFolder(path, false)) this.#walkDeep(path);
    }
  }

  #markFolder(folder: string, mask: number): boolean {
    if (this.#foldersByHandle.size >= MAX_FOLDERS) {
      this.#problems.add(`folders beyond the first ${MAX_FOLDERS}`);
      return false;
    }
    return this.#attempt(folder, () => {
      const real = realpathSync(Buffer.from(folder, "latin1"), "latin1");
      this.#group.mark(real, mask);
      this.#foldersByHandle.set(fileHandleKey(real), folder);
    });
  }

  /** Marks the thing itself, and what a symbolic link leads to. @returns whether it exists */
  #markThing(path: string): boolean {
    if (this.#paths.size >= MAX_PATHS) {
      this.#problems.add(`paths beyond the first ${MAX_PATHS}`);
      return false;
    }
    const exists = this.#attempt(path, () => this.#markInode(path, path));
    if (exists) this.#markTarget(path);
    return exists;
  }

  #markTarget(path: string): void {
    try {
      const target = realpathSync(Buffer.from(path, "latin1"), "latin1");
      if (target !== path) this.#markInode(target, path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ELOOP") this.#problems.add(errorText(error));
    }
  }

  #markInode(path: string, tellAs: string): void {
    this.#group.mark(path, this.#inodeMask);
    this.#pathsByHandle.set(fileHandleKey(path), tellAs);
  }

  /** Runs a marking; a thing that is not there is no problem. */
  #attempt(path: string, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      const code = errnoOf(error) ?? errnoOf((error as Error).cause);
      if (code !== "ENOENT" && code !== "ENOTDIR") this.#problems.add(`${path}: ${errorText(error)}`);
      return false;
    }
  }

  #read(): void {
    // What is left of a flood is read in the next turn, so that the event loop never stalls: poll(2) returns at once.
    this.#group.read((event) => this.#onEvent(event));
  }

  #onEvent(event: FanotifyEvent): void {
    this.#events.onAny();
    if ((event.mask & FAN_Q_OVERFLOW) !== 0) return this.#events.onOverflow();
    if (event.pid === process.pid) return;
    const named = this.#namedPath(event);
    if (named !== undefined) return this.#onNamed(named, event);
    const path = event.object === null ? undefined : this.#pathsByHandle.get(event.object);
    if (path !== undefined) this.#events.onPath(path, event);
  }

  #namedPath(event: FanotifyEvent): string | undefined {
    const folder = event.folder === null ? undefined : this.#foldersByHandle.get(event.folder);
    if (folder === undefined || event.name === null) return undefined;
    return event.name === "." ? folder : joinPath(folder, event.name);
  }

  #onNamed(path: string, event: FanotifyEvent): void {
    const components = pathComponents(path);
    const relations = this.#patterns.map((pattern) => relate(pattern, components));
    if (relations.includes("match")) this.#onListed(path, event);
    else if (event.object !== null && this.#pathsByHandle.has(event.object))
      this.#events.onPath(this.#pathsByHandle.get(event.object)!, event);
    if (relations.includes("onward") && isArrivalOrLoss(event)) this.#onFolderChange(event);
  }

  #onListed(path: string, event: FanotifyEvent): void {
    const { mask } = event;
    if ((mask & (FAN_CREATE | FAN_MOVED_TO)) !== 0 && this.#markThing(path)) this.#paths.add(path);
    this.#events.onPath(path, event);
  }

  /** A folder on the way to a pattern came or went: marks and paths are taken anew. */
  #onFolderChange(event: FanotifyEvent): void {
    const before = new Set(this.#paths);
    this.scan();
    for (const path of before) if (!this.#paths.has(path)) this.#events.onPath(path, event);
    for (const path of this.#paths) if (!before.has(path)) this.#events.onPath(path, event);
  }
}

function isArrivalOrLoss({ mask }: FanotifyEvent): boolean {
  return (mask & (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)) !== 0;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(Buffer.from(folder, "latin1"), { encoding: "latin1" });
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR" || errnoOf(error) === "EACCES") return [];
    throw error;
  }
}

function isFolder(path: string, followLinks = true): boolean {
  try {
    if (!followLinks && realpathSync(Buffer.from(path, "latin1"), "latin1") !== path) return false;
    return statSync(Buffer.from(path, "latin1")).isDirectory();
  } catch {
    return false;
  }
}
