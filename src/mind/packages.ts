/**
 * Which package owns a file: a label for alerts, never a reason to stay silent, because root can write the database.
 * Debian: the `.list` files of /var/lib/dpkg/info. Cost: about 20 ms for a path that was not asked for before.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { LruMap } from "#src/lib/lru.ts";

const MAX_KNOWN = 1000;

/** Looks owners up. */
export class PackageOwners {
  readonly #folder: string;
  #known = new LruMap<string, string>(MAX_KNOWN);
  #stamp = "";

  constructor(folder = "/var/lib/dpkg/info") {
    this.#folder = folder;
  }

  /** Name of the package, or `null` when none owns the path or there is no dpkg. */
  ownerOf(path: string): string | null {
    // In a list each line is a path: one with a newline in it would be two.
    if (path.includes("\n")) return null;
    this.#forgetWhenChanged();
    const known = this.#known.get(path) ?? this.#search(path) ?? "";
    this.#known.set(path, known);
    return known === "" ? null : known;
  }

  /** dpkg replaces lists by rename, which the folder's mtime tells. */
  #forgetWhenChanged(): void {
    const stats = statSync(this.#folder, { bigint: true, throwIfNoEntry: false });
    const stamp = `${stats?.ino} ${stats?.mtimeNs}`;
    if (stamp !== this.#stamp) this.#known = new LruMap(MAX_KNOWN);
    this.#stamp = stamp;
  }

  #search(path: string): string | null {
    const wanted = spellings(path).map((spelling) => Buffer.from(`\n${spelling}\n`));
    for (const name of listLists(this.#folder)) {
      const list = orEmpty(() => readFileSync(`${this.#folder}/${name}`), Buffer.alloc(0));
      // dpkg-query(1): a list is named PACKAGE.list, or PACKAGE:ARCHITECTURE.list.
      if (wanted.some((line) => list.includes(line))) return name.slice(0, -".list".length).replace(/:.*$/, "");
    }
    return null;
  }
}

/** A merged /usr: the database may name /bin/x what is /usr/bin/x now. */
function spellings(path: string): string[] {
  const short = /^\/usr(\/(?:s?bin|lib(?:\d+|x32)?)\/.*)$/.exec(path)?.[1];
  return short === undefined ? [path] : [path, short];
}

function listLists(folder: string): string[] {
  return orEmpty(
    () =>
      readdirSync(folder)
        .filter((name) => name.endsWith(".list"))
        .sort(),
    [],
  );
}

/** A package may be removed while we look, and there may be no dpkg. */
function orEmpty<T>(read: () => T, empty: T): T {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return empty;
    throw error;
  }
}
