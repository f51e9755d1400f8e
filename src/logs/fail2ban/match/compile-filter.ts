/** A filter of fail2ban as a rule of the log engine. */

import { GarrisonError } from "#src/lib/errors.ts";
import { canonicalAddress } from "#src/lib/ip-network.ts";
import type { LineRule, LineView, LogHit } from "#src/logs/contract.ts";
import { DateDetector, type FoundDate } from "../date/date-detector.ts";
import { zoneMinutes } from "../date/zones.ts";
import { type Groups, isAscii } from "../regex/regex-pair.ts";
import type { FilterSpec, RegexSpec } from "../spec.ts";
import { ConnectionGate } from "./connection-gate.ts";
import { Connections, type Failure } from "./connections.ts";
import { FailureRegex } from "./failure-regex.ts";
import { filterLiterals } from "./filter-literals.ts";
import { isOfJournal, journalText } from "./journal-text.ts";
import { joinLines, takeLines } from "./line-buffer.ts";

/** Lines that are looked at together are cut at so many characters each. */
const MAX_BUFFERED = 8192;
const RECENT_MS = 60_000;

/** How a filter is compiled. */
export interface CompileFilterOptions {
  /**
   * For dates without a year.
   * @default Date.now
   */
  nowUnixMs?(): number;
}

/**
 * Makes a rule of a filter. It gives the hits that fail2ban would count, without looking up names.
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX with file and line for an expression that cannot be converted or names nothing that
 * failed; GARRISON_FAIL2BAN_CONFIG for a date pattern or time zone that is not known
 */
export function compileFilter(spec: FilterSpec, options: CompileFilterOptions = {}): LineRule {
  const compiled = new CompiledFilter(spec, options.nowUnixMs ?? Date.now);
  return spec.maxLines > 1 ? new SeveralLinesRule(compiled) : new OneLineRule(compiled);
}

/** A line without its date. */
interface CutLine {
  readonly text: string;
  readonly ascii: boolean;
  readonly date: FoundDate | null;
}

/** A line that a filter matched. */
interface Matched {
  readonly groups: Groups;
  readonly date: FoundDate | null;
}

/** What is the same for one line and for several. */
class CompiledFilter {
  readonly spec: FilterSpec;
  readonly name: string;
  readonly prefregex: FailureRegex | null;
  readonly failregex: readonly FailureRegex[];
  readonly ignoreregex: readonly FailureRegex[];
  readonly connections = new Connections();
  readonly gate = new ConnectionGate(this.connections);
  /** Ignored lines are sought first where that costs less than the failures. */
  readonly ignoresFirst: boolean;
  readonly #detector: DateDetector;
  readonly #decoder: TextDecoder;
  readonly #zone: number | null;
  readonly #now: () => number;
  #lastUnixMs: number | null = null;

  constructor(spec: FilterSpec, now: () => number) {
    const { useDns, maxLines } = spec;
    this.spec = spec;
    this.name = `fail2ban:${spec.service}`;
    this.prefregex = spec.prefregex === null ? null : new FailureRegex(spec.prefregex, { useDns });
    this.failregex = spec.failregex.map((one) => this.#failureRegex(one, maxLines > 1));
    this.ignoreregex = spec.ignoreregex.map((one) => new FailureRegex(one, { useDns }));
    this.ignoresFirst = this.ignoreregex.length > 0 && this.ignoreregex.length < this.failregex.length - 2;
    this.#detector = new DateDetector(spec.datePattern, now());
    this.#decoder = new TextDecoder(spec.encoding);
    this.#zone = spec.timeZone === null ? null : zoneOf(spec.timeZone);
    this.#now = now;
  }

  #failureRegex(spec: RegexSpec, multiLine: boolean): FailureRegex {
    const regex = new FailureRegex(spec, { useDns: this.spec.useDns, multiLine });
    if (regex.hasId || this.prefregex?.hasId) return regex;
    const place = spec.file === "" ? "" : `"${spec.file}" line ${spec.line}: `;
    throw new GarrisonError(
      "GARRISON_FAIL2BAN_REGEX",
      `Cannot use a regular expression of fail2ban: ${place}it names nothing that failed, <HOST> or another id is wanted`,
    );
  }

  /** Changes nothing. `null` for an entry of the journal that the filter does not ask for. */
  cut(line: LineView): CutLine | null {
    if (line.trusted !== null && !isOfJournal(this.spec.journalMatches, line)) return null;
    const bytes = line.trusted === null ? line.text.replace(/[\r\n]+$/, "") : journalText(line);
    const ascii = isAscii(bytes);
    const text = ascii ? bytes : this.#decoder.decode(Buffer.from(bytes, "latin1"));
    if (line.trusted !== null) return { text, ascii, date: null };
    const date = this.#detector.find(text, ascii);
    if (date === null) return { text, ascii, date };
    return { text: text.slice(0, date.match.cutStart) + text.slice(date.match.cutEnd), ascii, date };
  }

  isIgnored(text: string, ascii: boolean): boolean {
    return this.ignoreregex.some((regex) => regex.matches(text, ascii));
  }

  /** Counts what was matched, which may belong to what other lines of its connection said. */
  conclude({ groups, date }: Matched, line: LineView): readonly LogHit[] {
    const atUnixMs = this.noteTime(date, line);
    this.gate.noteConcluded(groups["mlfid"]);
    const failure = this.#merge(groups, atUnixMs ?? this.#now());
    if (failure.isNoFailure) return [];
    const id = idOf(failure.groups);
    if (id === null) {
      failure.isPending = true;
      return [];
    }
    const { user, fid, cidr } = failure.groups;
    const address = canonicalAddress(id);
    const detail = fid !== undefined && fid !== id ? fid : address === null ? id : null;
    const network = address !== null && cidr !== undefined && cidr !== "" ? `${address}/${cidr}` : detail;
    return [
      {
        rule: this.name,
        service: this.spec.service,
        outcome: user ? "failure" : "probe",
        atUnixMs,
        address,
        user: user || null,
        site: null,
        detail: network,
        weight: 1,
      },
    ];
  }

  #merge(groups: Groups, atUnixMs: number): Failure {
    const id = groups["mlfid"];
    if (id !== undefined) return this.connections.merge(id, groups, atUnixMs);
    return { groups, users: new Set(), isPending: false, isNoFailure: Boolean(groups["nofail"]) };
  }

  /** The time of a line; of one without a date that of the last line that had one, if that is new. */
  noteTime(date: FoundDate | null, line: LineView): number | null {
    const now = this.#now();
    if (date !== null) this.#detector.note(date, now);
    const hasText = date !== null && date.match.cutEnd > date.match.cutStart;
    const seconds = hasText ? date.template.read(date.match, this.#zone, now) : null;
    if (seconds !== null) this.#lastUnixMs = Math.round(seconds * 1000);
    else if (line.atUnixMs !== null) return line.atUnixMs;
    return this.#lastUnixMs !== null && (seconds !== null || this.#lastUnixMs > now - RECENT_MS)
      ? this.#lastUnixMs
      : null;
  }
}

/** Groups of a failregex behind those of the prefregex, which fill what it leaves open; the content is what the failregex was given. */
function joinGroups(before: Groups, own: Groups): Groups {
  const groups: Groups = {};
  for (const name in before) if (name !== "content") groups[name] = before[name];
  for (const name in own) if (own[name] !== undefined) groups[name] = own[name];
  return groups;
}

/** The address, else the host name, else the id of a failure. */
function idOf({ ip4, ip6, dns, fid }: Groups): string | null {
  return ip4 ?? ip6 ?? dns ?? fid ?? null;
}

function zoneOf(text: string): number {
  const minutes = zoneMinutes(text);
  if (minutes !== null) return minutes;
  throw new GarrisonError(
    "GARRISON_FAIL2BAN_CONFIG",
    `Cannot read the time zone "${text.slice(0, 40)}": "UTC+0100" or the like is wanted`,
  );
}

/** A line that can only end a connection: what it says is found out where the connection is known. */
const MAY_END = Symbol("may end a connection");

class OneLineRule implements LineRule {
  readonly name: string;
  readonly literals: readonly string[] | null;
  readonly #filter: CompiledFilter;
  /** Finds the texts of lines that can be more than the end of a connection. */
  readonly #failures: RegExp | null;
  /** Texts of lines that can be nothing else, unless they hold another text too. */
  readonly #ends: ReadonlySet<string>;
  /** Whether the id of a connection stands in front of all that failregexes, and so the texts, are looked for in. */
  readonly #hasIdBefore: boolean;

  constructor(filter: CompiledFilter) {
    this.#filter = filter;
    this.name = filter.name;
    const { all, failures } = filterLiterals(filter.prefregex, filter.failregex, (regex) =>
      endsConnection(filter, regex),
    );
    this.literals = all;
    const hasEnds = failures !== null && failures.length < (all?.length ?? 0);
    this.#ends = new Set(hasEnds ? all?.filter((text) => !failures.includes(text)) : []);
    this.#hasIdBefore = hasIdBefore(filter);
    this.#failures = hasEnds ? new RegExp(failures.map((text) => RegExp.escape(text)).join("|"), "i") : null;
  }

  wants(bytes: Uint8Array, start: number, end: number, literal: string, at: number): boolean {
    if (this.#ends.size === 0) return true;
    const isEnd = this.#ends.has(literal);
    return this.#filter.gate.wants(bytes, start, isEnd && this.#hasIdBefore ? at : end, isEnd);
  }

  search(line: LineView): typeof MAY_END | Matched | null {
    if (this.#failures !== null && !this.#failures.test(line.text)) return MAY_END;
    return this.#match(line);
  }

  conclude(found: NonNullable<unknown>, line: LineView): readonly LogHit[] {
    if (found !== MAY_END) return this.#filter.conclude(found as Matched, line);
    if (!this.#filter.connections.mayConcern(line.trusted === null ? line.text : journalText(line))) return [];
    const matched = this.#match(line);
    return matched === null ? [] : this.#filter.conclude(matched, line);
  }

  #match(line: LineView): Matched | null {
    const filter = this.#filter;
    const cut = filter.cut(line);
    if (cut === null) return null;
    const { ascii, date } = cut;
    let text = `${cut.text}\n`;
    if (filter.ignoresFirst && filter.isIgnored(text, ascii)) return null;
    let before: Groups | null = null;
    if (filter.prefregex !== null) {
      const match = filter.prefregex.search(text, ascii);
      if (match === null) return null;
      before = match.groups;
      const { content } = before;
      if (content) text = `${content}\n`;
    }
    for (const regex of filter.failregex) {
      const match = regex.search(text, ascii);
      if (match === null) continue;
      if (filter.isIgnored(text, ascii)) return null;
      return { groups: before === null ? match.groups : joinGroups(before, match.groups), date };
    }
    return null;
  }
}

/** Whether a match says for certain that nothing failed, and that its connection is over. */
function endsConnection(filter: CompiledFilter, { converted }: FailureRegex): boolean {
  const { certain, filled } = converted;
  const hasId = certain.has("mlfid") || (filter.prefregex?.converted.certain.has("mlfid") ?? false);
  return hasId && filled.has("mlfforget") && (filled.has("nofail") || filled.has("mlfgained"));
}

/** As written, because the groups of a tree do not say what stands behind what. A date that is cut out only makes the id shorter. */
function hasIdBefore({ spec, failregex }: CompiledFilter): boolean {
  const pattern = spec.prefregex?.pattern ?? "";
  const end = pattern.indexOf("</F-MLFID>");
  const isOnce = pattern.indexOf("<F-MLFID>") === pattern.lastIndexOf("<F-MLFID>");
  return (
    end !== -1 && isOnce && end < pattern.indexOf("<F-CONTENT>") && !failregex.some((one) => one.hasGroup("mlfid"))
  );
}

/** A line together with those before it. */
interface Examined {
  readonly groups: Groups | null;
  readonly date: FoundDate | null;
  /** What is left for the next line. */
  readonly lines: readonly string[];
}

/** Each line is kept until others push it out: none can be passed over, and they are matched one after the other. */
class SeveralLinesRule implements LineRule {
  readonly name: string;
  readonly literals = null;
  readonly #filter: CompiledFilter;
  #lines: readonly string[] = [];

  constructor(filter: CompiledFilter) {
    this.#filter = filter;
    this.name = filter.name;
  }

  search(line: LineView): CutLine | null {
    return this.#filter.cut(line);
  }

  examine(found: NonNullable<unknown>, before: unknown): Examined {
    const { text, date } = found as CutLine;
    const known = (before as Examined | undefined)?.lines ?? this.#lines;
    const lines = [...known, text.slice(0, MAX_BUFFERED)].slice(-this.#filter.spec.maxLines);
    return { date, ...this.#match(lines) };
  }

  conclude(found: NonNullable<unknown>, line: LineView): readonly LogHit[] {
    const { groups, date, lines } = found as Examined;
    this.#lines = lines;
    if (groups !== null) return this.#filter.conclude({ groups, date }, line);
    this.#filter.noteTime(date, line);
    return [];
  }

  #match(lines: readonly string[]): Pick<Examined, "groups" | "lines"> {
    const filter = this.#filter;
    let text = joinLines(lines);
    const ascii = isAscii(text);
    if (filter.ignoresFirst && filter.isIgnored(text, ascii)) return { groups: null, lines };
    let before: Groups = {};
    if (filter.prefregex !== null) {
      const match = filter.prefregex.search(text, ascii);
      if (match === null) return { groups: null, lines };
      before = match.groups;
      const { content } = before;
      if (content) text = joinLines([content]);
    }
    for (const regex of filter.failregex) {
      const taken = takeLines(regex, text, ascii, lines);
      if (taken === null) continue;
      const isIgnored = filter.isIgnored(joinLines(taken.matched), ascii);
      return { groups: isIgnored ? null : joinGroups(before, taken.match.groups), lines: taken.unmatched };
    }
    return { groups: null, lines };
  }
}
