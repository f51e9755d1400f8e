/** What a replay of levels prints: rows as JSON, or alerts in words and a summary. */
import { sparkline } from "#src/lib/sparkline.ts";
import type { LevelReading } from "#src/ordinary/levels/detector.ts";
import { formatLevel, levelWords } from "#src/ordinary/levels/words.ts";
import type { CsvRow } from "./levels-csv.ts";
import type { Output } from "./output.ts";

const BATCH_ROWS = 500;
/** Faulty rows that are told one by one; the others are counted. */
const SHOWN_FAULTS = 10;
const WIDTH = 72;

type ValueRow = Extract<CsvRow, { type: "value" }>;

/** Prints as rows come; {@link LevelsReport.end} prints the rest. */
export class LevelsReport {
  readonly #output: Output;
  readonly #name: string;
  readonly #batch: object[] = [];
  readonly #shape = new Shape(WIDTH);
  readonly #counts = { rows: 0, missing: 0, faults: 0, alerts: 0, learning: 0 };

  constructor(name: string, output: Output) {
    this.#name = name;
    this.#output = output;
  }

  get hasAlerts(): boolean {
    return this.#counts.alerts > 0;
  }

  /** Whether a row could not be read. */
  get hasFaults(): boolean {
    return this.#counts.faults > 0;
  }

  take(row: ValueRow, reading: LevelReading): void {
    this.#counts.rows++;
    if (reading.isAlert) this.#counts.alerts++;
    if (reading.isLearning) this.#counts.learning++;
    if (!this.#output.isJson) {
      this.#shape.add(row.value);
      if (reading.isAlert) this.#printAlert(row, reading);
      return;
    }
    const { score, isAlert, expectedLow, expectedHigh } = reading;
    this.#batch.push({ timestamp: row.timestamp, value: row.value, score, alert: isAlert, expectedLow, expectedHigh });
    if (this.#batch.length >= BATCH_ROWS) this.#flush();
  }

  miss(): void {
    this.#counts.missing++;
  }

  fault(line: number, reason: string): void {
    if (++this.#counts.faults > SHOWN_FAULTS) return;
    process.stderr.write(`garrison: Cannot read line ${line} of "${this.#output.clean(this.#name)}": ${reason}\n`);
  }

  end(): void {
    this.#flush();
    const { faults, rows, alerts, missing, learning } = this.#counts;
    if (faults > SHOWN_FAULTS)
      process.stderr.write(`garrison: Cannot read ${faults - SHOWN_FAULTS} more lines: they were left out\n`);
    const output = this.#output;
    if (output.isJson) return;
    if (alerts > 0) output.line();
    if (rows > 0) output.line(`${this.#shape.draw()}  at most ${formatLevel(this.#shape.most)}`);
    const parts = [
      `${rows.toLocaleString("en")} values`,
      `${learning.toLocaleString("en")} of them to learn`,
      `${alerts.toLocaleString("en")} ${alerts === 1 ? "alert" : "alerts"}`,
      ...(missing > 0 ? [`${missing.toLocaleString("en")} missing`] : []),
      ...(faults > 0 ? [`${faults.toLocaleString("en")} lines could not be read`] : []),
    ];
    output.line(output.style("bold", parts.join(", ")));
  }

  #printAlert({ timestamp, atUnixMs, offsetMs, value }: ValueRow, reading: LevelReading): void {
    const output = this.#output;
    const moment = { value, localUnixMs: atUnixMs + offsetMs };
    const { observed, ordinary, why } = levelWords(reading, moment, { owner: "it" });
    const score = output.style(reading.score > 0.9 ? "red" : "yellow", reading.score.toFixed(2));
    output.line(`${output.clean(timestamp, 40)}  ${score}  ${observed}; ${ordinary}${why === "" ? "" : `: ${why}`}`);
  }

  #flush(): void {
    if (this.#batch.length > 0) this.#output.jsonLines(this.#batch.splice(0));
  }
}

/** The picture of a series whose length is not known before: peaks of ever longer parts. */
class Shape {
  readonly #width: number;
  #peaks: number[] = [];
  #perPeak = 1;
  #inLast = 0;

  constructor(width: number) {
    this.#width = width;
  }

  get most(): number {
    return this.#peaks.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  }

  add(value: number): void {
    if (this.#inLast === 0) this.#peaks.push(value);
    else this.#peaks.push(Math.max(this.#peaks.pop() ?? value, value));
    this.#inLast = (this.#inLast + 1) % this.#perPeak;
    if (this.#peaks.length < 2 * this.#width || this.#inLast > 0) return;
    this.#peaks = Array.from({ length: this.#width }, (_, index) =>
      Math.max(this.#peaks[2 * index] ?? 0, this.#peaks[2 * index + 1] ?? 0),
    );
    this.#perPeak *= 2;
  }

  draw(): string {
    return sparkline(this.#peaks, { width: this.#width });
  }
}
