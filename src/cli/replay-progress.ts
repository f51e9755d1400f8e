/** How far a replay is. */
import { basename } from "node:path";
import { cleanText } from "#src/lib/clean-text.ts";
import type { ReplayFile } from "#src/logs/replay/settings.ts";
import { ProgressLine } from "./progress-line.ts";

/** Which file, and how much of all of them. */
export class ReplayProgress {
  readonly #files: readonly ReplayFile[];
  readonly #totalBytes: number;
  /** Bytes of all files before each. */
  readonly #before: readonly number[];
  readonly #line = new ProgressLine();

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
    this.#line.show(() => {
      const one = this.#files[file];
      const done = (this.#before[file] ?? 0) + bytes;
      const part = one?.sizeBytes === null ? "" : `${Math.min(100, Math.floor((100 * done) / this.#totalBytes))} %  `;
      return `${part}${cleanText(basename(one?.name ?? ""), 40)}  ${lines.toLocaleString("en")} lines`;
    });
  }

  /** Before anything else is written. */
  clear(): void {
    this.#line.clear();
  }
}
