/**
 * The blocks that are in force, on the disk: a file that is appended to, one line a change, each line with a checksum, and made anew
 * when more of it is over than in force. What a method has returned from lies on the disk. Only root reads and writes it.
 * Disk: at most 200,000 blocks of some 80 bytes, twice. Memory: some 250 bytes a block. Cost: one flush of the disk a change.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { GarrisonError } from "#src/lib/errors.ts";
import { prepareOwnFolder, replaceFile, syncFolder, writeAll } from "#src/linux/durable-file.ts";
import { integer, list, object } from "#src/wire/check.ts";

/** Most blocks at a time. */
export const MAX_BLOCKS = 200_000;
const FILE = "blocks";
/** Below this the file is not made anew, however much of it is over. */
const SMALL_BYTES = 256 * 1024;
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Blocks in one line of a file made anew. */
const LINE_BLOCKS = 1000;

/** One block in force. */
export interface StoredBlock {
  readonly action: string;
  /** CIDR. */
  readonly network: string;
  /** None: all. */
  readonly ports: readonly number[];
  /** `null`: for ever. */
  readonly untilUnixMs: number | null;
}

/** A line: blocks that begin, actions whose block ends, and the highest number of an action until then. */
const LINE = object({ last: integer(0), begin: list(readStored, LINE_BLOCKS), end: list(readId, LINE_BLOCKS) });

/** The ledger in one folder. There must be only one; the owner disposes it. */
export class BlockLedger implements Disposable {
  readonly #path: string;
  readonly #blocks = new Map<string, StoredBlock>();
  #fd = -1;
  #sizeBytes = 0;
  #last = 0;
  /** Lines that were damaged when it was opened, and the bytes of a line that a crash left unfinished. */
  readonly damage: { lines: number; cutBytes: number } = { lines: 0, cutBytes: 0 };

  private constructor(folder: string) {
    this.#path = join(folder, FILE);
  }

  /**
   * Opens or begins the ledger. A last line that a crash left unfinished is cut off; damaged lines are passed over and counted.
   * @param options `readOnly`: nothing is written, no folder is made
   * @throws GarrisonError `GARRISON_FOLDER_UNSAFE`, `GARRISON_LEDGER_DAMAGED` when it is too large. @throws Error of node:fs
   */
  static open(folder: string, { readOnly = false }: { readonly readOnly?: boolean } = {}): BlockLedger {
    if (!readOnly) prepareOwnFolder(folder, { mode: 0o700, gid: process.getegid?.() ?? 0 });
    const ledger = new BlockLedger(folder);
    const wholeBytes = ledger.#read();
    if (readOnly) return ledger;
    if (ledger.damage.lines > 0 || wholeBytes === null) ledger.#compact();
    else ledger.#openFile(wholeBytes);
    return ledger;
  }

  /** Highest number of an action that ever was in it. */
  get lastNumber(): number {
    return this.#last;
  }

  get size(): number {
    return this.#blocks.size;
  }

  get(action: string): StoredBlock | undefined {
    return this.#blocks.get(action);
  }

  /** A block whose time is not over, also if those that are were not forgotten yet. */
  inForce(action: string, nowUnixMs: number): StoredBlock | undefined {
    const block = this.#blocks.get(action);
    return block === undefined || isOver(block, nowUnixMs) ? undefined : block;
  }

  /** All of them. */
  values(): IterableIterator<StoredBlock> {
    return this.#blocks.values();
  }

  /** @throws Error of node:fs (ENOSPC): nothing is changed then */
  begin(blocks: readonly StoredBlock[]): void {
    const last = blocks.reduce((highest, { action }) => Math.max(highest, Number(action.slice(1))), this.#last);
    this.#append({ last, begin: blocks, end: [] });
    this.#last = last;
    for (const block of blocks) this.#blocks.set(block.action, block);
  }

  /** @throws Error of node:fs (ENOSPC): nothing is changed then */
  end(actions: readonly string[]): void {
    this.#append({ last: this.#last, begin: [], end: actions });
    for (const action of actions) this.#blocks.delete(action);
    this.#compactWhenLarge();
  }

  /** Forgets blocks whose time is over; the kernel has let them through by itself. @returns them */
  forgetEnded(nowUnixMs: number): StoredBlock[] {
    const ended: StoredBlock[] = [];
    for (const block of this.#blocks.values()) if (isOver(block, nowUnixMs)) ended.push(block);
    for (const { action } of ended) this.#blocks.delete(action);
    if (ended.length > 0) this.#compactWhenLarge();
    return ended;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }

  #append(line: { last: number; begin: readonly StoredBlock[]; end: readonly string[] }): void {
    const bytes = Buffer.from(sealLine(JSON.stringify(line)));
    try {
      writeAll(this.#fd, bytes);
      fdatasyncSync(this.#fd);
    } catch (error) {
      ftruncateSync(this.#fd, this.#sizeBytes);
      throw error;
    }
    this.#sizeBytes += bytes.length;
  }

  #compactWhenLarge(): void {
    if (this.#fd === -1 || this.#sizeBytes < SMALL_BYTES || this.#sizeBytes < this.#blocks.size * 240) return;
    try {
      this.#compact();
    } catch {
      // A disk without room: the old file says the same, and it is tried again.
    }
  }

  /** Puts a file with nothing but what is in force in place of the old one. */
  #compact(): void {
    const lines: string[] = [];
    const blocks = [...this.#blocks.values()];
    for (let from = 0; from === 0 || from < blocks.length; from += LINE_BLOCKS) {
      const line = { last: this.#last, begin: blocks.slice(from, from + LINE_BLOCKS), end: [] };
      lines.push(sealLine(JSON.stringify(line)));
    }
    const content = lines.join("");
    replaceFile(this.#path, content, { mode: 0o600, gid: process.getegid?.() ?? 0 });
    syncFolder(this.#path);
    this[Symbol.dispose]();
    this.#openFile(Buffer.byteLength(content));
  }

  #openFile(sizeBytes: number): void {
    this.#fd = openSync(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    if (fstatSync(this.#fd).size !== sizeBytes) ftruncateSync(this.#fd, sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  /** @returns bytes of whole lines; `null` when there is no file */
  #read(): number | null {
    const bytes = readLedgerFile(this.#path);
    if (bytes === null) return null;
    const wholeBytes = bytes.lastIndexOf(10) + 1;
    this.damage.cutBytes = bytes.length - wholeBytes;
    for (let at = 0; at < wholeBytes; ) {
      const end = bytes.indexOf(10, at);
      this.#take(bytes.subarray(at, end));
      at = end + 1;
    }
    return wholeBytes;
  }

  #take(line: Buffer): void {
    try {
      const { last, begin, end } = LINE(JSON.parse(openLine(line)), "line");
      this.#last = Math.max(this.#last, last);
      for (const block of begin) this.#blocks.set(block.action, block);
      for (const action of end) this.#blocks.delete(action);
    } catch {
      this.damage.lines++;
    }
  }
}

function isOver({ untilUnixMs }: StoredBlock, nowUnixMs: number): boolean {
  return untilUnixMs !== null && untilUnixMs <= nowUnixMs;
}

/** Whether it is an id of an action: `x` and a number. */
export function isActionId(action: string): boolean {
  return /^x[0-9]{1,12}$/.test(action);
}

function readId(value: unknown, path: string): string {
  if (typeof value === "string" && isActionId(value)) return value;
  throw new RangeError(`Cannot accept "${path}": it is no id of an action`);
}

/** By hand, because there are many: the line's checksum has said already that it is ours. */
function readStored(value: unknown, path: string): StoredBlock {
  const { action, network, ports, untilUnixMs } = (value ?? {}) as Partial<StoredBlock>;
  const isRight =
    typeof network === "string" &&
    network.length <= 64 &&
    (untilUnixMs === null || Number.isSafeInteger(untilUnixMs)) &&
    Array.isArray(ports) &&
    ports.every((port) => Number.isInteger(port) && port > 0 && port <= 65_535);
  if (isRight && readId(action, path) !== "") return value as StoredBlock;
  throw new RangeError(`Cannot accept "${path}": it is no block`);
}

function sealLine(json: string): string {
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

function openLine(line: Buffer): string {
  // Of the bytes as they lie there: a start has 20 MB of them.
  const json = line.subarray(9);
  if (Number.parseInt(line.toString("latin1", 0, 8), 16) !== crc32(json))
    throw new SyntaxError("Cannot read a line of the ledger: its checksum is wrong");
  return json.toString("utf8");
}

function readLedgerFile(path: string): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    if (size > MAX_FILE_BYTES) {
      throw new GarrisonError(
        "GARRISON_LEDGER_DAMAGED",
        `Cannot read the blocks: "${path}" has ${size} bytes, ${MAX_FILE_BYTES} are allowed`,
      );
    }
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
