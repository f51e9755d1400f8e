/**
 * Logins that worked, as members of sets: from which networks and at which hours an account ordinarily logs in, and whether root
 * does at all. Each account learns by itself.
 */
import type { CountedMember, HostKnowledge, Verdict } from "#src/judge/contract.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Observation } from "#src/model/observation.ts";

// Whoever gets in here has a shell, or all of the host.
const DEEP_SERVICES = new Set(["sshd", "cpanel", "whm", "directadmin", "plesk", "webmin", "cockpit"]);
// Mailboxes are read from phones on the way: they learn until so many sightings (one an hour at most).
const SIGHTINGS_OF_MAIL = 40;
// Whoever comes from so many networks has no ordinary one.
const MAX_NETWORKS = 24;
// Hours are ordinary once an account was seen in so many of them, and only when it keeps to some of the day.
const SIGHTINGS_OF_HOURS = 30;
const MAX_HOURS = 12;

/** `garrison ordinary`. */
export function describeLogin({ about, account, network, hour, isWeekend, service }: JsonObject): string {
  if (about === "network") return `${account} logs in from ${network}`;
  if (about === "hour")
    return `${account} logs in between ${hour}:00 and ${hour}:59 ${isWeekend ? "at weekends" : "on working days"}`;
  return `root logs in by ${service}`;
}

/** Until an account is known well enough to tell what is new for it. */
export function stillLearnsLogin({ facts, group }: Observation, host: HostKnowledge): boolean {
  const known = host.membersOf("logs", group);
  const sightings = known.reduce((sum, { count }) => sum + count, 0);
  switch (facts?.["about"]) {
    case "network":
      if (known.length === 0 || known.length >= MAX_NETWORKS) return true;
      return !isDeep(facts) && sightings < SIGHTINGS_OF_MAIL;
    case "hour":
      return sightings < SIGHTINGS_OF_HOURS || hoursLike(facts, known).length > MAX_HOURS;
    default:
      return false;
  }
}

/** A login that is new for its account. */
export function judgeLogin({ facts, group }: Observation, host: HostKnowledge): Verdict | null {
  if (facts === null) return null;
  const known = host.membersOf("logs", group);
  switch (facts["about"]) {
    case "network":
      return judgeNetwork(facts, known);
    case "hour":
      return judgeHour(facts, known);
    case "root":
      return judgeRoot(facts, known);
    default:
      return null;
  }
}

function judgeNetwork(facts: JsonObject, known: readonly CountedMember[]): Verdict {
  const { account, network } = facts;
  const networks = known.map((member) => String(member.facts["network"]));
  return {
    ...common(facts),
    kind: "login.new-network",
    severity: account === "root" ? "high" : isDeep(facts) ? "medium" : "low",
    ordinary:
      networks.length === 0
        ? `nobody has logged in as ${account}`
        : `${account} logs in from ${networks.slice(0, 8).join(", ")}`,
    observed: `${sentence(facts)}, in ${network}, for the first time`,
  };
}

function judgeHour(facts: JsonObject, known: readonly CountedMember[]): Verdict | null {
  const hours = hoursLike(facts, known);
  // An hour earlier or later than ever is nothing.
  if (hours.some((hour) => hourDistance(hour, Number(facts["hour"])) <= 1)) return null;
  const { account } = facts;
  const days = facts["isWeekend"] === true ? "at weekends" : "on working days";
  const ordinary =
    hours.length === 0 ? "at no hour" : `in the hours ${hours.toSorted((one, other) => one - other).join(", ")}`;
  return {
    ...common(facts),
    kind: "login.unusual-hour",
    severity: account === "root" || isDeep(facts) ? "medium" : "low",
    ordinary: `${account} logs in ${days} ${ordinary}`,
    observed: `${sentence(facts)} in the hour ${facts["hour"]}`,
  };
}

function judgeRoot(facts: JsonObject, known: readonly CountedMember[]): Verdict {
  const services = known.map((member) => String(member.facts["service"]));
  return {
    ...common(facts),
    kind: "login.root",
    severity: "high",
    ordinary:
      services.length === 0 ? "root does not log in over the network" : `root logs in by ${services.join(", ")}`,
    observed: sentence(facts),
  };
}

function common(facts: JsonObject): Pick<Verdict, "evidence" | "next" | "attack"> {
  const { about: _, ...evidence } = facts;
  return { evidence, next: [`garrison block ${facts["address"]}`], attack: ["T1078"] };
}

function sentence({ account, address, service }: JsonObject): string {
  return `${account} logged in from ${address} by ${service}`;
}

function isDeep({ account, service }: JsonObject): boolean {
  return account === "root" || DEEP_SERVICES.has(String(service));
}

/** Known hours of the same kind of day. */
function hoursLike(facts: JsonObject, known: readonly CountedMember[]): number[] {
  return known.filter((one) => one.facts["isWeekend"] === facts["isWeekend"]).map((one) => Number(one.facts["hour"]));
}

function hourDistance(one: number, other: number): number {
  const distance = Math.abs(one - other);
  return Math.min(distance, 24 - distance);
}
