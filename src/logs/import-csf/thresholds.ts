/** The thresholds of csf.conf as a policy of Garrison. Pure. */
import type { BlockPolicy } from "#src/blocks/options.ts";
import { type CsfSetting, numberOf } from "./conf-file.ts";

/** One trigger of lfd. */
export interface CsfTrigger {
  readonly setting: string;
  /** Services of Garrison's rules that it stands for. */
  readonly services: readonly string[];
  readonly points: number;
  /** How long lfd blocks; `null`: for ever. */
  readonly blockMs: number | null;
}

/** The policy, and what it is made of. */
export interface CsfThresholds {
  readonly policy: BlockPolicy;
  /** Triggers that are on, as csf.conf has them. */
  readonly triggers: readonly CsfTrigger[];
  /** Sentences: what the policy does otherwise than lfd did. */
  readonly notes: readonly string[];
}

const TRIGGERS: readonly (readonly [setting: string, services: string])[] = [
  ["LF_SSHD", "sshd"],
  ["LF_FTPD", "pure-ftpd proftpd vsftpd"],
  ["LF_SMTPAUTH", "exim postfix"],
  ["LF_EXIMSYNTAX", "exim"],
  ["LF_POP3D", "dovecot"],
  ["LF_IMAPD", "dovecot"],
  ["LF_HTACCESS", "apache nginx"],
  ["LF_CPANEL", "cpanel"],
  ["LF_MODSEC", "modsecurity"],
  ["LF_BIND", "named"],
  ["LF_WEBMIN", "webmin"],
  ["LF_APACHE_404", "apache"],
  ["LF_APACHE_403", "apache"],
  ["LF_APACHE_401", "apache"],
];

const DAY_MS = 86_400_000;
// A block for ever by a machine is one that nobody looks at again; CSF itself dropped the oldest at DENY_IP_LIMIT.
const LONGEST_MS = 30 * DAY_MS;
// Bounds of the configuration's schema.
const POINTS = { least: 2, most: 1000 };
const MAX_FACTOR = 100;

/** Reads the thresholds; settings that are not there are as CSF ships them. */
export function readThresholds(settings: ReadonlyMap<string, CsfSetting>): CsfThresholds {
  const notes: string[] = [];
  const triggers = triggersOf(settings);
  const together = numberOf(settings, "LF_TRIGGER") ?? 0;
  const points = Math.min(Math.max(pointsOf(triggers, together), POINTS.least), POINTS.most);
  const first = together > 0 ? blockOf(settings, "LF_TRIGGER_PERM") : (mainTrigger(triggers)?.blockMs ?? null);
  const firstMs = Math.min(Math.max(first ?? LONGEST_MS, 10_000), LONGEST_MS);
  if (first === null)
    notes.push("lfd blocked for ever: rules of Garrison block for 30 days at most, by hand one can for ever");
  if (together > 0) notes.push(`LF_TRIGGER counted all services together to ${together}, as Garrison does`);
  else if (new Set(triggers.map((trigger) => trigger.points)).size > 1)
    notes.push("services had thresholds of their own: the policy has that of LF_SSHD, or the lowest, for all");
  if (triggers.some(({ setting }) => setting === "LF_MODSEC"))
    notes.push("a request that ModSecurity stopped has 1 to 5 points by its severity, where lfd counted each as 1");
  return {
    policy: {
      points,
      withinMs: Math.max(numberOf(settings, "LF_INTERVAL") ?? 3600, 10) * 1000,
      firstMs,
      factor: factorOf(settings, firstMs),
      longestMs: LONGEST_MS,
      networkAt: networkAtOf(settings, notes),
    },
    triggers,
    notes,
  };
}

function triggersOf(settings: ReadonlyMap<string, CsfSetting>): CsfTrigger[] {
  const together = numberOf(settings, "LF_TRIGGER") ?? 0;
  return TRIGGERS.flatMap(([setting, services]) => {
    const points = numberOf(settings, setting) ?? 0;
    if (points === 0) return [];
    const perm = together > 0 ? "LF_TRIGGER_PERM" : `${setting}_PERM`;
    return [{ setting, services: services.split(" "), points: together || points, blockMs: blockOf(settings, perm) }];
  });
}

/** 1: for ever; more: so many seconds. */
function blockOf(settings: ReadonlyMap<string, CsfSetting>, name: string): number | null {
  const value = numberOf(settings, name) ?? 1;
  return value <= 1 ? null : value * 1000;
}

function mainTrigger(triggers: readonly CsfTrigger[]): CsfTrigger | undefined {
  const lowest = triggers.toSorted((a, b) => a.points - b.points)[0];
  return triggers.find(({ setting }) => setting === "LF_SSHD") ?? lowest;
}

function pointsOf(triggers: readonly CsfTrigger[], together: number): number {
  return together > 0 ? together : (mainTrigger(triggers)?.points ?? 10);
}

/** lfd made the Nth block within a day permanent: the factor with which the Nth is as long as the longest. */
function factorOf(settings: ReadonlyMap<string, CsfSetting>, firstMs: number): number {
  const isOn = (numberOf(settings, "LF_PERMBLOCK") ?? 1) > 0;
  const count = Math.max(numberOf(settings, "LF_PERMBLOCK_COUNT") ?? 4, 2);
  if (!isOn || firstMs >= LONGEST_MS) return 1;
  return Math.min(Math.ceil((LONGEST_MS / firstMs) ** (1 / (count - 1))), MAX_FACTOR);
}

function networkAtOf(settings: ReadonlyMap<string, CsfSetting>, notes: string[]): number {
  if ((numberOf(settings, "LF_NETBLOCK") ?? 0) === 0) return 0;
  const networkClass = settings.get("LF_NETBLOCK_CLASS")?.value.trim().toUpperCase() ?? "C";
  if (networkClass !== "C") {
    notes.push(
      `LF_NETBLOCK_CLASS is "${networkClass === "A" ? "A" : "B"}": networks wider than a /24 are not blocked by rule`,
    );
    return 0;
  }
  // "more than": one more than the number.
  return Math.min((numberOf(settings, "LF_NETBLOCK_COUNT") ?? 4) + 1, 256);
}
