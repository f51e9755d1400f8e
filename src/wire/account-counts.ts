/**
 * What the warden tells the sentry of packets by account: numbers in a file without a name that `up` makes and hands to both, written
 * whole each second. No message goes the other way.
 *
 * The file is one line: its crc32 in hex, a space, JSON. Its writer and its reader take no lock: what does not fit its
 * check was read while it was written, and is read again at the next look. At most 1 MiB.
 */
import { readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Checked, flag, integer, list, nullable, number, object, text } from "./check.ts";

/** Most accounts, those that have sent most; and most ports. */
export const MAX_ACCOUNTS = 8000;
export const MAX_PORTS = 4000;
/** Numbers that one account has in `accounts`: uid, packets, bytes, connections, mail connections. */
export const ACCOUNT_NUMBERS = 5;
/** Numbers that one port has in `ports`: uid, protocol (6 or 17), port, count. */
export const PORT_NUMBERS = 4;

const MAX_BYTES = 1024 * 1024;
const CHECK_CHARACTERS = 8;

const accountCounts = object({
  /** When it was read, milliseconds of CLOCK_MONOTONIC. */
  atMs: number,
  /** Another one: all counts have begun at 0 again. */
  epoch: integer(0),
  /** Why nothing is counted; `null`: all is well. */
  failure: nullable(text(512)),
  /** How often the table was gone and was put back. */
  restored: integer(0),
  /** More accounts or ports than the kernel counts, or than fit here. */
  isFull: flag,
  /** Since the epoch began, {@link ACCOUNT_NUMBERS} an account. */
  accounts: list(integer(0), MAX_ACCOUNTS * ACCOUNT_NUMBERS),
  /** Of at most a minute, {@link PORT_NUMBERS} a port, for each account its busiest. */
  ports: list(integer(0), MAX_PORTS * PORT_NUMBERS),
});
/** What the file says. */
export type AccountCounts = Checked<typeof accountCounts>;

/** Writes it in place of what is there. @throws RangeError when it is longer than the file may be */
export function writeAccountCounts(fd: number, counts: AccountCounts): void {
  const body = Buffer.from(`${JSON.stringify(counts)}\n`);
  if (body.length > MAX_BYTES)
    throw new RangeError(`Cannot tell counts: ${body.length} bytes, ${MAX_BYTES} are allowed`);
  writeSync(fd, Buffer.concat([Buffer.from(`${checkOf(body)} `), body]), 0, null, 0);
}

/** Reads it. One for each file: it keeps its memory. */
export class AccountCountsReader {
  readonly #fd: number;
  readonly #check = Buffer.alloc(CHECK_CHARACTERS);
  #buffer = Buffer.alloc(16 * 1024);
  #lastCheck = "";

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @returns `null` when nothing was written since the last time, or it is just being written
   * @throws GarrisonError `GARRISON_WIRE_MALFORMED` when it is whole and not what it must be
   */
  read(): AccountCounts | null {
    // Of what is written anew the check is another one: it has the time in it.
    if (readSync(this.#fd, this.#check, 0, CHECK_CHARACTERS, 0) < CHECK_CHARACTERS) return null;
    if (this.#check.toString("latin1") === this.#lastCheck) return null;
    let length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0);
    if (length === this.#buffer.length && length < MAX_BYTES + CHECK_CHARACTERS + 1) {
      this.#buffer = Buffer.alloc(MAX_BYTES + CHECK_CHARACTERS + 1);
      length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, 0);
    }
    // A shorter text lies in front of what is left of a longer one.
    const end = this.#buffer.subarray(0, length).indexOf(0x0a);
    if (end <= CHECK_CHARACTERS) return null;
    const body = this.#buffer.subarray(CHECK_CHARACTERS + 1, end + 1);
    if (this.#buffer.toString("latin1", 0, CHECK_CHARACTERS) !== checkOf(body)) return null;
    this.#lastCheck = checkOf(body);
    return accountCounts(JSON.parse(body.toString("utf8")), "counts");
  }
}

function checkOf(body: Buffer): string {
  return crc32(body).toString(16).padStart(CHECK_CHARACTERS, "0");
}
