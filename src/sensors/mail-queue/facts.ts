/** What the mind knows of mail queues: what their levels are called and counted in, and how to say that one is out of the ordinary. */
import type { Departure, LevelSort, SensorFacts, Verdict } from "#src/judge/contract.ts";
import { departureEvidence } from "#src/judge/departure-evidence.ts";
import type { Level } from "#src/model/observation.ts";
import type { Severity } from "#src/model/severity.ts";
import { readSample, type Sample, sampleEvidence } from "./sample.ts";

const PROGRAMS = { exim: "Exim", postfix: "Postfix" } as const;
/** What each series counts, and from how many on more than ordinary is told; `null`: never. */
const COUNTED = {
  size: { unit: "messages", what: "waiting in the queue", floor: 20 },
  deferred: { unit: "messages", what: "deferred in the queue", floor: 20 },
  hold: { unit: "messages", what: "on hold in the queue", floor: 10 },
  frozen: { unit: "messages", what: "frozen in the queue", floor: 20 },
  bounces: { unit: "messages", what: "that are bounces in the queue", floor: 20 },
  // A queue that has stood still for a day has grown too: that is told.
  oldest: { unit: "seconds", what: "since the oldest message came into the queue", floor: null },
} as const;
const FLOOD_TIMES = 10;
const MOST = 0.5;

/** Judges mail queues: by their levels alone. */
export const facts: SensorFacts = {
  kinds: { "mail.queue-growth": "More mail waits in a queue than is ordinary on this host at this time" },
  levels: { sortOf, derive: deriveLevels, judge: judgeLevel },
  judge: () => null,
};

function sortOf(series: string): LevelSort | null {
  const parsed = parseSeries(series);
  if (parsed === null) return null;
  const { unit, what, floor } = COUNTED[parsed.counted];
  return { unit, scope: `${what} of ${parsed.name}`, isTold: floor !== null, floor: floor ?? 0, limit: null };
}

function judgeLevel(departure: Departure): Verdict {
  const { detail, atUnixMs, ordinary, observed } = departure;
  const newest = readSample(detail?.["newest"], atUnixMs);
  const sample = newest ?? readSample(detail?.["some"], atUnixMs);
  const cause = sample === null ? [] : [causeOf(sample, newest === null ? "looked at" : "that came last")];
  return {
    kind: "mail.queue-growth",
    severity: severityOf(departure, sample),
    ordinary,
    observed: [observed, ...cause].join("; "),
    evidence: {
      ...departureEvidence(departure),
      sample: sample === null ? null : sampleEvidence(sample),
    },
    next: ["garrison mail queue --by account", "garrison mail queue --by script"],
    attack: ["T1496"],
  };
}

/**
 * Levels that only the content of messages tells, from the beginnings that the level of a queue's size brings: how many are frozen and how
 * many are bounces. Of a queue of no more messages than were read that is exact, of a larger one an estimate.
 */
function deriveLevels({ series, value, detail }: Level, atUnixMs: number): Level[] {
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

function severityOf({ value, expected }: Departure, sample: Sample | null): Severity {
  const isFlood = value > FLOOD_TIMES * Math.max(1, expected?.expectedHigh ?? 1);
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
