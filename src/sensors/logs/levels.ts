/** Levels that logs tell: how they are called, and when more than ordinary is an alert. */
import type { Departure, LevelFacts, LevelSort, Verdict } from "#src/judge/contract.ts";
import { departureEvidence } from "#src/judge/departure-evidence.ts";
import { quoteForShell } from "#src/lib/shell-quote.ts";
import { splitSeries } from "#src/ordinary/levels/series-name.ts";

interface Kind {
  readonly unit: string;
  /** Words before what the series is of. */
  readonly words: string;
  /** `null`: learnt and shown only. */
  readonly alert: "mail.sent-high" | "auth.failures-high" | "web.errors-high" | null;
  readonly floor: number;
}

// Floors a minute: a newsletter to twenty customers, a night of slow guessing, a broken page are nothing to wake anybody for.
const KINDS: Readonly<Record<string, Kind>> = {
  "mail-accepted": { unit: "messages/min", words: "accepted of", alert: "mail.sent-high", floor: 20 },
  "failed-logins": { unit: "failed logins/min", words: "at", alert: "auth.failures-high", floor: 60 },
  requests: { unit: "requests/min", words: "to", alert: null, floor: 0 },
  "client-errors": { unit: "requests/min", words: "answered 4xx by", alert: null, floor: 0 },
  "server-errors": { unit: "requests/min", words: "answered 5xx by", alert: "web.errors-high", floor: 60 },
};

/** Kinds of alerts of {@link levels}. */
export const LEVEL_KINDS = {
  "mail.sent-high": "An account or a mailbox has had unusually many messages accepted for this hour",
  "auth.failures-high": "A service has refused unusually many logins for this hour, whoever tried",
  "web.errors-high": "A site has answered unusually many requests with an error of its own",
} as const;

/** Judges levels of logs. */
export const levels: LevelFacts = {
  sortOf(series): LevelSort | null {
    const kind = kindOf(series);
    if (kind === null) return null;
    const { of } = splitSeries(series);
    return {
      unit: kind.unit,
      scope: `${kind.words} ${of}`,
      isTold: kind.alert !== null,
      floor: kind.floor,
      limit: null,
    };
  },
  judge(departure: Departure): Verdict {
    const { series, ordinary, observed } = departure;
    const { of } = splitSeries(series);
    const kind = kindOf(series)?.alert ?? "auth.failures-high";
    return {
      kind,
      severity: kind === "mail.sent-high" ? "high" : "low",
      ordinary,
      observed,
      evidence: { ...departureEvidence(departure), of },
      next: NEXT[kind](of),
      attack: ATTACK[kind],
    };
  },
};

type AlertKind = NonNullable<Kind["alert"]>;

const NEXT: Readonly<Record<AlertKind, (of: string) => readonly string[]>> = {
  "mail.sent-high": (of) => ["garrison mail queue --by account", `exigrep ${quoteForShell(of)} /var/log/exim4/mainlog`],
  "auth.failures-high": () => ["garrison blocks report --last 1h", "garrison logs"],
  "web.errors-high": () => ["garrison levels --only server-errors"],
};

/** MITRE ATT&CK: T1496.004 is the use of somebody's mail service for spam, T1110 guessing, T1499 a service worn down. */
const ATTACK: Readonly<Record<AlertKind, readonly string[]>> = {
  "mail.sent-high": ["T1496.004"],
  "auth.failures-high": ["T1110"],
  "web.errors-high": ["T1499"],
};

function kindOf(series: string): Kind | null {
  const { kind, of } = splitSeries(series);
  return Object.hasOwn(KINDS, kind) && of !== "" ? (KINDS[kind] ?? null) : null;
}
