/**
 * Follows the files of the sources for one mind after another. It holds each file open, so that renaming and deleting take nothing
 * away; it keeps no position: the mind says where it stands. A file that has left its path is read until nothing more was written to
 * it for a while. Memory: about 1 KiB a file, at most MAX_FILES followed and MAX_AWAY rotated away.
 */
import { closeSync, statSync } from "node:fs";
import { errorText } from "#src/lib/errors.ts";
import { splitPath } from "#src/lib/raw-path.ts";
import type { FilePosition, LogFollow, LogNews, LogStream, LogTaken } from "#src/model/log-stream.ts";
import { FollowedFile } from "./followed-file.ts";
import { type OpenLog, openLog } from "./open-log.ts";
import { Pump } from "./pump.ts";
import { isHeld, planResume, type Rest } from "./resume.ts";
import { closeSiblings, findContent, listSiblings, type Sibling, stemOf, type Wanted } from "./siblings.ts";
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
  /** Positions whose file is nowhere, told as files of their own. */
  readonly #phantoms = new Set<number>();
  /** Files that are done with, whose positions the mind still keeps, with their paths. */
  readonly #kept = new Map<number, string>();
  /** Positions whose folder is not there, by path. */
  readonly #awaited = new Map<string, { readonly index: number; readonly position: FilePosition }>();
  /** What is under way to find copies of truncated files. */
  readonly #searches = new Set<Promise<void>>();
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
    if (opened !== undefined) this.#refuse(path, opened);
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
    for (const rest of plan.rests) this.#takeRest(rest);
    for (const file of this.#files) if (file.file === 0) this.#startUnknown(file);
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
    if (current !== undefined) {
      this.#leave(current, path);
      if (held === undefined) this.#succeed(file, current, path);
    }
    if (held === undefined && this.#isFollowed) this.#startNew(file, path);
    this.#pump.wake(file);
  }

  /** `file` took the place of `current`. */
  #succeed(file: FollowedFile, current: FollowedFile, path: string): void {
    file.follows(current);
    // Not read before it is known whether something came in between.
    file.isAwaitingSearch = true;
    const work = this.#findMissed(current, path).finally(() => {
      file.isAwaitingSearch = false;
      this.#pump.wake(file);
    });
    this.#search(work, current);
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
  #takeRest({ sibling, logPath, index, offset, isCopy, copyOf }: Rest): void {
    const { path, isZipped, key } = sibling;
    if (this.#byKey.has(key)) return closeSiblings([sibling]);
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
    if (!isDone || !file.isClosed) return;
    this.#drop(file);
    this.#release(number, file.path, file.head.bytes === 0);
  }

  /**
   * Lets the mind forget a position, unless the log that came behind it is still empty: should that be rotated while nobody looks, then
   * this position alone tells which rotated files are the newer ones.
   */
  #release(file: number, path: string, wasEmpty: boolean): void {
    const heir = this.#byPath.get(this.#stemOf(path));
    if (!wasEmpty && heir?.isEmpty === true) this.#kept.set(file, path);
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
    this.#open(next, null);
    this.#stream.send({ t: "away", file: file.file });
    this.#pump.wake(next);
    this.#search(this.#findCopy(file, next), file);
  }

  #search(work: Promise<void>, file: FollowedFile): void {
    const search = work
      .catch((error: unknown) => this.#lose(file, null, errorText(error)))
      .finally(() => this.#searches.delete(search));
    this.#searches.add(search);
  }

  async #findCopy(file: FollowedFile, next: FollowedFile): Promise<void> {
    const [path = file.path] = next.paths;
    const found = await this.#findBehind(file, { ...file.anchor!, offset: file.offset }, path);
    if (!this.#files.has(file)) return closeSiblings([...(found?.itself ?? []), ...(found?.newer ?? [])]);
    const [copy] = found?.itself ?? [];
    if (copy === undefined) return this.#loseTail(file);
    file.readFrom(copy.take().log.fd, copy.isZipped);
    this.#takeUnread(found?.newer ?? [], path);
    this.#pump.wake(file);
  }

  /** Between two looks a log may have been rotated more than once: whole files came and went. */
  async #findMissed(file: FollowedFile, path: string): Promise<void> {
    const { anchor } = file;
    const found = anchor === null ? undefined : await this.#findBehind(file, { ...anchor, offset: 0 }, path);
    closeSiblings(found?.itself ?? []);
    this.#takeUnread(found?.newer ?? [], path);
  }

  /** The content of a file among what rotation made of the log, and what is newer and not held; all of it open. */
  async #findBehind(file: FollowedFile, wanted: Wanted, path: string): Promise<Found | undefined> {
    const siblings = listSiblings(this.#stemOf(path));
    const others = siblings.filter(({ key }) => key === file.key || !this.#byKey.has(key));
    const itself = await findContent(others, wanted);
    const newer: Sibling[] = [];
    for (const sibling of itself === undefined ? [] : siblings.slice(siblings.indexOf(itself) + 1)) {
      if (this.#byKey.has(sibling.key)) continue;
      const open = await sibling.open();
      if (open !== undefined && !isHeld(this.#files, path, open.head)) newer.push(sibling);
    }
    closeSiblings(siblings.filter((one) => one !== itself && !newer.includes(one)));
    return itself === undefined ? undefined : { itself: [itself], newer };
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
    this.#pump.forget(file);
    file.close();
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

/** What was found of a content. */
interface Found {
  readonly itself: readonly Sibling[];
  /** The oldest first. */
  readonly newer: readonly Sibling[];
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

function keyOf({ device, inode }: Pick<OpenLog, "device" | "inode">): string {
  return `${device}:${inode}`;
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
