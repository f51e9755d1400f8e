/**
 * The systemd journal, read by its own program: `journalctl --output=export`.
 * Kernel interface: none; the journal's files are read by journalctl, in a process of its own with a clean environment.
 * Since: --show-cursor systemd 205, --after-cursor 206, --output=export 38. Needs: root, or membership of systemd-journal.
 * Without: an ordinary user is given his own entries only. Cost: one process of about 10 MiB, of which most are shared; nothing while idle.
 * Blinded by: entries that are vacuumed before they were read; a journal that is only in /run and gone by a restart.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GarrisonError } from "#src/lib/errors.ts";
import { readBoundedFile } from "./bounded-file.ts";

const PROGRAM = "journalctl";
const MAX_COMPLAINT = 300;
const MAX_MATCHES = 64;
const CURSOR_WITHIN_MS = 10_000;
const ENVIRONMENT = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "" };
// journalctl(1): a field and its value, or + between groups.
const MATCH = /^(?:[A-Z0-9_]{1,64}=[^\0]{0,1000}|\+)$/s;
const CURSOR = /^[0-9a-z=;]{1,512}$/;
const CURSOR_LINE = /^-- cursor: ([0-9a-z=;]{1,512})$/m;

/** What is read. */
export interface JournalOptions {
  /** Such as `_SYSTEMD_UNIT=ssh.service`; none: everything. */
  readonly matches: readonly string[];
  /** Folder with journal files, in place of the host's. @default the host's */
  readonly folder?: string;
}

/** What the owner is told. */
export interface JournalHandlers {
  /** Bytes in the export format. @returns whether more are wanted now; else {@link JournalProcess.resume} asks for them */
  onBytes(bytes: Buffer): boolean;
  /** Once, unless it was disposed. `reason`: what journalctl complained of, or how it ended. */
  onEnd(reason: string): void;
}

/**
 * The folder of this host's journal when it outlives a restart of the machine. Named, it is followed with the entries of all boots;
 * systemd 252 follows those of this boot alone without. `undefined`: journald writes to /run, or is not there.
 * @param root a tree as the host's
 */
export function persistentJournal(root = "/"): string | undefined {
  const id = readBoundedFile(join(root, "etc/machine-id"), 64).toString().trim();
  if (!/^[0-9a-f]{32}$/.test(id) || existsSync(join(root, "run/log/journal", id, "system.journal"))) return undefined;
  const folder = join(root, "var/log/journal", id);
  return existsSync(folder) ? folder : undefined;
}

/** Cursor of the journal's last entry; `null` when it has none. @throws Error with code `ENOENT` when there is no journalctl */
export function readLastCursor({ folder }: Pick<JournalOptions, "folder">): Promise<string | null> {
  const options = { env: ENVIRONMENT, cwd: "/", timeout: CURSOR_WITHIN_MS, maxBuffer: 64 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(PROGRAM, ["--quiet", "--lines=0", "--show-cursor", ...folderOption(folder)], options, (error, stdout) => {
      // Exit code 1: no entries, no files.
      if (error !== null && typeof error.code === "string") reject(error);
      else resolve(CURSOR_LINE.exec(stdout)?.[1] ?? null);
    });
  });
}

/** Follows the journal until disposed. */
export class JournalProcess implements Disposable {
  readonly #child: ChildProcess;
  readonly #handlers: JournalHandlers;
  #complaint = "";
  #hasEnded = false;

  /**
   * @param cursor what comes is behind it; `null`: from the first entry there is
   * @throws GarrisonError `GARRISON_JOURNAL_MATCH` for a match or a cursor that is none
   */
  constructor(cursor: string | null, { matches, folder }: JournalOptions, handlers: JournalHandlers) {
    this.#handlers = handlers;
    // --merge would mix in what other hosts have sent to this one.
    const from = cursor === null ? [] : [`--after-cursor=${checkedCursor(cursor)}`];
    const parameters = ["--output=export", "--follow", "--no-tail", "--boot=all", ...from, ...folderOption(folder)];
    this.#child = spawn(PROGRAM, [...parameters, "--", ...checkedMatches(matches)], {
      env: ENVIRONMENT,
      cwd: "/",
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout!.on("data", (bytes: Buffer) => {
      if (!handlers.onBytes(bytes)) this.#child.stdout!.pause();
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = `${this.#complaint}${text}`.slice(0, MAX_COMPLAINT);
    });
    this.#child.once("error", (error) => this.#end(error.message));
    // close, not exit: all of its output has been read by then.
    this.#child.once("close", (code, signal) => this.#end(this.#complaint.trim() || (signal ?? `exit code ${code}`)));
  }

  /** What it has complained of so far, such as that there are no journal files. */
  get complaint(): string {
    return this.#complaint.trim();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  resume(): void {
    this.#child.stdout!.resume();
  }

  /** The sentry may send no signals: journalctl ends by itself when nobody reads from it any more. */
  [Symbol.dispose](): void {
    this.#hasEnded = true;
    this.#child.stdout!.destroy();
    this.#child.stderr!.destroy();
    this.#child.unref();
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#handlers.onEnd(reason);
  }
}

function folderOption(folder: string | undefined): string[] {
  return folder === undefined ? [] : [`--directory=${folder}`];
}

function checkedCursor(cursor: string): string {
  if (CURSOR.test(cursor)) return cursor;
  throw new GarrisonError("GARRISON_JOURNAL_MATCH", "Cannot follow the journal: the cursor is none");
}

function checkedMatches(matches: readonly string[]): readonly string[] {
  const wrong = matches.findIndex((match) => !MATCH.test(match));
  if (wrong === -1 && matches.length <= MAX_MATCHES) return matches;
  throw new GarrisonError(
    "GARRISON_JOURNAL_MATCH",
    `Cannot follow the journal: match ${wrong + 1} of ${matches.length} is none, at most ${MAX_MATCHES} such as "_SYSTEMD_UNIT=ssh.service" are wanted`,
  );
}
