/** Decisions as alerts. Texts of accounts, sites and lines are an attacker's: they are escaped where they are shown. */
import type { Verdict } from "#src/judge/contract.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { formatDuration } from "#src/lib/duration.ts";
import type { EvidenceLine } from "#src/logs/decide/decision.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Severity } from "#src/model/severity.ts";

const CAMPAIGN_OF_NOTE = 40;
const MAX_NAMES = 200;

/** What is behind an alert of a decision: JSON of a Decision of src/logs/decide, with what came of it. */
interface Told {
  readonly type: "block" | "alert";
  readonly kind: string;
  readonly network: string | null;
  readonly address: string | null;
  readonly account: string | null;
  readonly forMs: number;
  readonly ports: readonly number[];
  readonly offence: number;
  readonly withheld: "allowed" | "proxy" | "history" | null;
  readonly because: "limit" | "network" | "campaign";
  readonly rule: string;
  readonly service: string;
  readonly points: number;
  readonly failures: number;
  readonly limit: number;
  readonly withinMs: number;
  readonly accounts: readonly string[];
  readonly accountCount: number;
  readonly sites: readonly string[];
  readonly addressCount: number;
  readonly lines: readonly EvidenceLine[];
  /** The id of the block; `null`: nothing is blocked. */
  readonly action: string | null;
  /** ISO 8601, of a block. */
  readonly until: string | null;
  /** The lines are so old that the block would have ended. */
  readonly isOver: boolean;
  /** It stands for many of its kind: too many for an alert each. */
  readonly isMany: boolean;
}

/** @param facts `decision`: see above */
export function judgeDecision(facts: JsonObject): Verdict {
  const told = facts["decision"] as unknown as Told;
  return {
    kind: told.kind,
    severity: severityOf(told),
    ordinary: ordinaryOf(told),
    observed: [whatOf(told), ...targetsOf(told), whatCameOf(told)].filter((part) => part !== "").join("; "),
    evidence: evidenceOf(told),
    next: nextOf(told),
    attack: ATTACK[told.kind] ?? [],
    isRoutine: ROUTINE.has(told.kind),
  };
}

const ROUTINE = new Set(["auth.bruteforce", "auth.spray", "auth.distributed", "web.probe", "waf.hit"]);
const ATTACK: Readonly<Record<string, readonly string[]>> = {
  "auth.bruteforce": ["T1110.001"],
  "auth.spray": ["T1110.003"],
  "auth.distributed": ["T1110"],
  "auth.break-in-suspected": ["T1110", "T1078"],
  "web.probe": ["T1595.003"],
  "waf.hit": ["T1190"],
  "logs.forged": ["T1565.001"],
};

/** What is blocked is over: low. A login that worked is what all of it is about. */
function severityOf({ kind, points, limit, accountCount, withheld, addressCount }: Told): Severity {
  switch (kind) {
    case "auth.break-in-suspected":
      return points >= limit || accountCount >= 5 ? "critical" : "high";
    case "logs.forged":
      return "high";
    case "auth.distributed":
      return addressCount >= CAMPAIGN_OF_NOTE ? "medium" : "low";
    default:
      return withheld === "allowed" ? "medium" : "low";
  }
}

function ordinaryOf({ kind, account, limit, withinMs, because }: Told): string {
  const within = formatDuration(withinMs);
  switch (kind) {
    case "auth.break-in-suspected":
      return `${account} has not logged in from there before; whoever knows his password needs few tries`;
    case "logs.forged":
      return "what a program writes to a log stands in the journal too, under its own user";
    case "auth.distributed":
      return `fewer than ${limit} addresses fail to log in to one account within ${within}`;
    default:
      return because === "network" && limit > 0
        ? `few addresses of one network offend within a day`
        : `an address has fewer than ${limit} points of failed logins and probes within ${within}`;
  }
}

function whatOf(told: Told): string {
  const { kind, address, network, account, points, failures, addressCount, rule, withinMs, because } = told;
  const who = address ?? network ?? "many addresses";
  if (told.isMany)
    return `${addressCount} more networks came to their limit within an hour, the last ${who} by ${rule}`;
  switch (kind) {
    case "auth.break-in-suspected":
      return `${account} logged in from ${who} behind ${round(failures)} failed logins of this address`;
    case "logs.forged":
      return `a user of this host wrote a line of ${rule} that names ${who}: the journal does not have it`;
    case "auth.distributed":
      return `${addressCount} addresses failed to log in as ${account} within ${formatDuration(withinMs)}`;
    default:
      return because === "network"
        ? `${addressCount} addresses of ${network} offend, the last by ${rule}`
        : `${who} has ${round(points)} points within ${formatDuration(withinMs)} by ${rule}`;
  }
}

function targetsOf({ kind, accounts, accountCount, sites }: Told): string[] {
  if (kind === "auth.distributed" || kind === "logs.forged") return [];
  return [
    ...(accountCount > 0 ? [`${accountCount} accounts: ${cutText(accounts.join(", "), MAX_NAMES)}`] : []),
    ...(sites.length > 0 ? [`sites: ${cutText(sites.join(", "), MAX_NAMES)}`] : []),
  ];
}

function whatCameOf({ type, network, ports, forMs, offence, withheld, until, action, isOver, isMany }: Told): string {
  if (isMany) return "garrison blocks lists them";
  if (isOver) return "read late: the block would have ended by now";
  if (type === "block") {
    const span = formatDuration(forMs);
    const where = ports.length === 0 ? "" : ` at ${ports.length === 1 ? "port" : "ports"} ${ports.join(", ")}`;
    if (action === null) return `observe only: ${network} would have been blocked${where} for ${span}`;
    return `${network} is blocked${where} for ${span} until ${until}, the ${ordinal(offence)} time within 30 days`;
  }
  switch (withheld) {
    case "allowed":
      return "not blocked: it is on the allow-list";
    case "proxy":
      return "not blocked: it is a proxy, the packets of all its clients come from there";
    case "history":
      return "not blocked: logins from there have worked for days, so it is likely a device with an old password";
    default:
      return "";
  }
}

/** What a person wants to look at; what is not known or says nothing is left out. */
function evidenceOf(told: Told): JsonObject {
  const { address, network, account, rule, service, points, failures, limit, withinMs, isMany, addressCount } = told;
  const { accounts, accountCount, sites, lines } = told;
  const counted = { points: round(points), failures: round(failures), limit, within: formatDuration(withinMs) };
  return {
    ...(address === null ? {} : { address }),
    ...(network === null ? {} : { network }),
    ...(account === null ? {} : { account }),
    rule,
    service,
    ...(limit === 0 ? {} : counted),
    ...(addressCount > 1 ? { [isMany ? "networks" : "addresses"]: addressCount } : {}),
    ...(accounts.length === 0 ? {} : { accounts }),
    ...(accountCount > accounts.length ? { accountCount } : {}),
    ...(sites.length === 0 ? {} : { sites }),
    ...blockOf(told),
    lines: lines.map(describeLine),
  };
}

function blockOf({ type, network, ports, action, until, forMs, offence, isOver }: Told): JsonObject {
  if (type !== "block" || isOver) return {};
  const what = { network, ...(ports.length === 0 ? {} : { ports: [...ports] }) };
  if (action !== null) return { block: { ...what, action, until, offence } };
  return { wouldBlock: { ...what, for: formatDuration(forMs), offence } };
}

/** Of the journal there is no file. */
function describeLine({ atUnixMs, file, source, offset, text, rule, isForgeable }: EvidenceLine): JsonObject {
  return {
    at: new Date(atUnixMs).toISOString(),
    ...(file === "" ? { source } : { file, offset }),
    rule,
    ...(isForgeable ? { forgeable: true } : {}),
    text,
  };
}

function nextOf({ type, network, address, account, action, kind, service }: Told): string[] {
  if (type === "block" && action !== null && network !== null)
    return [`garrison unblock ${network}`, `garrison undo ${action}`];
  const target = address ?? network;
  const block = target === null || kind === "logs.forged" ? [] : [`garrison block ${target}`];
  if (kind !== "auth.break-in-suspected" || account === null) return block;
  // An account's name is an attacker's: one that a shell would read otherwise is not offered to be typed.
  const isPlain = /^[a-z_][\w.-]{0,31}$/.test(account);
  return [...block, ...(service === "sshd" && isPlain ? [`last -i -n 20 ${account}`] : [])];
}

function round(points: number): number {
  return Math.round(points * 10) / 10;
}

function ordinal(number: number): string {
  return ["first", "second", "third"][number - 1] ?? `${number}th`;
}
