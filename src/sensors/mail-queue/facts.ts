/** What the mind knows of mail queues: what their levels are called and counted in, and how to say that one is out of the ordinary. */
import type { SensorFacts, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Level } from "#src/model/observation.ts";
import type { Severity } from "#src/model/severity.ts";
import { readSample, type Sample, sampleEvidence } from "./sample.ts";

const PROGRAMS = { exim: "Exim", postfix: "Postfix" } as const;
/** What each series counts, and whether more of it than is ordinary is an alert. */
const COUNTED = {
  size: { unit: "messages", what: "wait in the queue", tells: true },
  deferred: { unit: "messages", what: "are deferred in the queue", tells: true },
  hold: { unit: "messages", what: "are on hold in the queue", tells: true },
  frozen: { unit: "messages", what: "are frozen in the queue", tells: true },
  bounces: { unit: "messages", what: "in the queue are bounces", tells: true },
  // A queue that has stood still for a day has grown too: that is told.
  oldest: { unit: "seconds", what: "is the age of the oldest message in the queue", tells: false },
} as const;
const FLOOD_TIMES = 10;
const MOST = 0.5;

/** A level that is not ordinary. */
export interface QueueDeparture {
  readonly series: string;
  readonly value: number;
  /** What is ordinary at this time. */
  readonly expectedLow: number;
  readonly expectedHigh: number;
  readonly unit: string;
  /** The level's `detail`, of this look or of the last one that had any. */
  readonly who?: JsonObject | null;
  readonly atUnixMs?: number;
}

/** Judges mail queues: by their levels alone. */
export const facts: SensorFacts = {
  kinds: { "mail.queue-growth": "More mail waits in a queue than is ordinary on this host at this time" },
  judge: () => null,
};

/** Unit of a series of this sensor. */
export function unitOf(series: string): "messages" | "seconds" {
  return COUNTED[parseSeries(series)?.counted ?? "size"].unit;
}

/** @returns `null` where less than is ordinary waits, or the series is one that is learnt and shown only */
export function judgeDeparture(departure: QueueDeparture): Verdict | null {
  const { series, value, expectedLow, expectedHigh, who = null, atUnixMs = 0 } = departure;
  const parsed = parseSeries(series);
  if (parsed === null || value <= expectedHigh || !COUNTED[parsed.counted].tells) return null;
  const newest = readSample(who?.["newest"], atUnixMs);
  const sample = newest ?? readSample(who?.["some"], atUnixMs);
  const what = `${COUNTED[parsed.counted].what} of ${parsed.name}`;
  const cause = sample === null ? null : causeOf(sample, newest === null ? "looked at" : "that came last");
  return {
    kind: "mail.queue-growth",
    severity: severityOf(departure, sample),
    ordinary: `ordinarily at this time ${band(expectedLow, expectedHigh)} messages ${what}`,
    observed: `${amount(value)} messages ${what}${times(value, expectedHigh)}${cause === null ? "" : `; ${cause}`}`,
    evidence: { series, value, expectedLow, expectedHigh, sample: sample === null ? null : sampleEvidence(sample) },
    next: ["garrison mail queue --by account", "garrison mail queue --by script"],
    attack: ["T1496"],
  };
}

/**
 * Levels that only the content of messages tells, from the beginnings that the level of a queue's size brings: how many are frozen and how
 * many are bounces. Of a queue of no more messages than were read that is exact, of a larger one an estimate.
 */
export function deriveLevels({ series, value, detail }: Level, atUnixMs: number): Level[] {
  const parsed = parseSeries(series);
  if (parsed?.counted !== "size") return [];
  const levels = (frozen: number, bounces: number): Level[] => [
    // What Postfix has on hold is told by its folder.
    ...(parsed.program === "exim" ? [{ series: `queue-frozen ${parsed.rest}`, value: frozen, detail: null }] : []),
    { series: `queue-bounces ${parsed.rest}`, value: bounces, detail: null },
  ];
  if (value === 0) return levels(0, 0);
  const sample = readSample(detail?.["some"], atUnixMs);
  if (sample === null) return [];
  const scale = value / sample.messages;
  return levels(Math.round(sample.frozen * scale), Math.round(sample.bounces * scale));
}

function severityOf({ value, expectedHigh }: QueueDeparture, sample: Sample | null): Severity {
  const isFlood = value > FLOOD_TIMES * Math.max(1, expectedHigh);
  const first = sample?.groups[0];
  const isOnes =
    first !== undefined &&
    first.type !== "own" &&
    first.type !== "unknown" &&
    first.messages > MOST * (sample?.messages ?? 0);
  return isFlood && isOnes ? "high" : "medium";
}

function causeOf({ messages, bounces, groups }: Sample, which: string): string {
  const [first] = groups;
  if (first === undefined) return "";
  const script = first.scripts[0] === undefined ? "" : `, script ${first.scripts[0].key}`;
  const client = first.clients[0] === undefined || first.type === "client" ? "" : `, from ${first.clients[0].key}`;
  const returned = bounces === 0 ? "" : `; ${bounces} are bounces`;
  return `of ${messages} ${which} ${first.messages} are of ${whose(first)}${script}${client}${returned}`;
}

function whose({ type, key }: Sample["groups"][number]): string {
  switch (type) {
    case "account":
      return `account ${key}`;
    case "mailbox":
      return `mailbox ${key}`;
    case "client":
      return `client ${key}`;
    case "own":
      return "the mail program itself";
    default:
      return "somebody whom their beginnings do not tell";
  }
}

/** `queue-size exim`, `queue-hold postfix`, `queue-size exim /srv/spool`. */
function parseSeries(
  series: string,
): { counted: keyof typeof COUNTED; program: keyof typeof PROGRAMS; name: string; rest: string } | null {
  const match = /^queue-(size|deferred|hold|frozen|bounces|oldest) ((exim|postfix)(?: (.+))?)$/s.exec(series);
  if (match === null) return null;
  const program = match[3] as keyof typeof PROGRAMS;
  const name = match[4] === undefined ? PROGRAMS[program] : `${PROGRAMS[program]} in ${match[4]}`;
  return { counted: match[1] as keyof typeof COUNTED, program, name, rest: match[2] ?? "" };
}

function band(low: number, high: number): string {
  const from = Math.max(0, Math.floor(low));
  const to = Math.max(0, Math.ceil(high));
  return from >= to ? `at most ${amount(to)}` : `${amount(from)} to ${amount(to)}`;
}

function times(value: number, high: number): string {
  const multiple = value / Math.max(1, high);
  return multiple < 2 ? "" : `, ${amount(Math.floor(multiple))} times the most that is ordinary`;
}

function amount(value: number): string {
  return Math.round(value).toLocaleString("en");
}
