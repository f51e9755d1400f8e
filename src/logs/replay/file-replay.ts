/** One log of a replay: finds out what it is by its first lines, then matches all of it. */
import type { LogFormat, PlacedHit } from "../contract.ts";
import { LineCutter } from "../match/line-cutter.ts";
import type { SourceMatcher } from "../match/source-matcher.ts";

/** What must be there before the format is guessed, unless the file is shorter. */
const SAMPLE_BYTES = 32_768;

/** What a file is matched with. */
export interface FileReplayHandlers {
  formatOf(sample: string): LogFormat;
  matcherOf(format: LogFormat): SourceMatcher;
  onHit(hit: PlacedHit): void;
}

/** Takes the chunks of one file. */
export class FileReplay {
  readonly #name: string;
  readonly #handlers: FileReplayHandlers;
  readonly #cutter = new LineCutter();
  /** Chunks until the format is known. */
  #sample: Buffer[] = [];
  #sampleBytes = 0;
  #matcher: SourceMatcher | null = null;
  #tooLongBefore = 0;
  format: LogFormat = "plain";
  /** Whole lines so far. */
  lines = 0;
  /** Unzipped. */
  bytes = 0;

  constructor(name: string, handlers: FileReplayHandlers) {
    this.#name = name;
    this.#handlers = handlers;
  }

  /** Lines of which only the first 64 KiB were looked at. */
  get tooLong(): number {
    return (this.#matcher?.stats().tooLong ?? 0) - this.#tooLongBefore;
  }

  /** @param chunk may be used for something else as soon as this has returned */
  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#matcher !== null) return this.#cutter.push(chunk, this.#match);
    if (this.#sample.length === 0 && chunk.length >= SAMPLE_BYTES) return this.#begin([chunk]);
    this.#sample.push(Buffer.from(chunk));
    this.#sampleBytes += chunk.length;
    if (this.#sampleBytes >= SAMPLE_BYTES) this.#begin(this.#sample);
  }

  /**
   * The file is at its end, or cannot be read any further: then a line without its end is no line, as what is missing may be half of
   * an address.
   */
  end(isWhole: boolean): void {
    if (this.#matcher === null) this.#begin(this.#sample);
    if (isWhole) this.#cutter.end(this.#match);
  }

  #begin(chunks: readonly Buffer[]): void {
    this.format = this.#handlers.formatOf(Buffer.concat(chunks).toString("latin1", 0, SAMPLE_BYTES));
    this.#matcher = this.#handlers.matcherOf(this.format);
    this.#tooLongBefore = this.#matcher.stats().tooLong;
    for (const chunk of chunks) this.#cutter.push(chunk, this.#match);
    this.#sample = [];
  }

  readonly #match = (bytes: Buffer, offset: number): void => {
    const matcher = this.#matcher;
    if (matcher === null) return;
    const before = matcher.lines;
    for (const hit of matcher.match(bytes, { file: this.#name, offset, line: this.lines + 1 }))
      this.#handlers.onHit(hit);
    this.lines += matcher.lines - before;
  };
}
