/**
 * Walks the folders of a mail spool in every shape that Exim and Postfix give it. Sees names; what stands in the files is no concern of
 * this folder, because the sentry loads it.
 */
import { cleanText } from "#src/lib/clean-text.ts";
import { errnoOf, errorText, GarrisonError } from "#src/lib/errors.ts";
import { joinPath, showRawPath } from "#src/lib/raw-path.ts";
import { entryName, type FolderEntry, HeldFolder } from "#src/linux/held-folder.ts";
import { isEximHeader, isEximSubfolder } from "./exim-names.ts";
import { isPostfixMessage, isPostfixSubfolder } from "./postfix-names.ts";

/** Programs whose spools are known. */
export const MTAS = ["exim", "postfix"] as const;
/** A program that keeps a mail queue. */
export type Mta = (typeof MTAS)[number];

/** Queues of Postfix that hold mail. */
export const POSTFIX_QUEUES = ["maildrop", "incoming", "active", "deferred", "hold"] as const;
/** One of them. */
export type PostfixQueue = (typeof POSTFIX_QUEUES)[number];
/** Folders of a spool of Exim that are no named queues. */
const EXIM_OWN = new Set(["input", "msglog", "db", "scan"]);
const MAX_NAMED_QUEUES = 100;
const MAX_QUEUE_NAME = 100;
// Postfix hashes to any depth; two levels are 256 folders, three 4,096.
const MAX_DEPTH = 3;
/** Messages of one folder: more are not listed, and said. */
const MAX_MESSAGES = 2_000_000;

/** A spool. */
export interface Spool {
  readonly mta: Mta;
  /** Absolute, bytes as latin1. */
  readonly path: string;
}

/** A folder with messages. */
export interface QueueFolder {
  readonly mta: Mta;
  /** `""` for Exim's own queue, else the name of a queue. */
  readonly queue: string;
  /** Raw. */
  readonly path: string;
}

/** What could not be seen. */
export interface Blind {
  /** Of which queue; `null`: of the spool. */
  readonly queue: string | null;
  /** Harmless to show. */
  readonly path: string;
  readonly reason: string;
}

/** Who walks. */
export interface SpoolVisitor {
  /** A queue that is there, before its folders. */
  enter(queue: string): void;
  /** A folder of a queue, open until this returns. @returns names of the folders of the same queue in it */
  visit(place: QueueFolder, folder: HeldFolder): readonly string[];
  blind(what: Blind): void;
}

/** Walks a spool to its end, whatever of it cannot be read: that goes to {@link SpoolVisitor.blind}. */
export function walkSpool(spool: Spool, visitor: SpoolVisitor): void {
  const walk = new SpoolWalk(spool.mta, visitor);
  walk.inside(
    null,
    spool.path,
    () => HeldFolder.open(spool.path),
    (folder) => {
      if (spool.mta === "exim") walk.exim(folder, spool.path);
      else walk.postfix(folder, spool.path);
    },
  );
}

/** Messages and folders that one list of a folder has found. */
export interface MessageList {
  readonly messages: number;
  /** Folders of the same queue in it. */
  readonly subfolders: readonly string[];
  /** There are more than are listed. */
  readonly isCut: boolean;
}

/** Lists a folder. @param take each message, valid during the call */
export function listMessages(
  { mta }: QueueFolder,
  folder: HeldFolder,
  take: (entry: FolderEntry) => void,
): MessageList {
  const isMessage = mta === "exim" ? isEximHeader : isPostfixMessage;
  const isSubfolder = mta === "exim" ? isEximSubfolder : isPostfixSubfolder;
  const subfolders: string[] = [];
  let messages = 0;
  folder.list((entry) => {
    const { bytes, start, end, type } = entry;
    if (type !== "folder" && isMessage(bytes, start, end)) {
      messages++;
      take(entry);
    } else if (type !== "file" && isSubfolder(bytes, start, end)) subfolders.push(entryName(entry));
    return messages < MAX_MESSAGES;
  });
  return { messages, subfolders, isCut: messages >= MAX_MESSAGES };
}

/** Why something could not be seen, in words. */
export function whyBlind(error: unknown): string {
  const errno = errnoOf(error) ?? errnoOf((error as Error).cause);
  if (errno === "EACCES" || errno === "EPERM") return "may not be read by this user";
  return cleanText(errorText(error), 300);
}

class SpoolWalk {
  readonly #mta: Mta;
  readonly #visitor: SpoolVisitor;

  constructor(mta: Mta, visitor: SpoolVisitor) {
    this.#mta = mta;
    this.#visitor = visitor;
  }

  exim(spool: HeldFolder, path: string): void {
    this.#queue("", joinPath(path, "input"), () => spool.openFolder("input"));
    const named: string[] = [];
    spool.list((entry) => {
      const name = entryName(entry);
      if (entry.type !== "file" && name.length <= MAX_QUEUE_NAME && !EXIM_OWN.has(name)) named.push(name);
      return named.length <= MAX_NAMED_QUEUES;
    });
    if (named.length > MAX_NAMED_QUEUES)
      this.#blind(null, path, `there are more than ${MAX_NAMED_QUEUES} folders: those behind are not looked at`);
    for (const name of named.slice(0, MAX_NAMED_QUEUES).sort()) {
      const inside = joinPath(path, name);
      this.inside(
        name,
        inside,
        () => spool.openFolder(name),
        (folder) => {
          this.#queue(showRawPath(name), joinPath(inside, "input"), () => folder.openFolder("input"));
        },
      );
    }
  }

  postfix(spool: HeldFolder, path: string): void {
    for (const name of POSTFIX_QUEUES) this.#queue(name, joinPath(path, name), () => spool.openFolder(name));
  }

  /** Opens, runs, closes; a folder that is not there is passed over. */
  inside(
    queue: string | null,
    path: string,
    open: () => HeldFolder | undefined,
    run: (folder: HeldFolder) => void,
  ): void {
    try {
      using folder = open();
      if (folder !== undefined) run(folder);
    } catch (error) {
      // Anything else is the visitor's own trouble.
      if (!(error instanceof GarrisonError)) throw error;
      this.#blind(queue, path, whyBlind(error));
    }
  }

  /** A queue whose folder may not be entered is there all the same. */
  #queue(queue: string, path: string, open: () => HeldFolder | undefined): void {
    let isKnown = false;
    const enter = (): void => {
      if (!isKnown) this.#visitor.enter(queue);
      isKnown = true;
    };
    const openOrEnter = (): HeldFolder | undefined => {
      try {
        return open();
      } catch (error) {
        enter();
        throw error;
      }
    };
    this.inside(queue, path, openOrEnter, (folder) => {
      enter();
      this.#folder(queue, path, folder, 0);
    });
  }

  #folder(queue: string, path: string, folder: HeldFolder, depth: number): void {
    const subfolders = this.#visitor.visit({ mta: this.#mta, queue, path }, folder);
    if (depth >= (this.#mta === "exim" ? 1 : MAX_DEPTH)) return;
    for (const name of subfolders) {
      const below = joinPath(path, name);
      this.inside(
        queue,
        below,
        () => folder.openFolder(name),
        (one) => this.#folder(queue, below, one, depth + 1),
      );
    }
  }

  #blind(queue: string | null, path: string, reason: string): void {
    this.#visitor.blind({ queue, path: cleanText(showRawPath(path), 300), reason });
  }
}
