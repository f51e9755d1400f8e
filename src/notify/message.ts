/** What is told, and of what. Plain data that survives JSON: messages wait in the store until they are delivered. Types only. */
import type { Actor } from "#src/model/actor.ts";
import type { Alert, AlertState } from "#src/model/alert.ts";
import type { Severity } from "#src/model/severity.ts";

/** Something that happened to an alert. `new` of an alert that is known already is no news: telling twice does no harm. */
export interface NotifyEvent {
  readonly type: "new" | "update" | "repeat" | "closed" | "accepted";
  readonly alert: Alert;
  /** When it happened, Unix milliseconds. */
  readonly atUnixMs: number;
}

/** An alert in one line. All texts are clean and cut. */
export interface AlertLine {
  readonly id: string;
  readonly incident: string;
  readonly kind: string;
  readonly severity: Severity;
  /** The subject in words: a path, `tcp 0.0.0.0:4444`. At most 160 characters. */
  readonly about: string;
  /** What was seen, at most 600 characters here and 160 in a line of others. */
  readonly observed: string;
}

/** What a message repeats of an alert. All texts are clean and cut; some 2 KiB, at most 20 KiB. */
export interface AlertExcerpt extends AlertLine {
  readonly sensor: string;
  readonly state: AlertState;
  readonly who: Actor | null;
  readonly ordinary: string;
  /** Lines of `evidence.diff`, at most 60. */
  readonly diff: readonly string[];
  /** The exact bytes of a hostile path; `null` when `about` is faithful or the path is very long. */
  readonly pathBase64: string | null;
  readonly next: readonly string[];
  readonly attack: readonly string[];
  readonly count: number;
  readonly at: string;
  readonly firstAt: string;
  readonly lastAt: string;
}

/** First word on an incident, or news of one that was told. */
export interface IncidentMessage {
  readonly type: "incident" | "update";
  /** Stable, and unique on this host. */
  readonly id: string;
  readonly atUnixMs: number;
  readonly incident: string;
  /** Highest of the incident. */
  readonly severity: Severity;
  /** What `severity` was when last told; `null` in a first message or when it is the same. */
  readonly severityBefore: Severity | null;
  /** What the thread is called since its first message. */
  readonly headline: Headline;
  /** Ids of the first and of the latest message of the thread, for mail clients. Empty in a first message. */
  readonly previousIds: readonly string[];
  /** The gravest alert that is news; `null` when only states changed. */
  readonly lead: AlertExcerpt | null;
  /** Other alerts that are news. */
  readonly others: readonly AlertLine[];
  /** How many more alerts are news and not listed. */
  readonly more: number;
  /** Alerts of the incident by state, news or not. */
  readonly states: Readonly<Record<AlertState, number>>;
  /** Nothing of the incident is open any more, and that is news. */
  readonly isSettled: boolean;
}

/** What the subject of a thread's mails says. */
export interface Headline {
  readonly severity: Severity;
  readonly kind: string;
  readonly about: string;
}

/** What was not worth a message of its own. */
export interface DigestMessage {
  readonly type: "digest";
  readonly id: string;
  readonly atUnixMs: number;
  readonly sinceUnixMs: number;
  readonly groups: readonly DigestGroup[];
  /** Alerts that an admin accepted since the last digest, so that the others know. */
  readonly accepted: DigestGroup;
}

/** Alerts of one kind. */
export interface DigestGroup {
  readonly kind: string;
  /** How many there are; `lines` holds the first of them. */
  readonly count: number;
  readonly lines: readonly AlertLine[];
}

/** What stands for messages that the hourly limit, or a channel that was down, did not let through. */
export interface SummaryMessage {
  readonly type: "summary";
  readonly id: string;
  readonly atUnixMs: number;
  readonly sinceUnixMs: number;
  readonly reason: "limit" | "outage";
  /** Highest among what it stands for. */
  readonly severity: Severity;
  /** Incidents (`limit`) or messages (`outage`) that it stands for. */
  readonly count: number;
  /** Alerts in them. */
  readonly alerts: number;
  /** The gravest of them, at most 50. */
  readonly lines: readonly SummaryLine[];
}

/** One incident or digest in a summary. */
export interface SummaryLine {
  /** Incident, or id of the message: two lines of one key become one. */
  readonly key: string;
  readonly severity: Severity;
  readonly text: string;
  readonly alerts: number;
}

/** Sent by `garrison notify test`. */
export interface TestMessage {
  readonly type: "test";
  readonly id: string;
  readonly atUnixMs: number;
}

/** News of one alert for syslog, which is told of each at once. */
export interface LineMessage {
  readonly type: "line";
  readonly id: string;
  readonly atUnixMs: number;
  readonly news: NewsType;
  readonly alert: AlertLine;
  readonly who: Pick<Actor, "pid" | "uid" | "user" | "exe"> | null;
}

/** What an event was to those who know the thread. */
export type NewsType = "new" | "raised" | "again" | "closed" | "accepted";

/** What a channel delivers. */
export type Message = IncidentMessage | DigestMessage | SummaryMessage | TestMessage | LineMessage;
