/** Helpers of the tests in this folder and in mind/: a judge with a real store in memory. Named so that it is not shipped. */

import { fileSubject } from "#src/lib/raw-path.ts";
import type { Actor, Parent } from "#src/model/actor.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Census, Observation } from "#src/model/observation.ts";
import type { Subject } from "#src/model/subject.ts";
import { facts as filesFacts } from "#src/sensors/files/facts.ts";
import { facts as listenersFacts } from "#src/sensors/listeners/facts.ts";
import { facts as secretsFacts } from "#src/sensors/secrets/facts.ts";
import { type AlertFilter, AlertStore } from "#src/store/alert-store.ts";
import { OrdinaryStore } from "#src/store/ordinary-store.ts";
import { Outbox, type OutboxEntry } from "#src/store/outbox.ts";
import { Store } from "#src/store/store.ts";
import type { Outcome } from "./alerter.ts";
import type { SensorFacts } from "./contract.ts";
import { Drills } from "./drills.ts";
import { Judge } from "./judge.ts";

/** When the host began, Unix milliseconds. */
export const START = Date.UTC(2026, 10, 3, 14, 0);
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
export const CANARY = "/var/lib/garrison/canary/secret";

/** Sensors with plain meanings: whatever comes, goes or differs is an alert, unless its facts say `lawful`. */
export const plainFacts: SensorFacts = {
  kinds: { "plain.new": "n", "plain.gone": "g", "plain.changed": "c", "plain.created": "c", "plain.deleted": "d" },
  informative: ["note"],
  alertsWhileLearning: ({ observation }) => observation.facts?.["suspicious"] === true,
  judge: ({ type, observation: { facts, key } }) =>
    facts?.["lawful"] === true
      ? null
      : {
          kind: `plain.${type}`,
          severity: "medium",
          ordinary: "nothing of it",
          observed: `${key} is ${type}`,
          evidence: { facts },
          next: ["garrison actions restore-file-attributes ALERT", "stat -- /srv/ALERT"],
          attack: ["T1000"],
        },
};

/** The judge of one host with all that it works on. */
export interface TestHost extends Disposable {
  readonly store: Store;
  readonly ordinary: OrdinaryStore;
  readonly alerts: AlertStore;
  readonly outbox: Outbox;
  readonly drills: Drills;
  readonly judge: Judge;
  /** Facts in one transaction, as the intake takes them. */
  take(...facts: (Observation | Census)[]): readonly Outcome[];
  accept(id: string, atUnixMs: number, forMs?: number): readonly Outcome[];
  expire(atUnixMs: number): readonly Outcome[];
  /** Journal entries of a kind. */
  entries(kind: string): readonly OutboxEntry[];
}

/** How the host differs from a usual one. */
export interface TestHostOptions {
  /** @default 24 h */
  readonly learnMs?: number;
  /** When its sensors first ran. @default START */
  readonly sinceUnixMs?: number;
  readonly facts?: SensorFacts;
  /** Whose facts these are. @default "plain" */
  readonly sensor?: string;
  readonly store?: Store;
}

export function openHost({
  learnMs = DAY,
  sinceUnixMs = START,
  facts = plainFacts,
  sensor = "plain",
  store: given,
}: TestHostOptions = {}): TestHost {
  const store = given ?? Store.open(":memory:", { maxBytes: 64 * 1024 * 1024 }).store;
  const ordinary = new OrdinaryStore(store);
  const alerts = new AlertStore(store, "web1");
  const outbox = new Outbox(store);
  const drills = new Drills();
  const judge = new Judge({
    ordinary,
    alerts,
    outbox,
    drills,
    knowledge: { packageOf: () => null },
    userName: (uid) => (uid === 0 ? "root" : null),
    facts: new Map([
      [sensor, facts],
      ["files", filesFacts],
      ["secrets", secretsFacts],
      ["listeners", listenersFacts],
    ]),
    learnMs,
    sensorSince: () => sinceUnixMs,
    isCanary: (group) => group === CANARY,
  });
  return {
    store,
    ordinary,
    alerts,
    outbox,
    drills,
    judge,
    take: (...list) => store.transaction(() => list.flatMap((fact) => judge.take(fact))),
    accept: (id, atUnixMs, forMs = 0) => store.transaction(() => judge.accept(id, "admin:root", forMs, atUnixMs)),
    expire: (atUnixMs) => store.transaction(() => judge.expireAcceptances(atUnixMs)),
    entries: (kind) => outbox.after(0, 100_000).filter((entry) => entry.kind === kind),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

/** The alerts that a filter lets through. */
export function listAlerts(alerts: AlertStore, filter: AlertFilter): readonly Alert[] {
  return alerts.listIds(filter).flatMap((id) => alerts.get(id) ?? []);
}

type Given = Partial<Omit<Observation, "type" | "key">>;

/** A member that is there. */
export function present(key: string, atUnixMs: number, given: Given = {}): Observation {
  return { ...PLAIN, type: "present", facts: {}, ...given, key, atUnixMs };
}

/** A member that is not there. */
export function absent(key: string, atUnixMs: number, given: Given = {}): Observation {
  return { ...PLAIN, type: "absent", facts: {}, ...given, key, atUnixMs };
}

/** How a thing looks; `null`: it is gone. */
export function record(key: string, facts: JsonObject | null, atUnixMs: number, given: Given = {}): Observation {
  return { ...PLAIN, type: "record", ...given, key, facts, atUnixMs };
}

export function census(keys: readonly string[], atUnixMs: number, sensor = "plain", group = ""): Census {
  return { type: "census", sensor, group, keys, atUnixMs };
}

const PLAIN = {
  sensor: "plain",
  group: "",
  subject: { type: "account", name: "x" } as Subject,
  who: null,
  scanned: false,
};

/** A process with its ancestors as `pid:exe` texts, nearest first. */
export function actor(
  pid: number,
  exe: string | null,
  ancestors: readonly string[] = [],
  uid: number | null = 0,
): Actor {
  const parents = ancestors.map((text): Parent => {
    const [parentPid, parentExe = ""] = text.split(":");
    return { pid: Number(parentPid), exe: parentExe, comm: parentExe.split("/").at(-1) ?? "" };
  });
  const comm = exe?.split("/").at(-1) ?? null;
  return { pid, uid, user: null, loginUid: null, exe, comm, startTicks: pid, unit: null, container: null, parents };
}

/** A listener as its sensor tells of it. */
export function listener(exe: string, port: number, atUnixMs: number, given: Given = {}): Observation {
  const facts = {
    protocol: "tcp",
    address: "0.0.0.0",
    port,
    addressClass: "any",
    ephemeral: false,
    exe,
    uid: 33,
    pid: 100,
    unit: null,
    container: null,
    namespace: "host",
  };
  const subject: Subject = { type: "socket", protocol: "tcp", address: "0.0.0.0", port };
  return present(`tcp any ${port} ${exe}`, atUnixMs, { sensor: "listeners", group: "host", subject, facts, ...given });
}

/** A watched file as its sensor tells of it. */
export function file(path: string, facts: JsonObject | null, atUnixMs: number, given: Given = {}): Observation {
  const look = facts === null ? null : { ...FILE, ...facts };
  return record(path, look, atUnixMs, { sensor: "files", group: path, subject: fileSubject(path), ...given });
}

const FILE = {
  type: "file",
  mode: "0644",
  uid: 0,
  gid: 0,
  sizeBytes: 10,
  sha256: "aa",
  xattrs: [],
  flags: [],
  mtimeMs: 1,
  ctimeMs: 1,
  inode: "7",
  links: 1,
  secret: false,
};

/** A secret that came into being, or went. */
export function secret(path: string, isThere: boolean, atUnixMs: number, group = path): Observation {
  const facts = isThere ? { type: "file", mode: "0600", uid: 0, gid: 0, sizeBytes: 10 } : null;
  return record(path, facts, atUnixMs, { sensor: "secrets", group, subject: fileSubject(path), scanned: true });
}

/** A read of a secret. */
export function read(
  path: string,
  exe: string,
  atUnixMs: number,
  given: Given & { readonly uid?: number } = {},
): Observation {
  const { uid = 0, ...rest } = given;
  const facts = { path, exe, exeSha256: null, uid, parentExe: null, unit: null, how: "read" };
  const key = JSON.stringify([path, exe, uid, null]);
  return present(key, atUnixMs, {
    sensor: "secrets",
    group: path,
    subject: fileSubject(path),
    facts,
    who: actor(50, exe, [], uid),
    ...rest,
  });
}

/** Types and kinds of outcomes, such as `new plain.new a1`. */
export function told(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ type, alert }) => `${type} ${alert.kind} ${alert.id}`);
}
