/** Cuts an alert down to what a message repeats of it. Pure. Everything a process chose is escaped here for the first time. */
import { cleanText } from "#src/lib/clean-text.ts";
import { unreachable } from "#src/lib/unreachable.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Subject } from "#src/model/subject.ts";
import { isHarmlessCommand } from "./harmless-command.ts";
import type { AlertExcerpt, AlertLine } from "./message.ts";

const MAX_ID = 40;
const MAX_KIND = 80;
const MAX_ABOUT = 160;
const MAX_PROSE = 600;
const MAX_LINE_PROSE = 160;
const MAX_PATH = 300;
const MAX_DIFF_LINES = 60;
const MAX_DIFF_LINE = 160;
const MAX_NEXT = 6;
const MAX_PARENTS = 8;
const MAX_BASE64 = 700;

/** What a message needs of an alert; every text clean and of bounded length. */
export function excerptOf(alert: Alert): AlertExcerpt {
  return {
    id: shortText(alert.id, MAX_ID),
    incident: shortText(alert.incident, MAX_ID),
    sensor: shortText(alert.sensor, MAX_KIND),
    kind: shortText(alert.kind, MAX_KIND),
    severity: alert.severity,
    state: alert.state,
    about: describeSubject(alert.subject),
    observed: shortText(alert.observed, MAX_PROSE),
    ordinary: shortText(alert.ordinary, MAX_PROSE),
    who: alert.who === null ? null : cutActor(alert.who),
    diff: diffLines(alert),
    pathBase64: exactPath(alert.subject),
    next: alert.next.filter(isHarmlessCommand).slice(0, MAX_NEXT),
    attack: alert.attack.slice(0, MAX_NEXT).map((technique) => shortText(technique, MAX_ID)),
    count: alert.count,
    at: shortText(alert.at, MAX_ID),
    firstAt: shortText(alert.firstAt, MAX_ID),
    lastAt: shortText(alert.lastAt, MAX_ID),
  };
}

/** The one line that remains of an excerpt. */
export function lineOf({ id, incident, kind, severity, about, observed }: AlertExcerpt): AlertLine {
  return { id, incident, kind, severity, about, observed: shortText(observed, MAX_LINE_PROSE) };
}

/** Clean text of at most `maxLength` characters (and the rest of an escape), escapes counted. */
export function shortText(text: string, maxLength: number): string {
  return cleanText(cleanText(text, maxLength), maxLength);
}

/** A subject in words, clean and short. */
export function describeSubject(subject: Subject): string {
  switch (subject.type) {
    case "socket":
      return shortText(`${subject.protocol} ${hostAndPort(subject.address, subject.port)}`, MAX_ABOUT);
    case "file":
      return shortText(subject.path, MAX_ABOUT);
    case "account":
      return shortText(`account ${subject.name}`, MAX_ABOUT);
    case "address":
      return shortText(`address ${subject.address}`, MAX_ABOUT);
    case "level":
      return shortText(subject.series, MAX_ABOUT);
    case "sensor":
      return shortText(`sensor ${subject.name}`, MAX_ABOUT);
    default:
      return unreachable(subject);
  }
}

function hostAndPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function exactPath(subject: Subject): string | null {
  if (subject.type !== "file" || subject.pathBase64 === undefined) return null;
  return /^[A-Za-z0-9+/]+=*$/.test(subject.pathBase64) && subject.pathBase64.length <= MAX_BASE64
    ? subject.pathBase64
    : null;
}

function cutActor(who: Actor): Actor {
  const cut = (text: string | null): string | null => (text === null ? null : shortText(text, MAX_PATH));
  return {
    ...who,
    user: cut(who.user),
    exe: cut(who.exe),
    comm: cut(who.comm),
    unit: cut(who.unit),
    container: cut(who.container),
    parents: who.parents
      .slice(0, MAX_PARENTS)
      .map(({ pid, exe, comm }) => ({ pid, exe: shortText(exe, MAX_PATH), comm: shortText(comm, MAX_KIND) })),
  };
}

function diffLines(alert: Alert): readonly string[] {
  const diff = alert.evidence["diff"];
  if (typeof diff !== "string" || diff === "") return [];
  const lines = diff.split("\n", MAX_DIFF_LINES + 1).map((line) => shortText(line, MAX_DIFF_LINE));
  return lines.length <= MAX_DIFF_LINES ? lines : [...lines.slice(0, MAX_DIFF_LINES), "(more lines)"];
}
