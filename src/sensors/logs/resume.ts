/**
 * Where the positions of a mind go on: in files that are held, in files at their path, in what rotation made of them while nobody
 * looked. Whole files that came and went in that time are found as well: what rotation made after the one that we were in.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { splitPath } from "#src/lib/raw-path.ts";
import { TrustedPath } from "#src/linux/trusted-path.ts";
import type { FilePosition } from "#src/model/log-stream.ts";
import type { FollowedFile } from "./followed-file.ts";
import { hasHead, keyOf } from "./open-log.ts";
import { closeSiblings, findContent, listSiblings, type Sibling, stemOf } from "./siblings.ts";

/** What there is now. */
export interface Present {
  /** All that are held. */
  readonly files: Iterable<FollowedFile>;
  readonly isLog: (path: string) => boolean;
  /** The file at a path of the list. */
  at(path: string): FollowedFile | undefined;
}

/** A rotated file that was not held, to be read from `offset`. It is open; the owner of the plan takes or closes it. */
export interface Rest {
  readonly sibling: Sibling;
  /** Path of the log that it was. */
  readonly logPath: string;
  /** Index of the position; `null`: nothing of it was read yet. */
  readonly index: number | null;
  readonly offset: number;
  /** It is not the file itself that we were in: nobody writes to it any more. */
  readonly isCopy: boolean;
  /** Key of the file that the position speaks of. */
  readonly copyOf: string | null;
}

/** What becomes of each position. One that is not named waits: the folder of its file is not there. */
export interface ResumePlan {
  readonly continued: { readonly file: FollowedFile; readonly index: number }[];
  /** Those of one log in the order in which they are read, before the log itself. */
  readonly rests: Rest[];
  /** Nothing more is wanted of them. */
  readonly finished: number[];
  /** Their content is nowhere any more. */
  readonly lost: number[];
}

/** @param positions as the mind sent them: their index names them */
export async function planResume(positions: readonly FilePosition[], present: Present): Promise<ResumePlan> {
  const plan: ResumePlan = { continued: [], rests: [], finished: [], lost: [] };
  const open = continueHeld(positions, present, plan);
  const empty = plan.continued.filter(({ file, index }) => isFreshAndEmpty(file, positions[index]!));
  const byLog = Map.groupBy([...open, ...empty.map(({ index }) => index)], (index) =>
    stemOf(positions[index]!.path, present.isLog),
  );
  const all = Map.groupBy(positions, ({ path }) => stemOf(path, present.isLog));
  for (const [logPath, indexes] of byLog) {
    await nextTurn();
    await planLog(logPath, indexes, positions, all.get(logPath)!, present, plan);
  }
  return plan;
}

/** @returns indexes of positions whose file is not held */
function continueHeld(positions: readonly FilePosition[], { files, at }: Present, plan: ResumePlan): number[] {
  const byKey = Map.groupBy(files, ({ key }) => key);
  for (const file of files) if (file.copyOf !== null) byKey.set(file.copyOf, [...(byKey.get(file.copyOf) ?? []), file]);
  const taken = new Set<FollowedFile>();
  const take = (index: number, file: FollowedFile | undefined): boolean => {
    if (file === undefined || taken.has(file)) return false;
    taken.add(file);
    plan.continued.push({ file, index });
    return true;
  };
  const isHeld = ({ device, inode }: FilePosition, index: number): boolean =>
    take(
      index,
      byKey.get(`${device}:${inode}`)?.find((file) => !taken.has(file) && file.isAt(positions[index]!)),
    );
  // What is known best first: an empty head fits every content of a file.
  const byHead = [...positions.keys()].sort((a, b) => positions[b]!.head.bytes - positions[a]!.head.bytes);
  const others = new Set(byHead.filter((index) => !isHeld(positions[index]!, index)));
  return [...positions.keys()]
    .filter((index) => others.has(index))
    .filter((index) => {
      const position = positions[index]!;
      const file = at(position.path);
      return position.isDone || position.isAway || !file?.isLike(position) || !take(index, file);
    });
}

/** The file may be another one of the same number: without a head nobody can tell. */
function isFreshAndEmpty(file: FollowedFile, { head, isAway, isDone }: FilePosition): boolean {
  return head.bytes === 0 && !isAway && !isDone && file.beginAt === null && !file.isStored;
}

async function planLog(
  logPath: string,
  indexes: readonly number[],
  positions: readonly FilePosition[],
  ofLog: readonly FilePosition[],
  present: Present,
  plan: ResumePlan,
): Promise<void> {
  const continued = new Set(plan.continued.map(({ index }) => index));
  const wanted = indexes.filter((index) => !positions[index]!.isDone);
  plan.finished.push(...indexes.filter((index) => positions[index]!.isDone));
  if (!present.isLog(logPath)) return void plan.finished.push(...wanted.filter((index) => !continued.has(index)));
  if (wanted.length === 0) return;
  if (present.at(logPath) === undefined && !isFolder(splitPath(logPath).folder)) return;
  const held = new Set(Array.from(present.files, ({ key }) => key));
  const listed = listSiblings(logPath);
  const siblings = listed.filter(({ key }) => !held.has(key));
  closeSiblings(listed.filter(({ key }) => held.has(key)));
  const rests = await restsOf(logPath, wanted, positions, ofLog, siblings, plan, present);
  const used = new Set(rests.map(({ sibling }) => sibling));
  closeSiblings(siblings.filter((sibling) => !used.has(sibling)));
  plan.rests.push(...rests);
}

async function restsOf(
  logPath: string,
  wanted: readonly number[],
  positions: readonly FilePosition[],
  ofLog: readonly FilePosition[],
  siblings: readonly Sibling[],
  plan: ResumePlan,
  { files }: Present,
): Promise<Rest[]> {
  const rests = new Map<Sibling, Rest>();
  // The newest that lay at the path while somebody looked: what came after it is unread.
  let last = ofLog.some(({ isAway }) => !isAway) ? siblings.length : await findNewestKnown(siblings, ofLog);
  if (last === -1) last = siblings.length;
  const continued = new Set(plan.continued.map(({ index }) => index));
  // Those of which nothing is known at last: an empty head fits whatever was given the same inode meanwhile.
  const byHead = Map.groupBy(wanted, (index) => positions[index]!.head.bytes === 0);
  for (const index of [...(byHead.get(false) ?? []), ...(byHead.get(true) ?? [])]) {
    const position = positions[index]!;
    // Of one that was empty nobody can tell what became of it, but it came after the newest that we know.
    const isEmpty = position.head.bytes === 0;
    const newest = isEmpty && !position.isAway ? await findNewestKnown(siblings, ofLog) : -1;
    if (newest !== -1) last = newest;
    const others = siblings.filter((one) => !rests.has(one));
    const free = isEmpty ? await unknownOf(others, logPath, ofLog, files) : others;
    const sibling = continued.has(index) ? undefined : await findContent(free, position);
    if (sibling !== undefined) {
      const isCopy = sibling.key !== keyOf(position);
      const copyOf = isCopy ? keyOf(position) : null;
      rests.set(sibling, { sibling, logPath, index, offset: position.offset, isCopy, copyOf });
      if (!position.isAway && newest === -1) last = siblings.indexOf(sibling);
      continue;
    }
    if (continued.has(index)) continue;
    const hadNothing = isEmpty && (position.isAway || newest !== -1 || siblings.length === 0);
    (hadNothing ? plan.finished : plan.lost).push(index);
  }
  const behind = siblings.slice(last + 1).filter((one) => !rests.has(one));
  for (const sibling of await unknownOf(behind, logPath, ofLog, files)) {
    rests.set(sibling, { sibling, logPath, index: null, offset: 0, isCopy: sibling.isZipped, copyOf: null });
  }
  return siblings.flatMap((sibling) => rests.get(sibling) ?? []);
}

/**
 * Whether a file of a log that is held has what begins so, or had it when it was read: a copy may be made and not be followed by
 * truncation yet, or the truncation may not be known yet.
 */
export function isHeld(files: Iterable<FollowedFile>, logPath: string, start: Buffer): boolean {
  return Iterator.from(files).some(
    (file) =>
      (file.path === logPath || file.paths.has(logPath)) &&
      (file.holds(start) || (!file.isEmpty && hasHead(start, file.head))),
  );
}

/** Those that can be read and in whose content nobody has been. */
async function unknownOf(
  siblings: readonly Sibling[],
  logPath: string,
  positions: readonly FilePosition[],
  files: Iterable<FollowedFile>,
): Promise<Sibling[]> {
  const unknown: Sibling[] = [];
  for (const sibling of siblings) {
    const isNew = !(await isKnown(sibling, positions)) && !isHeld(files, logPath, (await sibling.head())!);
    if (isNew) unknown.push(sibling);
  }
  return unknown;
}

async function findNewestKnown(siblings: readonly Sibling[], positions: readonly FilePosition[]): Promise<number> {
  for (const [index, sibling] of [...siblings.entries()].toReversed()) {
    if (await isKnown(sibling, positions)) return index;
  }
  return -1;
}

/** Whether it can be read, and somebody has a position in it. One that cannot be read is nothing to be read either. */
async function isKnown(sibling: Sibling, positions: readonly FilePosition[]): Promise<boolean> {
  const start = await sibling.head();
  return start === undefined || positions.some(({ head }) => head.bytes > 0 && hasHead(start, head));
}

function isFolder(path: string): boolean {
  try {
    using folder = TrustedPath.open(path);
    return folder?.stats.isDirectory() ?? false;
  } catch {
    return false;
  }
}
