/**
 * The blocks in force as files by which a web server denies clients that come through a proxy, whose packets nobody may drop: a
 * RewriteMap of Apache and lines of a geo block of nginx (src/blocks/web). They are written behind a change, at most once a second, and
 * when the next block in them ends. Memory: both texts, at most some 4 MiB. Cost: at most a twentieth of a core, see README.md.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { APACHE_MAX_LINES, renderApacheMap } from "#src/blocks/web/apache-map.ts";
import { DENY_HEAD, type DenyFile } from "#src/blocks/web/deny-file.ts";
import { NGINX_MAX_LINES, renderNginxGeo } from "#src/blocks/web/nginx-geo.ts";
import { errnoOf, errorText } from "#src/lib/errors.ts";
import { type IpNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import { prepareOwnFolder, replaceFile } from "#src/linux/durable-file.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { StoredBlock } from "./block-ledger.ts";

/** The files, each with what makes it and how many networks it is made of at most. */
const FILES = [
  { name: "deny.map", render: renderApacheMap, max: APACHE_MAX_LINES },
  { name: "deny.geo", render: renderNginxGeo, max: NGINX_MAX_LINES },
] as const;
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
const SHORTEST_PAUSE_MS = 1000;
/** Many blocks take long to write: the pause behind it is so many times longer. */
const PAUSE_FACTOR = 20;
/** After a failure, such as a full disk. */
const RETRY_MS = 10_000;
/** A timer takes no more than 24 days. */
const LONGEST_TIMER_MS = 3_600_000;

/** What it works with. */
export interface WebDenyParts {
  /** Folder of root's, which everybody may read. */
  readonly folder: string;
  /** Blocks in force, the oldest first; some may have ended. */
  blocks(): Iterable<StoredBlock>;
  /** Networks that are never denied: blocks that overlap them are left to the kernel, which knows exceptions. */
  allowed(): readonly IpNetwork[];
  /** Unix milliseconds. */
  now(): number;
  warn(message: string, fields: JsonObject): void;
}

/** Keeps the files; the owner disposes it. They stay, as the blocks do. */
export class WebDeny implements Disposable {
  readonly #parts: WebDenyParts;
  readonly #written = new Map<string, string>();
  /** Files of which it was said that not all fits. */
  readonly #told = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #dueMs = 0;
  #notBeforeMs = 0;
  #hasFailed = false;
  #isDisposed = false;

  constructor(parts: WebDenyParts) {
    this.#parts = parts;
  }

  /** Blocks have begun or ended: the files are written soon. */
  change(): void {
    this.#wakeIn(0);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #wakeIn(delayMs: number): void {
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs + Math.min(delayMs, LONGEST_TIMER_MS), this.#notBeforeMs);
    if (this.#isDisposed || (this.#timer !== null && this.#dueMs <= dueMs)) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.#write(), dueMs - nowMs).unref();
  }

  #write(): void {
    this.#timer = null;
    const startedMs = performance.now();
    let nextMs = RETRY_MS;
    try {
      prepareOwnFolder(this.#parts.folder, { mode: FOLDER_MODE, gid: process.getegid?.() ?? 0 });
      nextMs = this.#writeFiles();
      this.#hasFailed = false;
    } catch (error) {
      const { folder, warn } = this.#parts;
      if (!this.#hasFailed) warn("blocks not written for the web server", { folder, failure: errorText(error) });
      this.#hasFailed = true;
    }
    const tookMs = performance.now() - startedMs;
    this.#notBeforeMs = performance.now() + Math.max(SHORTEST_PAUSE_MS, tookMs * PAUSE_FACTOR);
    this.#wakeIn(nextMs);
  }

  /** @returns milliseconds until the first of the blocks ends */
  #writeFiles(): number {
    const nowUnixMs = this.#parts.now();
    const blocks = [...this.#parts.blocks()].filter((block) => isInForce(block, nowUnixMs) && holdsWeb(block));
    const networks = this.#networksOf(blocks);
    for (const { name, render, max } of FILES) {
      const file = render(networks.slice(0, max));
      this.#put(name, file.text);
      this.#tellLeftOut(name, file, Math.max(0, networks.length - max));
    }
    return blocks.reduce((least, { untilUnixMs }) => Math.min(least, (untilUnixMs ?? Infinity) - nowUnixMs), Infinity);
  }

  /** The newest first: they have room. */
  #networksOf(blocks: readonly StoredBlock[]): string[] {
    const allowed = this.#parts.allowed();
    const networks = new Set(blocks.toReversed().map(({ network }) => network));
    return [...networks].filter((text) => {
      const network = parseNetwork(text);
      return network !== null && !allowed.some((one) => overlaps(one, network));
    });
  }

  #put(name: string, text: string): void {
    if (this.#written.get(name) === text) return;
    putFile(join(this.#parts.folder, name), text);
    this.#written.set(name, text);
  }

  #tellLeftOut(name: string, { leftOut, lines }: DenyFile, tooMany: number): void {
    const count = leftOut.length + tooMany;
    if (count === 0 || this.#told.has(name)) return;
    this.#told.add(name);
    const why = leftOut[0]?.why ?? `there is room for ${lines} lines`;
    this.#parts.warn("blocks left out for the web server", { file: name, leftOut: count, lines, why });
  }
}

/**
 * Empties files that were written before it was switched off; those that are not there stay so.
 * @throws Error of node:fs
 */
export function emptyWebDeny(folder: string): void {
  for (const { name } of FILES) {
    const path = join(folder, name);
    try {
      if (readFileSync(path, "utf8") === DENY_HEAD) continue;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") continue;
      throw error;
    }
    putFile(path, DENY_HEAD);
  }
}

function putFile(path: string, text: string): void {
  replaceFile(path, text, { mode: FILE_MODE, gid: process.getegid?.() ?? 0 });
}

function isInForce({ untilUnixMs }: StoredBlock, nowUnixMs: number): boolean {
  return untilUnixMs === null || untilUnixMs > nowUnixMs;
}

/** Whether it holds what a web server listens on. */
function holdsWeb({ ports }: StoredBlock): boolean {
  return ports.length === 0 || ports.includes(80) || ports.includes(443);
}
