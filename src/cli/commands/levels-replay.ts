import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import { isCsvHeader, MAX_ROW_LENGTH, parseCsvRow } from "#src/cli/levels-csv.ts";
import { LevelsReport } from "#src/cli/levels-report.ts";
import { openInput } from "#src/cli/open-input.ts";
import { cleanText } from "#src/lib/clean-text.ts";
import { LineCutter } from "#src/logs/match/line-cutter.ts";
import { readLog } from "#src/logs/replay/read-log.ts";
import { LevelDetector } from "#src/ordinary/levels/detector.ts";

const NEWLINE = 10;

/**
 * `garrison levels replay FILE`, also without a running garrison: each value is judged by those before it, with the settings that every
 * series has. Exit code 1 when there are alerts, 3 when not all could be read: what could be read is judged all the same.
 */
export async function replayLevels({ output }: Context, _: unknown, name: string): Promise<void> {
  const file = openInput(name);
  if (typeof file === "string") throw new Exit(EXIT.couldNot, file);
  const report = new LevelsReport(name, output);
  const replay = new Replay(report);
  const cutter = new LineCutter();
  const take = (bytes: Buffer): void => replay.takeLines(bytes);
  const problem = await readLog(
    { fd: file.fd, isRegular: file.sizeBytes !== null },
    { take: (chunk) => cutter.push(chunk, take), onProgress: () => undefined },
  );
  cutter.end(take);
  report.end();
  if (problem !== null)
    throw new Exit(EXIT.couldNot, `Cannot read "${cleanText(name)}" to its end: ${cleanText(problem)}`);
  if (report.hasFaults) throw new Exit(EXIT.couldNot);
  if (replay.values === 0)
    throw new Exit(
      EXIT.couldNot,
      `Cannot judge "${cleanText(name)}": it has no values, rows "timestamp,value" are wanted`,
    );
  if (report.hasAlerts) throw new Exit(EXIT.found);
}

/** Lines to readings. */
class Replay {
  readonly #report: LevelsReport;
  readonly #detector: LevelDetector;
  #line = 0;
  #offsetMs = 0;

  constructor(report: LevelsReport) {
    this.#report = report;
    this.#detector = new LevelDetector({ localOffsetMs: () => this.#offsetMs });
  }

  get values(): number {
    return this.#detector.values;
  }

  /** @param bytes whole lines */
  takeLines(bytes: Buffer): void {
    for (let start = 0; start < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      // A byte more than is allowed, so that a longer row is seen to be one.
      this.#take(bytes.toString("utf8", start, Math.min(end, start + 4 * MAX_ROW_LENGTH + 1)));
      start = end + 1;
    }
  }

  #take(text: string): void {
    this.#line++;
    if (this.#line === 1 && isCsvHeader(text)) return;
    const row = parseCsvRow(text);
    switch (row.type) {
      case "value":
        this.#offsetMs = row.offsetMs;
        this.#report.take(row, this.#detector.add(row.atUnixMs, row.value));
        break;
      case "missing":
        this.#report.miss();
        break;
      case "bad":
        this.#report.fault(this.#line, row.reason);
        break;
      case "empty":
    }
  }
}
