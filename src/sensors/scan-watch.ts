/**
 * The fallback where fanotify is refused (an ordinary user, a container): inotify on the folders of a list, plus scanning.
 * It knows no actor and sees no reads; `sight` says so. Memory: about 1 KiB a folder, at most MAX_FOLDERS.
 */
import { existsSync, type FSWatcher, lstatSync, readdirSync, watch } from "node:fs";
import { errorText } from "#src/lib/errors.ts";
import { isWild, matchesComponent, type PathPattern, pathComponents, relate } from "#src/lib/path-pattern.ts";
import { joinPath, toRawPath } from "#src/lib/raw-path.ts";
import type { Sight } from "#src/model/sensor.ts";
import { MAX_PATHS } from "./path-watch.ts";

const MAX_FOLDERS = 1000;

/** What the owner is told: no event of the kernel comes with it. */
export interface ScanEvents {
  onPath(rawPath: string, event: null): void;
  onAny(): void;
}

/** The same face as PathWatch, with less sight. The owner disposes it. */
export class ScanWatch implements Disposable {
  readonly #patterns: readonly PathPattern[];
  readonly #events: ScanEvents;
  readonly #whyNoFanotify: string;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #paths = new Set<string>();
  readonly #problems = new Set<string>();

  constructor(patterns: readonly PathPattern[], events: ScanEvents, whyNoFanotify: string) {
    this.#patterns = patterns.map((pattern) => ({ ...pattern, components: pattern.components.map(toRawPath) }));
    this.#events = events;
    this.#whyNoFanotify = whyNoFanotify;
  }

  get paths(): ReadonlySet<string> {
    return this.#paths;
  }

  /** Takes paths and folders anew. */
  scan(): void {
    this.#paths.clear();
    for (const pattern of this.#patterns) this.#walk(pattern, "/", 0);
  }

  /** Inotify is on folders: a new inode needs no new watch. */
  refresh(_rawPath: string): void {}

  sight(scanned: string): Sight {
    return {
      state: "degraded",
      sees: [`changes by inotify on ${this.#watchers.size} folders and a look at ${this.#paths.size} paths ${scanned}`],
      blindTo: [
        `who did it, reads, and changes through hard links or other mounts: ${this.#whyNoFanotify}`,
        ...this.#problems,
      ],
    };
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #walk(pattern: PathPattern, folder: string, depth: number): void {
    const component = pattern.components[depth];
    if (component === undefined) {
      if (pattern.isDeep) this.#walkDeep(folder);
      return;
    }
    const isLast = depth === pattern.components.length - 1 && !pattern.isDeep;
    const names = isWild(component)
      ? listNames(folder).filter((name) => matchesComponent(component, name))
      : [component];
    if (isWild(component) || isLast || !existsSync(Buffer.from(joinPath(folder, component), "latin1")))
      this.#watchFolder(folder);
    for (const name of names) {
      const path = joinPath(folder, name);
      if (!isLast) this.#walk(pattern, path, depth + 1);
      else if (exists(path)) this.#addPath(path);
    }
  }

  #walkDeep(folder: string): void {
    this.#watchFolder(folder);
    for (const name of listNames(folder)) {
      const path = joinPath(folder, name);
      this.#addPath(path);
      if (lstatSync(Buffer.from(path, "latin1"), { throwIfNoEntry: false })?.isDirectory()) this.#walkDeep(path);
    }
  }

  #addPath(path: string): void {
    if (this.#paths.size < MAX_PATHS) this.#paths.add(path);
    else this.#problems.add(`paths beyond the first ${MAX_PATHS}`);
  }

  #watchFolder(folder: string): void {
    if (this.#watchers.has(folder) || !exists(folder)) return;
    if (this.#watchers.size >= MAX_FOLDERS) {
      this.#problems.add(`folders beyond the first ${MAX_FOLDERS}`);
      return;
    }
    try {
      const watcher = watch(Buffer.from(folder, "latin1"), { encoding: "latin1", persistent: false }, (_, name) =>
        this.#onEvent(folder, name),
      );
      watcher.on("error", () => this.#forget(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#problems.add(`${folder}: ${errorText(error)}`);
    }
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #onEvent(folder: string, name: string | null): void {
    this.#events.onAny();
    if (name === null) return;
    const path = joinPath(folder, name);
    const relations = this.#patterns.map((pattern) => relate(pattern, pathComponents(path)));
    if (relations.includes("match")) this.#events.onPath(path, null);
    if (!relations.includes("onward")) return;
    const before = new Set(this.#paths);
    this.scan();
    for (const other of new Set([...before, ...this.#paths])) {
      if (before.has(other) !== this.#paths.has(other)) this.#events.onPath(other, null);
    }
  }
}

function exists(path: string): boolean {
  try {
    return lstatSync(Buffer.from(path, "latin1"), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(Buffer.from(folder, "latin1"), { encoding: "latin1" });
  } catch {
    return [];
  }
}
