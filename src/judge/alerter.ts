/** Makes alerts of verdicts: new ones, repetitions of known ones, their end. Works on the store only. */

import { cutText } from "#src/lib/cut-text.ts";
import { graverOf } from "#src/lib/severity-order.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Json } from "#src/model/json.ts";
import type { Observation } from "#src/model/observation.ts";
import type { AlertStore } from "#src/store/alert-store.ts";
import type { Outbox } from "#src/store/outbox.ts";
import { boundEvidence, boundVerdict, cutSubject } from "./bounds.ts";
import type { Verdict } from "./contract.ts";
import type { Drills } from "./drills.ts";
import { graveReasons, raiseSeverity } from "./severity.ts";
import { traitsOf } from "./traits.ts";

/** Alerts with a common trait within this time are one incident. */
export const SAME_INCIDENT_MS = 15 * 60_000;
// The same kind of alert on the same thing within this time is the same alert again.
const SAME_ALERT_MS = 24 * 3_600_000;
// So many alerts of one kind has a thing, for as many actors; whoever comes then counts as the latest of them.
const MAX_ALIKE = 20;
// What an alert said before, while it was open.
const MAX_EARLIER = 10;
// A thing that flips thousands of times a second must not fill the journal: the first repetitions, then each doubling.
const JOURNALED_REPETITIONS = 10;

/** Something to tell. `update`: an alert that was told before has something new. `repeat`: only its count has risen. */
export interface Outcome {
  readonly type: "new" | "update" | "repeat" | "closed" | "accepted";
  readonly alert: Alert;
}

/** What the alerter works with. */
export interface AlerterParts {
  readonly alerts: AlertStore;
  readonly outbox: Outbox;
  readonly drills: Drills;
}

/** Keeps the alerts of one host. */
export class Alerter {
  readonly #parts: AlerterParts;

  constructor(parts: AlerterParts) {
    this.#parts = parts;
  }

  /** Alerts of the verdicts on one observation: one each. */
  raise(observation: Observation, verdicts: readonly Verdict[]): readonly Outcome[] {
    const { drills } = this.#parts;
    const drill = drills.match(observation, observation.atUnixMs);
    const raised: Outcome[] = [];
    for (const given of verdicts) {
      const verdict = weigh(given, observation.who);
      const taken = raised.map(({ alert }) => alert.id);
      const same = drill === null ? this.#findSame(observation, verdict, taken) : undefined;
      raised.push(
        same === undefined ? this.#insert(observation, verdict, drill) : this.#update(same, observation, verdict),
      );
    }
    return raised;
  }

  /** What was told of is still there. */
  repeat({ sensor, key, atUnixMs }: Observation): readonly Outcome[] {
    return this.#parts.alerts.openOf(sensor, key).map((open) => {
      const alert = { ...open, count: open.count + 1, lastAt: isoOf(atUnixMs) };
      this.#parts.alerts.update(alert);
      return { type: "repeat" as const, alert };
    });
  }

  /** A thing is ordinary again. */
  closeAll(sensor: string, key: string): readonly Outcome[] {
    return this.#parts.alerts.openOf(sensor, key).map((alert) => this.close(alert));
  }

  /** Alerts of a drill that has ended; `null`: of any drill. */
  closeDrill(name: string | null): readonly Outcome[] {
    return this.#parts.alerts.openOfDrill(name).map((alert) => this.close(alert));
  }

  close(alert: Alert): Outcome {
    const { alerts, outbox } = this.#parts;
    const closed: Alert = { ...alert, state: "closed" };
    alerts.update(closed);
    if (isWorthAnEntry(alert.count)) outbox.add("alert.closed", "garrison", { alert: alert.id, kind: alert.kind });
    return { type: "closed", alert: closed };
  }

  /** Opens an alert that was accepted for a while. */
  reopen(alert: Alert, nowUnixMs: number): Outcome {
    const { alerts, outbox } = this.#parts;
    const open: Alert = { ...alert, state: "open", count: alert.count + 1, lastAt: isoOf(nowUnixMs) };
    alerts.update(open);
    outbox.add("accept.expired", "garrison", { alert: alert.id, kind: alert.kind });
    return { type: "update", alert: open };
  }

  /** The alert that a verdict repeats, but none of `taken`: they are of other verdicts on the same observation. */
  #findSame(observation: Observation, { kind, observed }: Verdict, taken: readonly string[]): Alert | undefined {
    const { sensor, key, atUnixMs } = observation;
    const alike = this.#parts.alerts
      .listSame(sensor, key, kind, atUnixMs - SAME_ALERT_MS, MAX_ALIKE)
      .filter(({ id }) => !taken.includes(id));
    const ofActor = alike.filter((alert) => isSameActor(alert, observation));
    const isCrowded = alike.length + taken.length >= MAX_ALIKE;
    return ofActor.find((alert) => alert.observed === observed) ?? ofActor[0] ?? (isCrowded ? alike[0] : undefined);
  }

  #insert(observation: Observation, verdict: Verdict, drill: string | null): Outcome {
    const { alerts } = this.#parts;
    const { sensor, key, subject, who, atUnixMs } = observation;
    const traits = drill === null ? traitsOf(observation) : [`drill ${drill}`];
    const incident = alerts.incidentOf(traits, atUnixMs, SAME_INCIDENT_MS);
    const at = isoOf(atUnixMs);
    const times = { at, firstAt: at, lastAt: at, count: 1, state: "open" as const };
    const { isRoutine: _, ...told } = verdict;
    const inserted = alerts.insert({ ...told, ...times, incident, key, sensor, subject, who, drill });
    const alert = { ...inserted, next: nextCommands(verdict.next, inserted.id) };
    alerts.update(alert);
    if (verdict.isRoutine !== true) this.#journal(alert);
    return { type: "new", alert };
  }

  #update(same: Alert, observation: Observation, verdict: Verdict): Outcome {
    const { alerts } = this.#parts;
    const { who, atUnixMs } = observation;
    const { ordinary, observed, attack } = verdict;
    const earlier = earlierOf(same, observed);
    const alert: Alert = {
      ...same,
      severity: graverOf(same.severity, verdict.severity),
      state: "open",
      count: same.count + 1,
      lastAt: isoOf(atUnixMs),
      who,
      ordinary,
      observed,
      evidence: boundEvidence(earlier.length === 0 ? verdict.evidence : { ...verdict.evidence, earlier }),
      next: nextCommands(verdict.next, same.id),
      attack,
    };
    alerts.update(alert);
    alerts.joinIncident(Number(same.incident.slice(1)), traitsOf(observation), atUnixMs);
    const isWorthIt = verdict.isRoutine !== true && isWorthAnEntry(alert.count);
    if (alert.severity !== same.severity || isWorthIt) this.#journal(alert);
    return { type: "update", alert };
  }

  #journal({ id, incident, kind, severity, subject, who, observed, count, drill }: Alert): void {
    const actor =
      who === null ? null : { pid: who.pid, uid: who.uid, loginUid: who.loginUid, exe: cutText(who.exe ?? "", 1000) };
    this.#parts.outbox.add("alert", "garrison", {
      alert: id,
      incident,
      kind,
      severity,
      subject: cutSubject(subject),
      who: actor,
      observed: cutText(observed, 1000),
      count,
      drill,
    });
  }
}

/** The verdict within its bounds, graver where the actor gives reason. */
function weigh(verdict: Verdict, who: Actor | null): Verdict {
  const reasons = graveReasons(who);
  if (reasons.length === 0) return boundVerdict(verdict);
  const evidence = { ...verdict.evidence, graverBecause: reasons };
  return boundVerdict({ ...verdict, evidence, severity: raiseSeverity(verdict.severity, reasons) });
}

/** What an open alert said before it says something else: one actor's changes of one thing are one alert, and none is lost. */
function earlierOf({ state, evidence, observed, lastAt }: Alert, now: string): readonly Json[] {
  if (state !== "open") return [];
  const before = Array.isArray(evidence["earlier"]) ? evidence["earlier"] : [];
  return observed === now ? before : [...before, { at: lastAt, observed: cutText(observed, 500) }].slice(-MAX_EARLIER);
}

/** The same program as the same user of the same login; an unknown actor is nobody's equal but another unknown's. */
function isSameActor(alert: Alert, { who }: Observation): boolean {
  return alert.who?.exe === who?.exe && alert.who?.uid === who?.uid && alert.who?.loginUid === who?.loginUid;
}

function isWorthAnEntry(count: number): boolean {
  return count <= JOURNALED_REPETITIONS || Number.isInteger(Math.log2(count));
}

/** Only a command of ours stands for its alert: another may name a file called ALERT. */
function nextCommands(commands: readonly string[], id: string): string[] {
  return [
    ...commands.map((command) => command.replace(/^(garrison [a-z -]+) ALERT$/, `$1 ${id}`)),
    `garrison explain ${id}`,
    `garrison accept ${id}`,
  ];
}

function isoOf(atUnixMs: number): string {
  return new Date(atUnixMs).toISOString();
}
