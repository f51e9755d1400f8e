/**
 * Takes facts, compares them with what is ordinary, and makes alerts of what is not. Works on the store only: the caller runs it
 * in a transaction, and tells the outcomes when that is committed.
 */

import { cutText } from "#src/lib/cut-text.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import type { Census, Observation } from "#src/model/observation.ts";
import { type Group, isLearning, seeGroup } from "#src/ordinary/learning.ts";
import { acceptRecord, isOrdinaryRecord, lookAtRecord } from "#src/ordinary/record.ts";
import { acceptMember, missMember, seeMember } from "#src/ordinary/set.ts";
import type { AlertStore } from "#src/store/alert-store.ts";
import type { OrdinaryStore, StoredMember, Thing } from "#src/store/ordinary-store.ts";
import type { Outbox } from "#src/store/outbox.ts";
import { Acceptances } from "./acceptances.ts";
import { Alerter, type Outcome } from "./alerter.ts";
import type { Change, HostKnowledge, SensorFacts, Verdict } from "./contract.ts";
import type { Drills } from "./drills.ts";

/** What the judge works with. */
export interface JudgeParts {
  readonly ordinary: OrdinaryStore;
  readonly alerts: AlertStore;
  readonly outbox: Outbox;
  readonly drills: Drills;
  readonly knowledge: Pick<HostKnowledge, "packageOf">;
  readonly userName: (uid: number) => string | null;
  readonly facts: ReadonlyMap<string, SensorFacts>;
  readonly learnMs: number;
  /** When each sensor first ran on this host, Unix milliseconds. */
  readonly sensorSince: (sensor: string) => number;
  /** Groups that nobody ordinarily belongs to: canaries. */
  readonly isCanary: (group: string) => boolean;
}

/** The judge of one host. */
export class Judge {
  readonly #parts: JudgeParts;
  readonly #alerter: Alerter;
  readonly #acceptances: Acceptances;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#alerter = new Alerter(parts);
    this.#acceptances = new Acceptances({ ...parts, alerter: this.#alerter });
  }

  /**
   * Takes one fact. Facts of sensors that are not enabled are passed over.
   * @param isSuspect a newcomer is not taken in, even while the host or its group is still being learnt
   */
  take(fact: Observation | Census, { isSuspect = false }: { readonly isSuspect?: boolean } = {}): readonly Outcome[] {
    const facts = this.#parts.facts.get(fact.sensor);
    if (facts === undefined) return [];
    switch (fact.type) {
      case "present":
        return this.#takePresent(this.#named(fact), facts, isSuspect);
      case "absent":
        return this.#takeAbsent(this.#named(fact), facts);
      case "record":
        return this.#takeRecord(this.#named(fact), facts);
      default:
        return this.#takeCensus(fact, facts);
    }
  }

  /** Takes in what a decision of an admin has made ordinary, though no alert tells of it by itself. */
  teach(observation: Observation): readonly Outcome[] {
    const { ordinary } = this.#parts;
    const { sensor, key, atUnixMs } = observation;
    this.#seeGroup(observation);
    const { next } = seeMember(ordinary.member(sensor, key), observation.facts ?? {}, { isLearning: true, atUnixMs });
    if (next !== null) ordinary.putMember(observation, acceptMember(next));
    return this.#alerter.closeAll(sensor, key);
  }

  /** Takes something that happened: it is told when its sensor says so, and is no member of anything. */
  raise(event: Observation): readonly Outcome[] {
    const facts = this.#parts.facts.get(event.sensor);
    return facts === undefined ? [] : this.#judge({ type: "new", observation: event, before: null, fields: [] }, facts);
  }

  /** Tells what the caller has judged. */
  alert(observation: Observation, verdict: Verdict): readonly Outcome[] {
    return this.#alerter.raise(observation, [verdict]);
  }

  /** What was told of a thing is over. */
  settle(sensor: string, key: string): readonly Outcome[] {
    return this.#alerter.closeAll(sensor, key);
  }

  /**
   * What an alert tells of is ordinary from now on.
   * @param forMs how long; 0: for ever
   * @throws GarrisonError `GARRISON_NO_SUCH_ALERT`, `GARRISON_NOT_OPEN`
   */
  accept(id: string, by: string, forMs: number, nowUnixMs: number): readonly Outcome[] {
    return this.#acceptances.accept(id, by, forMs, nowUnixMs);
  }

  /** Acceptances that have run out: their alerts are open again. */
  expireAcceptances(nowUnixMs: number): readonly Outcome[] {
    return this.#acceptances.expire(nowUnixMs);
  }

  /** Alerts of a drill that has ended; `null`: of any drill. */
  closeDrill(name: string | null): readonly Outcome[] {
    return this.#alerter.closeDrill(name);
  }

  /** How long newcomers of a group are taken in; 0: never. */
  learnMsOf(group: string): number {
    return this.#parts.isCanary(group) ? 0 : this.#parts.learnMs;
  }

  #takePresent(observation: Observation, facts: SensorFacts, isSuspect: boolean): readonly Outcome[] {
    const { ordinary } = this.#parts;
    const { sensor, group, key, atUnixMs, scanned } = observation;
    const state = this.#seeGroup(observation);
    const isListed = ordinary.isListed(sensor, group);
    const known = ordinary.member(sensor, key);
    const { next, change } = seeMember(known, observation.facts ?? {}, {
      // Whatever the time of learning, what the first scan finds was there before us.
      isLearning:
        !isSuspect &&
        ((scanned && !isListed) ||
          isLearning(state, this.learnMsOf(group), atUnixMs) ||
          (known === null && facts.stillLearns?.(observation, this.#knowledge(observation)) === true)),
      atUnixMs,
    });
    ordinary.putMember(observation, next);
    if (change === "back") return this.#alerter.closeAll(sensor, key);
    if (change === null) return [];
    const repeats = change === "again" ? this.#alerter.repeat(observation) : [];
    if (repeats.length > 0) return repeats;
    const difference: Change = { type: "new", observation, before: null, fields: [] };
    if (change === "learnt" && facts.alertsWhileLearning?.(difference) !== true) {
      if (isListed || !scanned) this.#journalLearnt(observation);
      return [];
    }
    const outcomes = this.#judge(difference, facts);
    // Lawful by its meaning, or staged: nothing to remember.
    const isForgotten = outcomes.length === 0 || isStaged(outcomes);
    if (isForgotten) ordinary.putMember(observation, known);
    else if (next !== null) ordinary.putMember(observation, { ...next, standing: "unusual" });
    return outcomes;
  }

  #takeAbsent(observation: Observation, facts: SensorFacts): readonly Outcome[] {
    const { ordinary } = this.#parts;
    const { sensor, key } = observation;
    const known = ordinary.member(sensor, key);
    const { next, change } = missMember(known);
    if (next !== null) ordinary.putMember(observation, next);
    if (change === "left") return this.#alerter.closeAll(sensor, key);
    // What is ordinary for a while only may leave within it.
    if (change !== "gone" || this.#acceptances.holds(sensor, key)) return [];
    return this.#judge({ type: "gone", observation, before: known?.facts ?? null, fields: [] }, facts);
  }

  #takeRecord(observation: Observation, facts: SensorFacts): readonly Outcome[] {
    const { ordinary } = this.#parts;
    const { sensor, group, key, atUnixMs } = observation;
    const known = ordinary.record(sensor, key);
    const informative = facts.informative ?? [];
    const moment = { isListed: ordinary.isListed(sensor, group), atUnixMs, informative };
    const { next, change, fields, isBack } = lookAtRecord(known, observation.facts, moment);
    // What was ordinary before an acceptance that ends some day is remembered until then.
    const isHeld = next === null && known !== null && this.#acceptances.holds(sensor, key);
    ordinary.putRecord(observation, isHeld ? { ...known, seen: null } : next);
    if (isBack) return this.#alerter.closeAll(sensor, key);
    if (change === null) return [];
    if (this.#acceptances.endBy(observation, observation.facts)) {
      ordinary.putRecord(observation, next === null ? null : acceptRecord(next));
      return this.#alerter.closeAll(sensor, key);
    }
    const wasOrdinary = known === null || isOrdinaryRecord(known, informative);
    const unusual = wasOrdinary ? {} : { ordinary: known.ordinary };
    const before = known?.seen ?? null;
    const outcomes = this.#judge({ type: change, observation, before, fields, ...unusual }, facts);
    if (isStaged(outcomes)) ordinary.putRecord(observation, known);
    // What changes lawfully is ordinary from now on, unless it was unusual before.
    if (outcomes.length === 0 && wasOrdinary && next !== null) ordinary.putRecord(observation, acceptRecord(next));
    return outcomes;
  }

  /** A group has been listed: what was not in the list is gone. */
  #takeCensus(census: Census, facts: SensorFacts): readonly Outcome[] {
    const { ordinary } = this.#parts;
    const { sensor, group } = census;
    const keys = new Set(census.keys);
    const isMissing = ({ key }: { readonly key: string }): boolean => !keys.has(key);
    const members = this.#listedMembers(census).filter((one) => isMissing(one) && !one.isAway);
    const records = ordinary.recordsOf(sensor, group).filter((one) => isMissing(one) && one.seen !== null);
    const outcomes = [
      ...members.flatMap((member) =>
        this.#takeAbsent({ ...missing(member, census), type: "absent", facts: member.facts }, facts),
      ),
      ...records.flatMap((record) =>
        this.#takeRecord({ ...missing(record, census), type: "record", facts: null }, facts),
      ),
    ];
    if (!ordinary.isListed(sensor, group)) {
      ordinary.putListing(sensor, group);
      if (keys.size > 0) this.#journalListing(census);
    }
    return outcomes;
  }

  /** Members that a scan can find: the readers of a secret are none, though their group may have the name of a listed one. */
  #listedMembers({ sensor, group }: Census): readonly StoredMember[] {
    const { ordinary } = this.#parts;
    return ordinary.group(sensor, group)?.isScanned === true ? ordinary.membersOf(sensor, group) : [];
  }

  /** Alerts of one change. */
  #judge(change: Change, facts: SensorFacts): readonly Outcome[] {
    const verdicts = facts.judge(change, this.#knowledge(change.observation));
    if (verdicts === null) return [];
    return this.#alerter.raise(change.observation, isList(verdicts) ? verdicts : [verdicts]);
  }

  /** What was known of this host before an observation; members are read once for one judgement. */
  #knowledge({ key }: Observation): HostKnowledge {
    const { ordinary, knowledge } = this.#parts;
    const read = new Map<string, readonly StoredMember[]>();
    return {
      members: (sensor) => {
        const members = read.get(sensor) ?? ordinary.ordinaryMembers(sensor).filter((member) => member.key !== key);
        read.set(sensor, members);
        return members;
      },
      membersOf: (sensor, group) =>
        ordinary.membersOf(sensor, group).filter((member) => member.standing === "ordinary" && member.key !== key),
      packageOf: (path) => knowledge.packageOf(path),
    };
  }

  #seeGroup({ sensor, group, atUnixMs, scanned }: Observation): Group {
    const { ordinary } = this.#parts;
    const known = ordinary.group(sensor, group);
    const seen = seeGroup(known ?? this.#newGroup(sensor, group, atUnixMs), atUnixMs, scanned);
    if (seen !== known) ordinary.putGroup(sensor, group, seen);
    return seen;
  }

  #newGroup(sensor: string, group: string, atUnixMs: number): Group {
    const { ordinary, sensorSince } = this.#parts;
    // The readers of a secret are learnt from the day the secret was known, not from its first read: that one may be the thief's.
    const sinceUnixMs = ordinary.record(sensor, group)?.firstAtUnixMs ?? Math.min(sensorSince(sensor), atUnixMs);
    return { sinceUnixMs, latestUnixMs: atUnixMs, isScanned: false };
  }

  #named(observation: Observation): Observation {
    const { who } = observation;
    if (who === null || who.uid === null) return observation;
    return { ...observation, who: { ...who, user: this.#parts.userName(who.uid) } };
  }

  #journalLearnt({ sensor, group, facts }: Observation): void {
    this.#parts.outbox.add("learn", "garrison", { sensor, group: cutText(showRawPath(group), 500), learnt: facts });
  }

  #journalListing({ sensor, group, keys, atUnixMs }: Census): void {
    const at = new Date(atUnixMs).toISOString();
    const data = { sensor, group: cutText(showRawPath(group), 500), listed: keys.length, at };
    this.#parts.outbox.add("learn", "garrison", data);
  }
}

function isList(verdicts: Verdict | readonly Verdict[]): verdicts is readonly Verdict[] {
  return Array.isArray(verdicts);
}

function isStaged(outcomes: readonly Outcome[]): boolean {
  return outcomes.some(({ alert }) => alert.drill !== null);
}

function missing({ sensor, group, key, subject }: Thing, { atUnixMs }: Census): Omit<Observation, "type" | "facts"> {
  return { sensor, group, key, subject, who: null, atUnixMs, scanned: true };
}
