/**
 * Names of users by uid from passwd(5), read again when the file has changed.
 * Interface: /etc/passwd. Since: always. Needs: nothing. Without: no names. Cost: one stat(2) a name; 1 ms a read of 10,000 lines.
 * Blinded by: users that only a directory service knows.
 */
import { readFileSync, statSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";

const MAX_PASSWD_BYTES = 8 * 1024 * 1024;
// useradd(8) allows 32, directory services more.
const MAX_NAME_LENGTH = 128;

/** Looks names up; one per process. */
export class UserNames {
  readonly #path: string;
  #stamp = "";
  #names = new Map<number, string>();

  constructor(path = "/etc/passwd") {
    this.#path = path;
  }

  /** The first name of a uid, or `null`. Without a readable file the last names known hold. */
  nameOf(uid: number): string | null {
    try {
      this.#refresh();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
    return this.#names.get(uid) ?? null;
  }

  #refresh(): void {
    const { mtimeNs, ino, size } = statSync(this.#path, { bigint: true });
    const stamp = `${ino} ${size} ${mtimeNs}`;
    if (stamp === this.#stamp || size > MAX_PASSWD_BYTES) return;
    this.#names = parsePasswd(readFileSync(this.#path, "utf8"));
    this.#stamp = stamp;
  }
}

/** Names by uid; of several names of one uid the first counts. Lines that are not of passwd's form are passed over. */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":");
    if (!name || uid === undefined || !/^\d{1,10}$/.test(uid) || names.has(Number(uid))) continue;
    names.set(Number(uid), name.slice(0, MAX_NAME_LENGTH));
  }
  return names;
}
