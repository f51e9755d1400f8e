/**
 * Finds the files of a list of globs and hears of what happens to them: one inotify watch a folder, also for folders that come later.
 * Memory: about 300 bytes a folder, at most MAX_FOLDERS; beyond that, and where inotify is refused, files are looked at by the clock.
 */
import { errnoOf, errorText } from "#src/lib/errors.ts";
import { joinPath } from "#src/lib/raw-path.ts";
import { Inotify } from "#src/linux/inotify.ts";
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
  type InotifyEvent,
} from "#src/linux/inotify-events.ts";
import { sharedPoller } from "#src/linux/poll.ts";
import { TrustedPath } from "#src/linux/trusted-path.ts";
import { inSlices } from "../in-slices.ts";
import { type Interest, MAX_FOLDERS, type PathList, walkList } from "../path-list.ts";

const MASK =
  IN_MODIFY |
  IN_ATTRIB |
  IN_CREATE |
  IN_DELETE |
  IN_MOVED_FROM |
  IN_MOVED_TO |
  IN_DELETE_SELF |
  IN_MOVE_SELF |
  IN_ONLYDIR |
  IN_EXCL_UNLINK;

/** What the owner is told. Paths are raw. */
export interface FolderEvents {
  /** A path of the list: it may have come, gone or become another file. Also called for what is not there. */
  onPath(path: string): void;
  /** A path of the list was written. */
  onWritten(path: string): void;
  /** A folder was walked: what is known of paths below it, and was not told, is there no more. */
  onFolder(path: string): void;
  /** Events were lost: a look at everything follows by itself. */
  onOverflow(): void;
  onEvents(count: number): void;
  onError(error: unknown): void;
}

/** Watches until disposed. */
export class FolderWatch implements AsyncDisposable {
  readonly #list: PathList;
  readonly #events: FolderEvents;
  readonly #signal: AbortSignal;
  readonly #inotify = Inotify.open();
  /** By number of the watch: the paths of the folder. */
  readonly #watches = new Map<number, Map<string, Interest>>();
  readonly #folders = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  readonly #arrivals = new Set<string>();
  #work: Promise<void> = Promise.resolve();

  /** @throws GarrisonError `GARRISON_SYSCALL` when inotify cannot be started */
  constructor(list: PathList, events: FolderEvents, signal: AbortSignal) {
    this.#list = list;
    this.#events = events;
    this.#signal = signal;
    sharedPoller().add(this.#inotify.fd, {
      onReadable: () => this.#read(),
      onError: (error) => events.onError(error),
    });
  }

  get folderCount(): number {
    return this.#folders.size;
  }

  /** Folders that are not heard of by inotify, with the reason. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Watches all folders there are now, and tells each path of the list. Gives way to the event loop. */
  scan(): Promise<void> {
    this.#problems.clear();
    return this.#walk("/");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await sharedPoller().remove(this.#inotify.fd);
    this.#inotify[Symbol.dispose]();
  }

  #walk(folder: string): Promise<void> {
    const turn = this.#work.then(async () => {
      const visitor = {
        folder: (path: string, interest: Interest) => this.#watchFolder(path, interest),
        thing: (path: string) => this.#events.onPath(path),
      };
      if (await inSlices(walkList(this.#list, folder, visitor), this.#signal)) this.#events.onFolder(folder);
    });
    this.#work = turn.catch(() => {});
    return turn;
  }

  #watchFolder(path: string, interest: Interest): boolean {
    let folder: TrustedPath | undefined;
    try {
      folder = TrustedPath.open(path);
      if (!folder?.stats.isDirectory()) {
        this.#forget(path);
        return false;
      }
      this.#remember(path, interest, this.#inotify.watch(folder.fd, MASK));
      return true;
    } catch (error) {
      this.#problems.set(path, errnoOf((error as Error).cause ?? error) ?? errorText(error));
      // Without a watch it is looked at all the same, by the clock.
      return folder !== undefined;
    } finally {
      folder?.[Symbol.dispose]();
    }
  }

  #remember(path: string, interest: Interest, watch: number): void {
    if (this.#folders.get(path) === watch) return;
    this.#forget(path);
    if (this.#folders.size >= MAX_FOLDERS) {
      if (!this.#watches.has(watch)) this.#inotify.unwatch(watch);
      this.#problems.set(path, `more than ${MAX_FOLDERS} folders`);
      return;
    }
    this.#folders.set(path, watch);
    const paths = this.#watches.get(watch) ?? new Map<string, Interest>();
    this.#watches.set(watch, paths.set(path, interest));
  }

  #forget(path: string): void {
    const watch = this.#folders.get(path);
    if (watch === undefined) return;
    this.#folders.delete(path);
    const paths = this.#watches.get(watch);
    paths?.delete(path);
    if (paths?.size !== 0) return;
    this.#watches.delete(watch);
    this.#inotify.unwatch(watch);
  }

  #read(): void {
    const events = this.#inotify.read();
    this.#events.onEvents(events.length);
    for (const event of events) this.#take(event);
  }

  #take(event: InotifyEvent): void {
    if ((event.mask & IN_Q_OVERFLOW) !== 0) {
      this.#events.onOverflow();
      this.#arrive("/");
      return;
    }
    const paths = this.#watches.get(event.watch);
    if (paths === undefined) return;
    if ((event.mask & IN_IGNORED) !== 0) {
      this.#watches.delete(event.watch);
      for (const path of paths.keys()) this.#folders.delete(path);
      return;
    }
    for (const [folder, interest] of paths) this.#takeIn(folder, interest, event);
  }

  #takeIn(folder: string, { isDeep, listed, onward }: Interest, { mask, name }: InotifyEvent): void {
    // The folder itself went: what lay in it is looked at under its path, where nothing or something else is now.
    if (name === "") {
      if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF)) !== 0) this.#arrive(folder);
      return;
    }
    const path = joinPath(folder, name);
    if (isDeep || listed.has(name)) {
      if (mask === IN_MODIFY) this.#events.onWritten(path);
      else this.#events.onPath(path);
    }
    const isFolder = isDeep && (mask & IN_ISDIR) !== 0;
    const hasChanged = (mask & (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)) !== 0;
    if (hasChanged && (isFolder || onward.has(name))) this.#arrive(path);
  }

  /** A folder on the way came or went: it is walked anew, once for all events until then. */
  #arrive(folder: string): void {
    if (this.#arrivals.has(folder)) return;
    this.#arrivals.add(folder);
    const turn = this.#work.then(() => {
      this.#arrivals.delete(folder);
      return this.#walk(folder);
    });
    turn.catch((error) => this.#events.onError(error));
  }
}
