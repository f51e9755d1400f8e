/** Paths by the file handles of their inodes, and the other way round. Pure. */

interface Entry<T> {
  readonly handles: readonly string[];
  readonly value: T;
  readonly generation: number;
}

/**
 * A path has the handles of its inode and of what it leads to; a handle may belong to several paths (hard links, links).
 * Generations tell what a walk has met from what it has not.
 */
export class HandleIndex<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #paths = new Map<string, readonly string[]>();
  #generation = 0;

  get size(): number {
    return this.#entries.size;
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  paths(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Paths of a handle, each with its value. */
  *at(handle: string | null): Iterable<readonly [string, T]> {
    const paths = handle === null ? undefined : this.#paths.get(handle);
    for (const path of paths ?? []) {
      const entry = this.#entries.get(path);
      if (entry !== undefined) yield [path, entry.value];
    }
  }

  set(path: string, handles: readonly string[], value: T): void {
    const known = this.#entries.get(path);
    this.#entries.set(path, { handles, value, generation: this.#generation });
    for (const handle of known?.handles ?? []) if (!handles.includes(handle)) this.#unlink(handle, path);
    for (const handle of handles) {
      const paths = this.#paths.get(handle) ?? [];
      if (!paths.includes(path)) this.#paths.set(handle, [...paths, path]);
    }
  }

  delete(path: string): void {
    for (const handle of this.#entries.get(path)?.handles ?? []) this.#unlink(handle, path);
    this.#entries.delete(path);
  }

  /** What is set from now on belongs to the generation whose number it gives. */
  nextGeneration(): number {
    return ++this.#generation;
  }

  /** A folder's own entry and all below it. */
  below(folder: string): string[] {
    const prefix = folder === "/" ? "/" : `${folder}/`;
    return [...this.#entries.keys()].filter((path) => path === folder || path.startsWith(prefix));
  }

  /** Forgets what lies at or below a folder and was not set again since the generation began. */
  sweep(folder: string, generation: number): void {
    for (const path of this.below(folder)) {
      if ((this.#entries.get(path)?.generation ?? generation) < generation) this.delete(path);
    }
  }

  #unlink(handle: string, path: string): void {
    const paths = (this.#paths.get(handle) ?? []).filter((other) => other !== path);
    if (paths.length > 0) this.#paths.set(handle, paths);
    else this.#paths.delete(handle);
  }
}
