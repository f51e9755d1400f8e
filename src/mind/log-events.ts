/** Decisions of the log engine as what the rest of the mind knows: blocks that are wanted, and events for the judge. Pure. */
import { cutText } from "#src/lib/cut-text.ts";
import { formatDuration } from "#src/lib/duration.ts";
import type { Decision } from "#src/logs/decide/decision.ts";
import type { Action } from "#src/model/action.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Observation } from "#src/model/observation.ts";
import type { Subject } from "#src/model/subject.ts";
import type { WantedBlock } from "./block-engine.ts";
import type { LogLogin } from "./log-logins.ts";

/** The kind of alerts of logins behind failures that look like guessing. */
export const BREAK_IN = "auth.break-in-suspected";
const HOUR_MS = 3_600_000;
/** Alerts of one address each, within an hour; what is more is one alert. */
const ROUTINE_AN_HOUR = 100;
const MAX_KEY_PART = 128;

/** Bounds the alerts that come of those who are blocked all day. */
export class RoutineAlerts {
  #hour = 0;
  #told = new Set<string>();
  #more = new Set<string>();

  /** @returns how many more networks there were than have an alert each; 0: this one has */
  note({ network, atUnixMs }: Decision): number {
    const hour = Math.floor(atUnixMs / HOUR_MS);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#told = new Set();
      this.#more = new Set();
    }
    const key = network ?? "";
    if (this.#told.size < ROUTINE_AN_HOUR || this.#told.has(key)) {
      this.#told.add(key);
      return 0;
    }
    if (this.#more.size < 10_000) this.#more.add(key);
    return this.#more.size;
  }
}

/** The block of a decision. */
export function wantedBlock(decision: Decision): WantedBlock {
  const { network, ports, forMs, atUnixMs, rule, points } = decision;
  return {
    network: network ?? "",
    ports,
    untilUnixMs: atUnixMs + forMs,
    reason: reasonOf(decision),
    by: `rule:${cutText(rule, 200)}`,
    isPrivateMeant: false,
    points,
  };
}

/** @param action the block that came of it; `null`: none @param isOver its block would have ended by now */
export function eventOfDecision(
  decision: Decision,
  action: Action | null,
  isOver: boolean,
  routine: RoutineAlerts,
): Observation {
  const { kind, network, account, atUnixMs, forMs, type } = decision;
  const isRoutine = kind !== BREAK_IN && kind !== "auth.distributed" && kind !== "logs.forged";
  const more = isRoutine ? routine.note(decision) : 0;
  const until = type === "block" ? new Date(atUnixMs + forMs).toISOString() : null;
  const told = {
    ...decision,
    ...(more > 0 ? { addressCount: more } : {}),
    action: action?.id ?? null,
    until,
    isOver,
    isMany: more > 0,
  };
  return {
    sensor: "logs",
    type: "present",
    key: more > 0 ? "many" : keyOf(decision),
    group: "",
    subject: subjectOf(network, account),
    facts: { event: "decision", decision: told as unknown as JsonObject },
    who: null,
    atUnixMs,
    scanned: false,
  };
}

/** Of an alert of a suspected break-in: the login that it tells of. */
export interface BreakIn extends LogLogin {
  /** As the decider counts it. */
  readonly network: string;
  readonly rule: string;
}

/** @returns `null` when the alert tells of something else */
export function breakInOf({ kind, evidence, lastAt }: Alert): BreakIn | null {
  if (kind !== BREAK_IN) return null;
  const textOf = (name: string): string => String(evidence[name] ?? "");
  return {
    account: textOf("account"),
    network: textOf("network"),
    address: textOf("address"),
    rule: textOf("rule"),
    service: textOf("service"),
    line: ((evidence["lines"] ?? []) as readonly JsonObject[]).at(-1) ?? {},
    atUnixMs: Date.parse(lastAt),
  };
}

/** Something is wrong with the reading itself. */
export function eventOfTrouble(trouble: JsonObject, atUnixMs: number): Observation {
  const name = String(trouble["rule"] ?? trouble["source"]);
  return {
    sensor: "logs",
    type: "present",
    key: `${trouble["trouble"]} ${name}`,
    group: "",
    subject: { type: "sensor", name: "logs" },
    facts: { event: "trouble", ...trouble },
    who: null,
    atUnixMs,
    scanned: false,
  };
}

/** One alert for an address, an account under attack, or a service whose lines are forged. */
function keyOf({ kind, network, account, service }: Decision): string {
  switch (kind) {
    case "auth.distributed":
      return `account ${account}`;
    case BREAK_IN:
      return `account ${account} ${network}`;
    case "logs.forged":
      return `forged ${service}`;
    default:
      return `address ${network}`;
  }
}

function subjectOf(network: string | null, account: string | null): Subject {
  if (account !== null) return { type: "account", name: cutText(account, MAX_KEY_PART) };
  if (network === null) return { type: "sensor", name: "logs" };
  return { type: "address", address: network.replace(/\/32$/, "") };
}

function reasonOf({ points, withinMs, rule, accounts, because, addressCount }: Decision): string {
  const what =
    because === "network"
      ? `${addressCount} addresses of it offend`
      : `${Math.round(points * 10) / 10} points within ${formatDuration(withinMs)}`;
  const targets = accounts.length === 0 ? "" : ` on ${accounts.slice(0, 5).join(", ")}`;
  return `${what} by ${rule}${targets}`;
}
