/** Ordinary records: how a thing looks. Pure. */
import type { JsonObject } from "#src/model/json.ts";

/** What is remembered of one thing. `null`: it is not there. */
export interface RecordState {
  /** How it looks when all is as it should be. */
  readonly ordinary: JsonObject | null;
  /** How it looked last. */
  readonly seen: JsonObject | null;
  readonly firstAtUnixMs: number;
  readonly lastAtUnixMs: number;
}

/** What a look means. */
export interface RecordOutcome {
  /** What to remember; `null`: forget it. */
  readonly next: RecordState | null;
  readonly change: "created" | "deleted" | "changed" | null;
  /** Names of the compared fields that differ from the last look. */
  readonly fields: readonly string[];
  /** The thing looks as it ordinarily does again. */
  readonly isBack: boolean;
}

/** What is known when a thing is looked at. */
export interface RecordMoment {
  /** Whether its group has been listed once: before that, what is found is the baseline. */
  readonly isListed: boolean;
  readonly atUnixMs: number;
  /** Fields that are kept but not compared. */
  readonly informative: readonly string[];
}

const NOTHING = { change: null, fields: [], isBack: false } as const;

/** Compares a look with what was seen last and with what is ordinary. */
export function lookAtRecord(known: RecordState | null, look: JsonObject | null, moment: RecordMoment): RecordOutcome {
  if (known === null) return firstLook(look, moment);
  const { atUnixMs, informative } = moment;
  const next: RecordState = { ...known, seen: look, lastAtUnixMs: atUnixMs };
  const isAsSeen = isSameLook(known.seen, look, informative);
  if (isSameLook(known.ordinary, look, informative)) {
    // What a text or a time has become is kept, so that the next difference is told against it.
    const kept = look === null ? null : { ...next, ordinary: look };
    return { ...NOTHING, next: kept, isBack: !isAsSeen };
  }
  if (isAsSeen) return { ...NOTHING, next };
  const change = known.seen === null ? "created" : look === null ? "deleted" : "changed";
  return { next, change, fields: differingFields(known.seen, look, informative), isBack: false };
}

/** Whether a thing looks as it ordinarily does. */
export function isOrdinaryRecord({ ordinary, seen }: RecordState, informative: readonly string[]): boolean {
  return isSameLook(ordinary, seen, informative);
}

/** Whether two looks do not differ in what is compared. */
export function isSameLook(one: JsonObject | null, other: JsonObject | null, informative: readonly string[]): boolean {
  if (one === null || other === null) return one === other;
  return differingFields(one, other, informative).length === 0;
}

/** How the thing looks now is ordinary from now on. `null`: it is ordinarily not there, and forgotten. */
export function acceptRecord(known: RecordState): RecordState | null {
  return known.seen === null ? null : { ...known, ordinary: known.seen };
}

/** The end of an acceptance: what was ordinary before it is ordinary again. `null`: there is nothing to remember. */
export function unacceptRecord(known: RecordState, before: JsonObject | null): RecordState | null {
  return known.seen === null && before === null ? null : { ...known, ordinary: before };
}

/** Names of the fields that differ, without those that are only kept. A field that is missing differs from any value. */
export function differingFields(
  before: JsonObject | null,
  now: JsonObject | null,
  informative: readonly string[],
): string[] {
  if (before === null || now === null) return [];
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names]
    .filter((name) => !informative.includes(name) && canonical(before[name]) !== canonical(now[name]))
    .sort();
}

function firstLook(look: JsonObject | null, { isListed, atUnixMs }: RecordMoment): RecordOutcome {
  if (look === null) return { ...NOTHING, next: null };
  const times = { firstAtUnixMs: atUnixMs, lastAtUnixMs: atUnixMs };
  if (!isListed) return { ...NOTHING, next: { ordinary: look, seen: look, ...times } };
  return { ...NOTHING, next: { ordinary: null, seen: look, ...times }, change: "created" };
}

/** JSON text that does not depend on the order of keys. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, item: unknown) =>
      typeof item === "object" && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
        : item,
    ) ?? ""
  );
}
