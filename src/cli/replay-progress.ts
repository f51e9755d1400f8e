/** How far a replay is: one line on a terminal, from the first second on. */
import { basename } from "node:path";
import { cleanText } from "#src/lib/clean-text.ts";
import type { ReplayFile } from "#src/logs/replay/settings.ts";

const QUIET_MS = 1000;
const EVERY_MS = 200;

/** Shows itself on standard error when that is a terminal. */
export class ReplayProgress {
  readonly #files: readonly ReplayFile[];
  readonly #totalBytes: number;
  /** Bytes of all files before each. */
  readonly #before: readonly number[];
  #nextMs = performance.now() + QUIET_MS;
  #isShown = false;

  constructor(files: readonly ReplayFile[]) {
    let bytes = 0;
    this.#files = files;
    this.#before = files.map(({ sizeBytes }) => {
      bytes += sizeBytes ?? 0;
      return bytes - (sizeBytes ?? 0);
    });
    this.#totalBytes = bytes;
  }

  show({ file, bytes, lines }: { file: number; bytes: number; lines: number }): void {
    if (process.stderr.isTTY !== true || performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + EVERY_MS;
    this.#isShown = true;
    const one = this.#files[file];
    const done = (this.#before[file] ?? 0) + bytes;
    const part = one?.sizeBytes === null ? "" : `${Math.min(100, Math.floor((100 * done) / this.#totalBytes))} %  `;
    const name = cleanText(basename(one?.name ?? ""), 40);
    process.stderr.write(`\r\x1b[K${part}${name}  ${lines.toLocaleString("en")} lines`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.#isShown) process.stderr.write("\r\x1b[K");
    this.#isShown = false;
  }
}
