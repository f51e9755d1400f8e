/**
 * The child that reads recorded logs for `garrison logs replay`: without privileges, because a log is what attackers wrote. Tells each
 * offending line, and what would have been blocked. Time is that of the lines.
 */
import { errorText } from "#src/lib/errors.ts";
import type { Child } from "#src/processes/child.ts";
import { tellFrame } from "#src/processes/tell-frame.ts";
import type { LogFormat, PlacedHit } from "../contract.ts";
import { SourceMatcher } from "../match/source-matcher.ts";
import { FileReplay } from "./file-replay.ts";
import { loadRules, type RuleChoice, UnknownName } from "./load-rules.ts";
import { cutReason, cutUser, type HitTuple, MAX_FRAME_HITS, type ReplayEnd, type ReplayMessage } from "./messages.ts";
import { readLog } from "./read-log.ts";
import type { ReplayFile, ReplaySettings } from "./settings.ts";
import { Verdicts } from "./verdicts.ts";

/** Runs to the end of the last file; messages go to the descriptor. */
export async function runReplay({ settings, listenFd: fd }: Child<ReplaySettings>): Promise<void> {
  const send = (message: ReplayMessage): void => tellFrame(fd, message);
  try {
    const clock = { nowUnixMs: settings.files[0]?.changedUnixMs ?? Date.now() };
    const choice = await loadRules(settings, () => clock.nowUnixMs);
    const replay = new Replay(settings, { choice, clock, send });
    for (const [index, file] of settings.files.entries()) await replay.read(index, file);
    replay.end();
  } catch (error) {
    send({ t: "refused", reason: cutReason(errorText(error)), isUse: error instanceof UnknownName });
  }
  process.exit(0);
}

interface ReplayParts {
  readonly choice: RuleChoice;
  /** When the file that is read was written last: for times without a year. */
  readonly clock: { nowUnixMs: number };
  readonly send: (message: ReplayMessage) => void;
}

/** One replay of several files. */
class Replay {
  readonly #choice: RuleChoice;
  readonly #clock: { nowUnixMs: number };
  readonly #send: (message: ReplayMessage) => void;
  readonly #verdicts: Verdicts;
  /** One for all files of a format: to prepare a search costs as much as a short file. Of ModSecurity one a file, whose state it keeps. */
  readonly #matchers = new Map<string, SourceMatcher>();
  readonly #hits: HitTuple[] = [];
  readonly #totals = { lines: 0, bytes: 0, hits: 0 };
  #fileHits = 0;

  constructor(settings: ReplaySettings, { choice, clock, send }: ReplayParts) {
    this.#choice = choice;
    this.#clock = clock;
    this.#send = send;
    this.#verdicts = new Verdicts(settings, send);
  }

  async read(index: number, file: ReplayFile): Promise<void> {
    this.#clock.nowUnixMs = file.changedUnixMs;
    this.#fileHits = 0;
    const reading = new FileReplay(file.name, {
      formatOf: this.#choice.formatOf,
      matcherOf: (format) => this.#matcherOf(format, index),
      onHit: (hit) => this.#onHit(index, hit),
    });
    const problem = await readLog(
      { fd: file.fd, isRegular: file.sizeBytes !== null },
      {
        take: (chunk) => reading.take(chunk),
        onProgress: (bytes) => this.#send({ t: "progress", file: index, bytes, lines: reading.lines }),
      },
    );
    reading.end(problem === null);
    this.#flush();
    const { format, lines, bytes, tooLong } = reading;
    this.#totals.lines += lines;
    this.#totals.bytes += bytes;
    this.#totals.hits += this.#fileHits;
    const cut = problem === null ? null : cutReason(problem);
    this.#send({ t: "file", file: index, format, lines, bytes, tooLong, hits: this.#fileHits, problem: cut });
  }

  end(): void {
    const rules = [...this.#matchers.values()].flatMap((matcher) => matcher.stats().rules);
    const used = Map.groupBy(
      rules.filter(({ searches }) => searches > 0),
      ({ name }) => name,
    );
    this.#send({ t: "end", ...this.#totals, ...this.#verdicts.summary, rules: [...used.values()].map(added) });
  }

  #matcherOf(format: LogFormat, file: number): SourceMatcher {
    const key = format === "modsecurity" ? `${format} ${file}` : format;
    const known = this.#matchers.get(key);
    if (known !== undefined) return known;
    const { source, rules } = this.#choice.rulesOf(format);
    const matcher = new SourceMatcher(source, rules, {
      onDisabled: (rule, reason) => this.#send({ t: "disabled", rule, reason: cutReason(reason) }),
      nowUnixMs: () => this.#clock.nowUnixMs,
    });
    this.#matchers.set(key, matcher);
    return matcher;
  }

  #onHit(file: number, hit: PlacedHit): void {
    this.#verdicts.take(hit, this.#clock.nowUnixMs);
    if (hit.outcome === "success" || hit.outcome === "count") return;
    this.#fileHits++;
    this.#hits.push([
      file,
      hit.place.line ?? 0,
      hit.place.offset,
      hit.atUnixMs,
      hit.rule,
      hit.address,
      cutUser(hit.user),
    ]);
    if (this.#hits.length >= MAX_FRAME_HITS) this.#flush();
  }

  #flush(): void {
    if (this.#hits.length > 0) this.#send({ t: "hits", hits: this.#hits.splice(0) });
  }
}

type UsedRule = ReplayEnd["rules"][number];

/** One rule in several matchers. */
function added(all: readonly UsedRule[]): UsedRule {
  return all.reduce((sum, { hits, searches, cpuMicros, isDisabled }) => ({
    name: sum.name,
    hits: sum.hits + hits,
    searches: sum.searches + searches,
    cpuMicros: sum.cpuMicros + cpuMicros,
    isDisabled: sum.isDisabled || isDisabled,
  }));
}
