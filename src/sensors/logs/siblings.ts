/** The rotated files beside a log: where the rest of what was rotated away is looked for. At most MAX_SIBLINGS are looked at. */
import { closeSync, fstatSync, readdirSync } from "node:fs";
import { joinPath, splitPath } from "#src/lib/raw-path.ts";
import type { FileHead, FilePosition } from "#src/model/log-stream.ts";
import { hasHead, type OpenLog, openLog } from "./open-log.ts";
import { compareAge, parseRotatedName } from "./rotated.ts";
import { readUnzippedHead } from "./unzipped.ts";

const MAX_SIBLINGS = 200;

/** One of them, open. The owner closes its `log.fd`. */
export interface Sibling {
  readonly path: string;
  readonly log: OpenLog;
  readonly mark: string | null;
  readonly mtimeNs: bigint;
  readonly isZipped: boolean;
  /** As it is unzipped. */
  readonly head: Buffer;
}

/** The name of a log whatever rotation made of it. `isLog`: whether a path is followed itself. */
export function stemOf(path: string, isLog: (path: string) => boolean): string {
  const { folder, name } = splitPath(path);
  const rotated = parseRotatedName(name);
  return rotated !== undefined && isLog(joinPath(folder, rotated.stem)) ? joinPath(folder, rotated.stem) : path;
}

/** Opens the rotated files of a log, the oldest first. What cannot be opened or unzipped is left out. */
export async function openSiblings(logPath: string): Promise<Sibling[]> {
  const { folder, name } = splitPath(logPath);
  const siblings: Sibling[] = [];
  for (const other of listNames(folder)) {
    const rotated = parseRotatedName(other);
    if (rotated?.stem !== name || (rotated.compression !== "" && rotated.compression !== ".gz")) continue;
    const path = joinPath(folder, other);
    const log = openLog(path);
    if (typeof log !== "object") continue;
    const isZipped = rotated.compression !== "";
    const head = isZipped ? await readUnzippedHead(log.fd) : log.head;
    const { mtimeNs } = fstatSync(log.fd, { bigint: true });
    if (head === undefined) closeSync(log.fd);
    else siblings.push({ path, log, mark: rotated.mark, mtimeNs, isZipped, head });
    if (siblings.length >= MAX_SIBLINGS) break;
  }
  return siblings.sort(compareAge);
}

/** Closes those that nobody has taken. */
export function closeSiblings(siblings: Iterable<Sibling>): void {
  for (const { log } of siblings) closeSync(log.fd);
}

/** The one that has the content of a position: the file itself under another name, else the newest copy of it. */
export function findContent(siblings: readonly Sibling[], position: FilePosition): Sibling | undefined {
  const isSame = ({ log, head }: Sibling): boolean =>
    log.device === position.device && log.inode === position.inode && hasHead(head, position.head);
  return siblings.find(isSame) ?? siblings.findLast((one) => isCopy(one, position.head, position.offset));
}

/** The newest that holds what a log held, and at least up to `offset`. Of a head without bytes nothing can be said. */
export function isCopy({ log, head, isZipped }: Sibling, wanted: FileHead, offset: number): boolean {
  return wanted.bytes > 0 && hasHead(head, wanted) && (isZipped || log.sizeBytes >= offset);
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(Buffer.from(folder, "latin1"), { encoding: "latin1" });
  } catch {
    return [];
  }
}
