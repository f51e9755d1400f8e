/**
 * Where the positions of a mind go on: in files that are held, in files at their path, in what rotation made of them while nobody
 * looked. Whole files that came and went in that time are found as well: what rotation made after the one that we were in.
 */
import { closeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { splitPath } from "#src/lib/raw-path.ts";
import { TrustedPath } from "#src/linux/trusted-path.ts";
import type { FilePosition } from "#src/model/log-stream.ts";
import type { FollowedFile } from "./followed-file.ts";
import { hasHead } from "./open-log.ts";
import { closeSiblings, findContent, openSiblings, type Sibling, stemOf } from "./siblings.ts";

/** What there is now. */
export interface Present {
  /** All that are held. */
  readonly files: Iterable<FollowedFile>;
  readonly isLog: (path: string) => boolean;
  /** The file at a path of the list. */
  at(path: string): FollowedFile | undefined;
}

/** A rotated file that was not held, to be read from `offset`. */
export interface Rest {
  readonly sibling: Sibling;
  /** Path of the log that it was. */
  readonly logPath: string;
  /** Index of the position; `null`: nothing of it was read yet. */
  readonly index: number | null;
  readonly offset: number;
  /** It is not the file itself that we were in: nobody writes to it any more. */
  readonly isCopy: boolean;
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
  const byLog = Map.groupBy(open, (index) => stemOf(positions[index]!.path, present.isLog));
  for (const [logPath, indexes] of byLog) {
    await nextTurn();
    await planLog(logPath, indexes, positions, present, plan);
  }
  return plan;
}

/** @returns indexes of positions whose file is not held */
function continueHeld(positions: readonly FilePosition[], { files, at }: Present, plan: ResumePlan): number[] {
  const byKey = Map.groupBy(files, ({ key }) => key);
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
  const others = [...positions.keys()].filter((index) => !isHeld(positions[index]!, index));
  return others.filter((index) => {
    const position = positions[index]!;
    const file = at(position.path);
    return position.isDone || position.isAway || !file?.isLike(position) || !take(index, file);
  });
}

async function planLog(
  logPath: string,
  indexes: readonly number[],
  positions: readonly FilePosition[],
  present: Present,
  plan: ResumePlan,
): Promise<void> {
  const wanted = indexes.filter((index) => !positions[index]!.isDone);
  plan.finished.push(...indexes.filter((index) => positions[index]!.isDone));
  if (!present.isLog(logPath)) return void plan.finished.push(...wanted);
  if (wanted.length === 0) return;
  if (present.at(logPath) === undefined && !isFolder(splitPath(logPath).folder)) return;
  const held = new Set(Array.from(present.files, ({ key }) => key));
  const siblings = (await openSiblings(logPath)).filter((one) => !isHeld(one, held));
  const rests = restsOf(logPath, wanted, positions, siblings, plan);
  const used = new Set(rests.map(({ sibling }) => sibling));
  closeSiblings(siblings.filter((sibling) => !used.has(sibling)));
  plan.rests.push(...rests);
}

function isHeld({ log }: Sibling, held: ReadonlySet<string>): boolean {
  if (!held.has(`${log.device}:${log.inode}`)) return false;
  closeSync(log.fd);
  return true;
}

function restsOf(
  logPath: string,
  wanted: readonly number[],
  positions: readonly FilePosition[],
  siblings: readonly Sibling[],
  plan: ResumePlan,
): Rest[] {
  const rests = new Map<Sibling, Rest>();
  let newest = siblings.length;
  for (const index of wanted) {
    const position = positions[index]!;
    const sibling = findContent(
      siblings.filter((one) => !rests.has(one)),
      position,
    );
    if (sibling === undefined) {
      // It held nothing when it was last looked at.
      if (position.head.bytes === 0) plan.finished.push(index);
      else plan.lost.push(index);
      continue;
    }
    const isCopy = sibling.log.inode !== position.inode || sibling.log.device !== position.device;
    rests.set(sibling, { sibling, logPath, index, offset: position.offset, isCopy });
    if (!position.isAway) newest = siblings.indexOf(sibling);
  }
  // What came after the last one that lay at the path, and has no position: all of it is unread.
  for (const sibling of siblings.slice(newest + 1)) {
    if (rests.has(sibling) || positions.some((position) => hasContentOf(sibling, position))) continue;
    rests.set(sibling, { sibling, logPath, index: null, offset: 0, isCopy: sibling.isZipped });
  }
  return siblings.flatMap((sibling) => rests.get(sibling) ?? []);
}

function hasContentOf({ head }: Sibling, position: FilePosition): boolean {
  return position.head.bytes > 0 && hasHead(head, position.head);
}

function isFolder(path: string): boolean {
  try {
    using folder = TrustedPath.open(path);
    return folder?.stats.isDirectory() ?? false;
  } catch {
    return false;
  }
}
