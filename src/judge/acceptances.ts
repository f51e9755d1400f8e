/**
 * `garrison accept`: what an alert tells of is ordinary from now on, or for a while. A thing has one acceptance: the latest.
 * Works on the store only.
 */

import { cutText } from "#src/lib/cut-text.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { acceptRecord, isOrdinaryRecord, isSameLook, unacceptRecord } from "#src/ordinary/record.ts";
import { acceptMember, unacceptMember } from "#src/ordinary/set.ts";
import type { Acceptance, AlertStore } from "#src/store/alert-store.ts";
import type { OrdinaryStore, StoredMember, StoredRecord } from "#src/store/ordinary-store.ts";
import type { Outbox } from "#src/store/outbox.ts";
import type { Alerter, Outcome } from "./alerter.ts";
import type { SensorFacts } from "./contract.ts";

/** What it works with. */
export interface AcceptancesParts {
  readonly ordinary: OrdinaryStore;
  readonly alerts: AlertStore;
  readonly outbox: Outbox;
  readonly alerter: Alerter;
  readonly facts: ReadonlyMap<string, SensorFacts>;
}

/** What an acceptance taught. */
interface Lesson {
  /** What was ordinary before: a look at a record, or the standing of a member. */
  readonly before: Json;
}

/** The acceptances of one host. */
export class Acceptances {
  readonly #parts: AcceptancesParts;

  constructor(parts: AcceptancesParts) {
    this.#parts = parts;
  }

  /** @see Judge.accept */
  accept(id: string, by: string, forMs: number, nowUnixMs: number): readonly Outcome[] {
    const { alerts, outbox } = this.#parts;
    const alert = alerts.get(id);
    if (alert === null) throw noSuchAlert(id);
    if (alert.state === "accepted") throw notOpen(id, "it is accepted already");
    if (alert.drill !== null) throw notOpen(id, "a drill staged it, nothing is learnt of that");
    const { sensor, kind } = alert;
    const key = alerts.keyOf(id);
    const lesson = this.#teach(sensor, key, forMs === 0);
    if (lesson === null && alert.state === "closed") throw notOpen(id, "it is closed, and what it tells of is over");
    const until = forMs === 0 ? null : nowUnixMs + forMs;
    if (lesson !== null) this.#remember({ sensor, key, alert: id, before: lesson.before }, until);
    outbox.add("accept", by, {
      alert: id,
      kind,
      observed: cutText(alert.observed, 500),
      until: until === null ? null : new Date(until).toISOString(),
    });
    const others = alerts.openOf(sensor, key).filter((other) => other.id !== id && other.drill === null);
    return [alert, ...others].map((one) => this.#settle(one));
  }

  /** Acceptances that have run out: what they were for is told again, if it is still so. */
  expire(nowUnixMs: number): readonly Outcome[] {
    const { alerts, alerter } = this.#parts;
    return alerts.takeExpiredAcceptances(nowUnixMs).flatMap((acceptance) => {
      const isStillSo = this.#unteach(acceptance);
      const alert = alerts.get(acceptance.alert);
      if (!isStillSo) return alerter.closeAll(acceptance.sensor, acceptance.key);
      return alert?.state === "accepted" ? [alerter.reopen(alert, nowUnixMs)] : [];
    });
  }

  /** Whether a thing is ordinary for a while only. */
  holds(sensor: string, key: string): boolean {
    return this.#parts.alerts.acceptance(sensor, key) !== null;
  }

  /** Ends the acceptance of a thing that looks again as it ordinarily did before it. @returns whether there was one */
  endBy(record: Pick<StoredRecord, "sensor" | "key">, look: JsonObject | null): boolean {
    const { alerts, outbox } = this.#parts;
    const { sensor, key } = record;
    const acceptance = alerts.acceptance(sensor, key);
    if (acceptance === null || typeof acceptance.before === "string") return false;
    if (!isSameLook(acceptance.before as JsonObject | null, look, this.#informative(sensor))) return false;
    alerts.forgetAcceptance(sensor, key);
    outbox.add("accept.ended", "garrison", { alert: acceptance.alert });
    return true;
  }

  #remember(acceptance: Omit<Acceptance, "expiresAtUnixMs">, until: number | null): void {
    const { alerts } = this.#parts;
    const { sensor, key } = acceptance;
    // What was ordinary before an earlier acceptance is what the thing goes back to.
    const { before } = alerts.acceptance(sensor, key) ?? acceptance;
    if (until === null) alerts.forgetAcceptance(sensor, key);
    else alerts.putAcceptance({ ...acceptance, before, expiresAtUnixMs: until });
  }

  /** Makes a thing ordinary as it is now. @returns `null` when it is ordinary already, or nothing is known of it any more */
  #teach(sensor: string, key: string, isForEver: boolean): Lesson | null {
    const { ordinary } = this.#parts;
    const record = ordinary.record(sensor, key);
    if (record !== null) return this.#teachRecord(record, isForEver);
    const member = ordinary.member(sensor, key);
    return member === null ? null : this.#teachMember(member, isForEver);
  }

  #teachRecord(record: StoredRecord, isForEver: boolean): Lesson | null {
    if (isOrdinaryRecord(record, this.#informative(record.sensor))) return null;
    // That it is gone for a while is no reason to forget what it is.
    const next = isForEver ? acceptRecord(record) : { ...record, ordinary: record.seen };
    this.#parts.ordinary.putRecord(record, next);
    return { before: record.ordinary };
  }

  #teachMember(member: StoredMember, isForEver: boolean): Lesson | null {
    const { ordinary } = this.#parts;
    if (member.standing === "unusual") {
      ordinary.putMember(member, acceptMember(member));
      return { before: "unusual" };
    }
    if (!member.isAway) return null;
    // That it is gone is ordinary: it is no member any more. For a while, it stays one that is away.
    if (isForEver) ordinary.putMember(member, null);
    return { before: "ordinary" };
  }

  /** @returns whether what was accepted is still so */
  #unteach({ sensor, key, before }: Acceptance): boolean {
    const { ordinary } = this.#parts;
    const member = ordinary.member(sensor, key);
    if (before === "ordinary") return member?.isAway === true;
    if (before === "unusual") {
      if (member !== null) ordinary.putMember(member, unacceptMember(member));
      return member?.isAway === false;
    }
    return this.#unteachRecord(sensor, key, before as JsonObject | null);
  }

  #unteachRecord(sensor: string, key: string, before: JsonObject | null): boolean {
    const { ordinary } = this.#parts;
    const record = ordinary.record(sensor, key);
    if (record !== null) ordinary.putRecord(record, unacceptRecord(record, before));
    return !isSameLook(record?.seen ?? null, before, this.#informative(sensor));
  }

  #settle(alert: Alert): Outcome {
    const accepted: Alert = { ...alert, state: "accepted" };
    this.#parts.alerts.update(accepted);
    return { type: "accepted", alert: accepted };
  }

  #informative(sensor: string): readonly string[] {
    return this.#parts.facts.get(sensor)?.informative ?? [];
  }
}

/** Nothing is known of an alert of this id. */
export function noSuchAlert(id: string): GarrisonError {
  return new GarrisonError(
    "GARRISON_NO_SUCH_ALERT",
    `Cannot find alert "${id.slice(0, 40)}": expected an id such as "a17"; garrison alerts lists them`,
  );
}

function notOpen(id: string, why: string): GarrisonError {
  return new GarrisonError("GARRISON_NOT_OPEN", `Cannot accept ${id}: ${why}`);
}
