/**
 * Follows the files of the sources for one mind after another. It holds each file open, so that renaming and deleting take nothing
 * away; it keeps no position: the mind says where it stands. A file that has left its path is read until nothing more was written to
 * it for a while. Memory: about 1 KiB a file, at most MAX_FILES followed and MAX_AWAY rotated away.
 */
import { closeSync, statSync } from "node:fs";
import { errorText } from "#src/lib/errors.ts";
import { splitPath } from "#src/lib/raw-path.ts";
import type { FilePosition, LogFollow, LogNews, LogStream, LogTaken } from "#src/model/log-stream.ts";
import { type Anchor, FollowedFile } from "./followed-file.ts";
import { describeHead, keyOf, type OpenLog, openLog } from "./open-log.ts";
import { Pump } from "./pump.ts";
import { isHeld, planResume, type Rest } from "./resume.ts";
import {
  closeSiblings,
  findContent,
  hasSiblings,
  isNewestSibling,
  listSiblings,
  type Sibling,
  stemOf,
} from "./siblings.ts";
import type { Sources } from "./sources.ts";

const MAX_FILES = 20_000;
const MAX_AWAY = 4000;
const LOOK_AT_AWAY_MS = 1000;
const MAX_UNREADABLE = 1000;

/** What the follower needs. */
export interface FollowerOptions {
  readonly sources: Sources;
  readonly stream: LogStream;
  /** How long a file that has left its path is still looked at when nothing more is written to it. */
  readonly awayForMs: number;
  /** A number for a file or a journal on this connection. */
  nextNumber(): number;
  after(delayMs: number, callback: () => void): void;
  count(name: string, amount: number): void;
  onError(error: unknown): void;
}

/** The files of all sources. */
export class Follower implements Disposable {
  readonly #options: FollowerOptions;
  readonly #stream: LogStream;
  readonly #pump: Pump;
  readonly #files = new Set<FollowedFile>();
  /** Files at a path of the list now. */
  readonly #byPath = new Map<string, FollowedFile>();
  /** Files by device and inode, those that are away too; of a truncated file the new content. */
  readonly #byKey = new Map<string, FollowedFile>();
  readonly #byNumber = new Map<number, FollowedFile>();
  readonly #away = new Set<FollowedFile>();
  /** Those that have left a path at which nothing lies now. */
  readonly #lastAt = new Map<string, FollowedFile>();
  /** Positions whose file is nowhere, told as files of their own. */
  readonly #phantoms = new Set<number>();
  /** Files that are done with, whose positions the mind still keeps, with their paths. */
  readonly #kept = new Map<number, string>();
  /** Positions whose folder is not there, by path. */
  readonly #awaited = new Map<string, { readonly index: number; readonly position: FilePosition }>();
  /** What is under way to find copies of truncated files. */
  readonly #searches = new Set<Promise<void>>();
  /** The last of them: one at a time, so that descriptors are few when a thousand logs are rotated at once. */
  #lastSearch: Promise<void> = Promise.resolve();
  readonly #unreadable = new Map<string, string>();
  #known: ReadonlySet<string> = new Set();
  /** Counts the minds; what was begun for an earlier one is given up. */
  #session = 0;
  #changes = 0;
  #isFollowed = false;
  #isFirstScan = true;
  #isLookPlanned = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#stream = options.stream;
    this.#pump = new Pump(options.stream, {
      onDrained: (file) => this.#onDrained(file),
      onTruncated: (file) => this.#onTruncated(file),
      onFailed: (file, reason) => this.#lose(file, null, `it cannot be read any more: ${reason}`),
      onError: (error) => options.onError(error),
    });
  }

  /** Grows with whatever may change what there is to say. */
  get changes(): number {
    return this.#changes;
  }

  /** Files that are held. */
  get files(): Iterable<FollowedFile> {
    return this.#files;
  }

  /** Paths that are there and are not read, with the reason; at most 1,000. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** What is found from now on came into being while we looked. */
  endFirstScan(): void {
    this.#isFirstScan = false;
  }

  /** A path of the list: something came, went, or is another file now. */
  look(path: string): void {
    const log = this.#options.sources.find(path);
    if (log === undefined) return;
    this.#changes++;
    const current = this.#byPath.get(path);
    const key = keyAt(path);
    if (current !== undefined && key === current.key) return this.#pump.wake(current);
    const opened = key === undefined ? undefined : openLog(path);
    this.#unreadable.delete(path);
    if (typeof opened === "object" && this.#hasRoomFor(opened)) return this.#settle(path, log.source, opened, current);
    if (current !== undefined) this.#leave(current, path);
    if (opened !== undefined) return this.#refuse(path, opened);
    const last = this.#lastAt.get(path);
    if (last !== undefined) this.#searchMissed(last, path);
  }

  /** A path of the list was written. */
  written(path: string): void {
    const file = this.#byPath.get(path);
    if (file === undefined) return this.look(path);
    this.#changes++;
    // Also while no mind follows: without a head one content cannot be told from the next.
    if (file.isYoung) file.peek();
    this.#pump.wake(file);
  }

  /** What is known at and below a folder is looked at again. */
  lookBelow(folder: string): void {
    this.#changes++;
    const prefix = folder === "/" ? "/" : `${folder}/`;
    const known = [...this.#byPath.keys(), ...this.#unreadable.keys()];
    for (const path of known) if (path.startsWith(prefix)) this.look(path);
  }

  /** Looks at the files of folders that no event tells of. */
  lookIn(folders: ReadonlyMap<string, unknown>): void {
    for (const path of this.#byPath.keys()) if (folders.has(splitPath(path).folder)) this.look(path);
  }

  /** A mind has connected: all is opened anew, where it stands. */
  async follow({ positions, known }: LogFollow): Promise<void> {
    const session = this.#begin(known);
    await Promise.all(this.#searches);
    if (session !== this.#session) return;
    const plan = await planResume(positions, {
      files: this.#files,
      isLog: (path) => this.#options.sources.find(path) !== undefined,
      at: (path) => this.#byPath.get(path),
    });
    if (session !== this.#session) return closeSiblings(plan.rests.map(({ sibling }) => sibling));
    for (const { file, index } of plan.continued) this.#continue(file, index, positions[index]!);
    for (const rest of plan.rests) this.#takeRest(rest, rest.index === null ? undefined : positions[rest.index]);
    for (const file of this.#files) if (file.file === 0 && !file.isAwaitingSearch) this.#startUnknown(file);
    for (const index of plan.finished) this.#tellPhantom(index, positions[index]!, { t: "finished" });
    for (const index of plan.lost) this.#tellPhantom(index, positions[index]!, { t: "lost" });
    const told = new Set([...plan.finished, ...plan.lost, ...plan.continued.map(({ index }) => index)]);
    for (const { index } of plan.rests) if (index !== null) told.add(index);
    for (const [index, position] of positions.entries()) {
      if (!told.has(index)) this.#awaited.set(position.path, { index, position });
    }
    this.#isFollowed = true;
    this.#stream.send({ t: "settled", known: this.#options.sources.keys });
    for (const file of this.#files) this.#pump.wake(file);
    this.#planLookAtAway();
  }

  /** The mind has stored something, or has room again. */
  take({ stored }: LogTaken): void {
    this.#changes++;
    for (const { file: number, isDone } of stored) this.#store(number, isDone);
    this.#pump.run();
  }

  /** The mind is gone: nothing is sent until another follows. */
  lose(): void {
    this.#session++;
    this.#isFollowed = false;
    this.#pump.clear();
  }

  [Symbol.dispose](): void {
    this.lose();
    for (const file of this.#files) file.close();
    this.#files.clear();
  }

  #begin(known: readonly string[]): number {
    this.lose();
    this.#byNumber.clear();
    this.#phantoms.clear();
    this.#kept.clear();
    this.#awaited.clear();
    this.#known = new Set(known);
    for (const file of this.#files) file.file = 0;
    return this.#session;
  }

  #hasRoomFor(opened: OpenLog): boolean {
    return this.#byKey.size < MAX_FILES || this.#byKey.has(keyOf(opened));
  }

  #refuse(path: string, opened: OpenLog | string): void {
    if (typeof opened === "object") closeSync(opened.fd);
    if (this.#unreadable.size >= MAX_UNREADABLE) return;
    this.#unreadable.set(path, typeof opened === "object" ? `more than ${MAX_FILES} files` : opened);
  }

  /** A file lies at a path of the list. */
  #settle(path: string, source: string, opened: OpenLog, current: FollowedFile | undefined): void {
    const held = this.#byKey.get(keyOf(opened));
    if (held !== undefined) closeSync(opened.fd);
    const file = held ?? this.#add(new FollowedFile({ ...opened, source, path, isNew: !this.#isFirstScan }));
    file.paths.add(path);
    this.#byPath.set(path, file);
    this.#away.delete(file);
    if (current !== undefined) this.#leave(current, path);
    const before = current ?? this.#lastAt.get(path);
    this.#lastAt.delete(path);
    if (before !== undefined && held === undefined) this.#succeed(file, before, path);
    if (held === undefined) this.#tellNew(file, path);
    this.#pump.wake(file);
  }

  /** `file` took the place of `current`. */
  #succeed(file: FollowedFile, current: FollowedFile, path: string): void {
    file.follows(current);
    this.#searchMissed(current, path, file);
  }

  /** Between two looks a log may have been rotated more than once: whole files came and went behind `file`, and before its heir. */
  #searchMissed(file: FollowedFile, path: string, heir?: FollowedFile): void {
    if (isNewestSibling(this.#stemOf(path), file.key)) return;
    // Not read before it is known whether something came in between.
    if (heir !== undefined) heir.isAwaitingSearch = true;
    this.#search(file, async () => {
      try {
        await this.#findMissed(file, path);
      } finally {
        heir?.comesBehind(file.newestBehind ?? file.anchor);
        if (heir !== undefined) this.#endWait(heir, path);
      }
    });
  }

  /**
   * Tells the mind of a file, not before it is known whether something came in between: who knows of a file does not look for what is
   * older.
   */
  #tellNew(file: FollowedFile, path: string): void {
    const isWanted = this.#isFollowed && file.file === 0 && this.#files.has(file);
    if (isWanted && !file.isAwaitingSearch) this.#startNew(file, path);
  }

  #endWait(heir: FollowedFile, path: string): void {
    heir.isAwaitingSearch = false;
    this.#tellNew(heir, path);
    this.#pump.wake(heir);
  }

  #add(file: FollowedFile): FollowedFile {
    this.#files.add(file);
    this.#byKey.set(file.key, file);
    return file;
  }

  /** A file lies no longer at a path. */
  #leave(file: FollowedFile, path: string): void {
    file.paths.delete(path);
    if (this.#byPath.get(path) === file) this.#byPath.delete(path);
    if (!file.isAway) return;
    this.#away.add(file);
    this.#forgetLast(file);
    file.lastPath = path;
    if (!this.#byPath.has(path)) this.#lastAt.set(path, file);
    file.lastGrowthMs = performance.now();
    if (file.file !== 0) this.#stream.send({ t: "away", file: file.file });
    this.#pump.wake(file);
    this.#planLookAtAway();
    const [oldest] = this.#away;
    if (this.#away.size > MAX_AWAY && oldest !== undefined) this.#giveUp(oldest);
  }

  #giveUp(file: FollowedFile): void {
    this.#options.count("rotated files given up", 1);
    this.#away.delete(file);
    if (file.file === 0) this.#drop(file);
    else this.#lose(file, file.behindBytes, `more than ${MAX_AWAY} rotated files wait`);
  }

  /** A file that came while a mind follows. */
  #startNew(file: FollowedFile, path: string): void {
    const awaited = this.#awaited.get(path);
    this.#awaited.delete(path);
    if (awaited === undefined) return this.#startUnknown(file);
    const { index, position } = awaited;
    if (file.isAt(position) || file.isLike(position)) return this.#continue(file, index, position);
    this.#startUnknown(file);
    this.#tellPhantom(index, position, { t: "lost" });
  }

  /**
   * The mind has no position of it. It begins at its start if the mind has been told of its glob before, or if it came while we looked;
   * else at its end: what was written before the first start is history.
   */
  #startUnknown(file: FollowedFile): void {
    const isKnown = this.#known.has(this.#options.sources.find(file.path)?.key ?? "");
    // The mind had one, and has done with it.
    if (file.isStored && file.isAway) return this.#drop(file);
    const isFromStart = isKnown || (file.isNew && !file.isStored);
    file.beginAt ??= isFromStart ? 0 : file.measure();
    if (file.isStored) file.beginAt = file.measure();
    file.rewind(file.beginAt);
    this.#open(file, null);
  }

  #continue(file: FollowedFile, index: number, position: FilePosition): void {
    if (position.isDone && file.isAway) {
      this.#drop(file);
      return this.#tellPhantom(index, position, { t: "finished" });
    }
    file.rewind(position.offset);
    this.#open(file, index);
  }

  /** A rotated file that was not held: what is left of it, or all of it. */
  #takeRest({ sibling, logPath, index, offset, isCopy, copyOf }: Rest, position?: FilePosition): void {
    const { path, isZipped, key } = sibling;
    const held = this.#byKey.get(key);
    if (held !== undefined) {
      closeSiblings([sibling]);
      // It was found while the plan was made.
      if (index !== null && position !== undefined && held.file === 0) this.#continue(held, index, position);
      return;
    }
    const { log, head } = sibling.take();
    const source = this.#options.sources.find(logPath)?.source ?? "";
    const file = this.#add(new FollowedFile({ ...log, head, source, path, isNew: true }));
    file.isZipped = isZipped;
    file.isRest = isCopy;
    file.copyOf = copyOf;
    file.beginAt = offset;
    file.rewind(offset);
    this.#away.add(file);
    this.#putBefore(file, logPath);
    if (index !== null || this.#isFollowed) this.#open(file, index);
    this.#pump.wake(file);
  }

  /** Puts a rest in front of the file at a path, behind the rests that are there already. */
  #putBefore(rest: FollowedFile, logPath: string): void {
    const log = this.#byPath.get(logPath);
    if (log === undefined) return;
    rest.before = log.before;
    log.before = rest;
  }

  #open(file: FollowedFile, position: number | null): void {
    file.file = this.#options.nextNumber();
    this.#byNumber.set(file.file, file);
    this.#stream.send(describeOpen(file, file.file, file.takeNewHead() ?? file.head, file.offset, position));
    if (file.isAway) this.#stream.send({ t: "away", file: file.file });
    this.#tellGapBehind(file);
    if (file.loss !== null) this.#tellLoss(file);
    else if (!file.isReadable) this.#close(file);
  }

  /** A position that no file belongs to: opened, and closed or gone at once. */
  #tellPhantom(index: number, position: FilePosition, { t }: { readonly t: "finished" | "lost" }): void {
    const file = this.#options.nextNumber();
    const source = this.#options.sources.find(position.path)?.source ?? "";
    this.#stream.send(describeOpen({ ...position, source }, file, position.head, position.offset, index));
    if (t === "finished") return this.#release(file, position.path, position.head.bytes === 0);
    this.#phantoms.add(file);
    const reason = "it was rotated away, truncated or deleted while nobody looked, and its rest was not found";
    this.#stream.send({ t: "gap", file, bytes: null, reason });
    this.#stream.send({ t: "close", file });
  }

  #store(number: number, isDone: boolean): void {
    if (isDone && this.#phantoms.delete(number)) return this.#stream.send({ t: "gone", file: number });
    const file = this.#byNumber.get(number);
    if (file === undefined) return;
    file.isStored = true;
    file.gapBehind = null;
    if (!isDone || !file.isClosed) return;
    this.#drop(file);
    this.#release(number, file.path, file.head.bytes === 0);
  }

  /**
   * Lets the mind forget a position, unless nothing has come behind it, or a log that is still empty: should a log come and be rotated
   * while nobody looks, then this position alone tells which rotated files are the newer ones.
   */
  #release(file: number, path: string, wasEmpty: boolean): void {
    const logPath = this.#stemOf(path);
    const heir = this.#byPath.get(logPath);
    const isNewest = heir === undefined ? hasSiblings(logPath) : heir.isEmpty;
    if (!wasEmpty && isNewest) this.#kept.set(file, path);
    else this.#stream.send({ t: "gone", file });
  }

  #releaseKept(): void {
    const kept = [...this.#kept];
    this.#kept.clear();
    for (const [file, path] of kept) this.#release(file, path, false);
  }

  #onDrained(file: FollowedFile): void {
    if (this.#kept.size > 0 && !file.isEmpty) this.#releaseKept();
    file.isDrained = true;
    this.#changes++;
    if (file.isRest) this.#close(file);
    this.#pump.run();
  }

  /** The new content is read behind what a copy has of the old one. */
  #onTruncated(file: FollowedFile): void {
    const next = this.#add(file.succeed());
    for (const path of next.paths) this.#byPath.set(path, next);
    if (this.#away.delete(file)) this.#away.add(next);
    next.follows(file);
    next.beginAt = 0;
    next.isAwaitingSearch = true;
    this.#stream.send({ t: "away", file: file.file });
    this.#search(file, async () => {
      try {
        await this.#findCopy(file, next);
      } finally {
        this.#endWait(next, next.path);
      }
    });
  }

  #search(file: FollowedFile, work: () => Promise<void>): void {
    const search = this.#lastSearch
      .then(work)
      .catch((error: unknown) => this.#lose(file, null, errorText(error)))
      .finally(() => this.#searches.delete(search));
    this.#lastSearch = search;
    this.#searches.add(search);
  }

  async #findCopy(file: FollowedFile, next: FollowedFile): Promise<void> {
    const [path = file.path] = next.paths;
    const siblings = listSiblings(this.#stemOf(path));
    const wanted = { ...file.anchor!, offset: file.offset };
    const others = siblings.filter(({ key }) => key === file.key || !this.#byKey.has(key));
    const copy = await findContent(others, wanted);
    const newer = copy === undefined ? [] : await this.#unheldBehind(siblings, siblings.indexOf(copy), path);
    closeSiblings(siblings.filter((one) => one !== copy && !newer.includes(one)));
    if (!this.#files.has(file)) return closeSiblings([...(copy === undefined ? [] : [copy]), ...newer]);
    if (copy === undefined) return this.#loseTail(file);
    file.readFrom(copy.take().log.fd, copy.isZipped);
    this.#takeUnread(newer, path);
    this.#pump.wake(file);
  }

  async #findMissed(file: FollowedFile, path: string): Promise<void> {
    const siblings = listSiblings(this.#stemOf(path));
    const place = await this.#placeOf(file, siblings);
    // Its content is gone, and what went before it: only the time of their last writes tells which came behind it.
    const index = place ?? siblings.findLastIndex((one) => one.mtimeNs <= file.mtimeNs);
    const newer = await this.#unheldBehind(siblings, index, path);
    closeSiblings(siblings.filter((one) => !newer.includes(one)));
    const isAmbiguous = place === undefined && siblings.some((one) => one.mtimeNs >= file.mtimeNs);
    if (isAmbiguous) this.#missBehind(file);
    for (const sibling of newer) file.newestBehind = (await anchorOf(sibling)) ?? file.newestBehind;
    this.#takeUnread(newer, path);
  }

  /**
   * Which of the rotated files is the newest that is known not to be missed behind a file: the newest found there before; itself, by the
   * descriptor that is held; what has its content or that of the one before it. Behind one of which nothing is known none is missed.
   */
  async #placeOf(file: FollowedFile, siblings: readonly Sibling[]): Promise<number | undefined> {
    const { anchor, newestBehind } = file;
    const behind = newestBehind === null ? undefined : await findContent(siblings, { ...newestBehind, offset: 0 });
    if (behind !== undefined) return siblings.indexOf(behind);
    const own = siblings.findIndex(({ key }) => key === file.key);
    if (own !== -1) return own;
    if (anchor === null) return siblings.length;
    const found = await findContent(siblings, { ...anchor, offset: 0 });
    return found === undefined ? undefined : siblings.indexOf(found);
  }

  /** Those behind one of them that can be read and are not held. */
  async #unheldBehind(siblings: readonly Sibling[], index: number, path: string): Promise<Sibling[]> {
    const found: Sibling[] = [];
    for (const sibling of siblings.slice(index + 1)) {
      if (this.#byKey.has(sibling.key)) continue;
      const head = await sibling.head();
      if (head !== undefined && !isHeld(this.#files, path, head)) found.push(sibling);
    }
    return found;
  }

  /** Rotated files reach back to none that is known: there may have been more of them than are kept. Nothing is read twice for it. */
  #missBehind(file: FollowedFile): void {
    file.gapBehind = "it was rotated more often than it was looked at, and what came behind it may be kept no more";
    this.#options.count("gaps", 1);
    if (file.file !== 0 && !file.isClosed) this.#tellGapBehind(file);
  }

  #tellGapBehind({ file, gapBehind }: FollowedFile): void {
    if (gapBehind !== null) this.#stream.send({ t: "gap", file, bytes: null, reason: gapBehind });
  }

  #takeUnread(siblings: readonly Sibling[], path: string): void {
    for (const sibling of siblings) {
      this.#takeRest({
        sibling,
        logPath: this.#stemOf(path),
        index: null,
        offset: 0,
        isCopy: sibling.isZipped,
        copyOf: null,
      });
    }
  }

  #stemOf(path: string): string {
    return stemOf(path, (one) => this.#options.sources.find(one) !== undefined);
  }

  /** What was seen of it and not read is lost; what was never seen nobody can know. */
  #loseTail(file: FollowedFile): void {
    const bytes = file.unreadBytes;
    if (bytes > 0) return this.#lose(file, bytes, "it was truncated, and no copy of it was found");
    this.#close(file);
  }

  #lose(file: FollowedFile, bytes: number | null, reason: string): void {
    file.loss = { bytes, reason };
    if (file.file !== 0) this.#tellLoss(file);
  }

  #tellLoss(file: FollowedFile): void {
    if (file.loss !== null) this.#stream.send({ t: "gap", file: file.file, ...file.loss });
    this.#options.count("gaps", 1);
    this.#close(file);
  }

  #close(file: FollowedFile): void {
    if (file.isClosed || file.file === 0) return;
    file.isClosed = true;
    this.#pump.forget(file);
    this.#stream.send({ t: "close", file: file.file });
    this.#pump.run();
  }

  #drop(file: FollowedFile): void {
    file.isClosed = true;
    this.#files.delete(file);
    this.#away.delete(file);
    this.#byNumber.delete(file.file);
    if (this.#byKey.get(file.key) === file) this.#byKey.delete(file.key);
    for (const path of file.paths) this.#byPath.delete(path);
    this.#forgetLast(file);
    this.#pump.forget(file);
    file.close();
  }

  #forgetLast(file: FollowedFile): void {
    if (file.lastPath !== null && this.#lastAt.get(file.lastPath) === file) this.#lastAt.delete(file.lastPath);
  }

  #planLookAtAway(): void {
    if (this.#isLookPlanned || !this.#isFollowed || this.#away.size === 0) return;
    this.#isLookPlanned = true;
    this.#options.after(Math.min(LOOK_AT_AWAY_MS, this.#options.awayForMs), () => {
      this.#isLookPlanned = false;
      if (this.#isFollowed) for (const file of this.#away) this.#lookAtAway(file);
      this.#planLookAtAway();
    });
  }

  /** No folder tells of writes to a file that has lost its name. */
  #lookAtAway(file: FollowedFile): void {
    if (file.isClosed) return;
    if (file.measure() !== file.offset) return this.#pump.wake(file);
    if (file.isDrained && performance.now() - file.lastGrowthMs >= this.#options.awayForMs) this.#close(file);
  }
}

/** By what it can be known again; `null` when it is empty. */
async function anchorOf(sibling: Sibling): Promise<Anchor | null> {
  const head = await sibling.head();
  const { device, inode } = sibling.log;
  return head === undefined || head.length === 0 ? null : { device, inode, head: describeHead(head) };
}

interface Described {
  readonly source: string;
  readonly path: string;
  readonly device: string;
  readonly inode: string;
}

function describeOpen(
  { source, path, device, inode }: Described,
  file: number,
  head: FilePosition["head"],
  offset: number,
  position: number | null,
): LogNews {
  return { t: "open", file, source, path, device, inode, offset, head, position };
}

/** Only to compare: what is opened is opened with care. */
function keyAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(Buffer.from(path, "latin1"), { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
