/**
 * Finds the date of a line. Lines of one file mostly have one form of date, at one place: it is tried first, and forms that were met
 * more often move ahead. Looking changes nothing; what was found is noted in a second step.
 */
import { type DateMatch, DateTemplate } from "./date-template.ts";
import { defaultTemplates, templatesWithin } from "./default-templates.ts";

const NEVER = 0x7fffffff;
const UNUSED_MS = 300_000;
const MAX_TEMPLATES = 200;

/** A date in a line, and the template that found it. */
export interface FoundDate {
  readonly match: DateMatch;
  readonly template: DateTemplate;
  /** Texts right before and behind, and first and last of the match: the next line's are compared with them. */
  readonly around: Around;
  readonly index: number;
}

interface Around {
  readonly before: string;
  readonly first: string;
  readonly last: string;
  readonly behind: string;
}

interface Slot {
  readonly template: DateTemplate;
  hits: number;
  lastUsedMs: number;
  distance: number;
}

/** Templates in the order in which they are tried. */
export class DateDetector {
  readonly #slots: Slot[];
  #lastIndex = NEVER;
  #lastStart = 1;
  #lastEnd = NEVER;
  #around: Around | null = null;
  #firstUnused = 0;

  /**
   * @param pattern lines of `datepattern`; `null`: the default templates
   * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG or GARRISON_FAIL2BAN_REGEX when a pattern cannot be read or converted
   */
  constructor(pattern: string | null, nowMs: number) {
    const lines = (pattern ?? "").split("\n").map((line) => line.trim());
    const templates = lines.filter((line) => line !== "").flatMap((line) => templatesOf(line, nowMs));
    const byName = new Map<string, DateTemplate>();
    for (const template of templates.length === 0 ? defaultTemplates(nowMs) : templates) {
      if (!byName.has(template.name)) byName.set(template.name, template);
    }
    this.#slots = [...byName.values()]
      .slice(0, MAX_TEMPLATES)
      .map((template) => ({ template, hits: 0, lastUsedMs: 0, distance: NEVER }));
  }

  /** The date of a line; `null`: there is none. @param ascii whether the line has nothing above U+007F */
  find(line: string, ascii: boolean): FoundDate | null {
    const last = this.#slots[this.#lastIndex];
    if (last === undefined) return this.#search(line, ascii, -1, null);
    const { template } = last;
    const isInPlace = !template.isBound && this.#hasSameSurroundings(line);
    const match = isInPlace
      ? template.match(line.slice(0, this.#lastEnd), ascii, this.#lastStart)
      : template.match(line, ascii);
    const tried = isInPlace ? -1 : this.#lastIndex;
    if (match === null) return this.#search(line, ascii, tried, null);
    const isSame = match.start === this.#lastStart && match.end === this.#lastEnd;
    const found = this.#found(line, match, this.#lastIndex);
    return this.#slots.length === 1 || template.isBound || isSame ? found : this.#search(line, ascii, tried, found);
  }

  #hasSameSurroundings(line: string): boolean {
    const around = this.#around;
    if (around === null) return false;
    const start = this.#lastStart;
    const end = this.#lastEnd;
    const left =
      before(line, start) === around.before || (line.charAt(start) === around.first && !isWordLike(around.first));
    const right =
      line.charAt(end) === around.behind || (line.charAt(end - 1) === around.last && !isWordLike(around.last));
    return left && right;
  }

  #search(line: string, ascii: boolean, tried: number, reserve: FoundDate | null): FoundDate | null {
    let best = reserve;
    for (const [index, { template, hits, distance }] of this.#slots.entries()) {
      if (index === tried) continue;
      const match = template.match(line, ascii);
      if (match === null) continue;
      const found = this.#found(line, match, index);
      const next = this.#slots[index + 1];
      if (next === undefined || template.isBound) return found;
      if (match.start === 0 && hits > 0 && next.hits === 0) return found;
      // A date farther behind than the last one may belong to the message: others are tried before it is taken.
      if (match.start <= distance && match.start <= this.#lastStart) return found;
      if (match.start < (best?.match.start ?? NEVER)) best = found;
    }
    return best;
  }

  #found(line: string, match: DateMatch, index: number): FoundDate {
    const around = {
      before: before(line, match.start),
      first: line.charAt(match.start),
      last: line.charAt(match.end - 1),
      behind: line.charAt(match.end),
    };
    return { match, template: (this.#slots[index] as Slot).template, around, index };
  }

  /** Notes what `find` found last, before it is called again. */
  note({ match, template, around, index }: FoundDate, nowMs: number): void {
    const at =
      this.#slots[index]?.template === template ? index : this.#slots.findIndex((one) => one.template === template);
    const slot = this.#slots[at];
    if (slot === undefined) return;
    slot.hits++;
    slot.lastUsedMs = nowMs;
    slot.distance = match.start;
    if (this.#firstUnused === at) this.#firstUnused++;
    this.#lastStart = match.start;
    this.#lastEnd = match.end;
    this.#around = around;
    this.#lastIndex = at > 0 && at !== this.#lastIndex ? this.#moveAhead(slot, at) : at;
  }

  #moveAhead(slot: Slot, from: number): number {
    const far = this.#firstUnused < from ? this.#firstUnused : from >> 1;
    const to = [far, from - 1].find((index) => mayReplace(slot, this.#slots[index] as Slot));
    if (to === undefined) return from;
    this.#slots.splice(from, 1);
    this.#slots.splice(to, 0, slot);
    while ((this.#slots[this.#firstUnused]?.hits ?? 0) > 0) this.#firstUnused++;
    return to;
  }
}

function mayReplace(slot: Slot, other: Slot): boolean {
  return weightOf(slot) > weightOf(other) || slot.lastUsedMs - UNUSED_MS > other.lastUsedMs;
}

function weightOf({ template, hits, distance }: Slot): number {
  return (hits * template.weight) / Math.max(1, distance);
}

/** The character before an offset; of the start of a line there is none. */
function before(line: string, offset: number): string {
  return offset === 0 ? "" : line.charAt(offset - 1);
}

function isWordLike(character: string): boolean {
  return /[\p{L}\p{N}]/u.test(character);
}

function templatesOf(pattern: string, nowMs: number): DateTemplate[] {
  const key = pattern.includes("%") ? pattern : pattern.toUpperCase();
  if (key === "{DEFAULT}") return defaultTemplates(nowMs);
  if (key === "{^LN-BEG}") return defaultTemplates(nowMs).filter(({ isLineBegin }) => isLineBegin);
  const templates = key.includes("{DATE}")
    ? templatesWithin(pattern, nowMs)
    : [DateTemplate.of(key === "{NONE}" ? "{UNB}^" : pattern, nowMs)];
  // What an admin wrote is tried now, so that he hears of it.
  for (const template of templates) template.prepare();
  return templates;
}
