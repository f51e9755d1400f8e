/** Alerts, actors and statuses as text for people. */
import type { Actor } from "#src/model/actor.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { SEVERITIES } from "#src/model/severity.ts";
import { integer, jsonObject, list, nullable, object, oneOf, text } from "#src/wire/check.ts";
import { actor as checkActor, subject as checkSubject } from "#src/wire/facts.ts";
import type { Output } from "./output.ts";

const SENTENCE = text(20_000);
const MAX_LISTED = 50;

/** An alert as the mind sends it: checked, because `up` is root and the mind reads what attackers write. */
export const checkAlert = object({
  id: text(32),
  incident: text(32),
  at: text(32),
  sensor: text(64),
  kind: text(64),
  severity: oneOf(SEVERITIES),
  subject: checkSubject,
  who: nullable(checkActor),
  ordinary: SENTENCE,
  observed: SENTENCE,
  evidence: jsonObject(8, 2000),
  next: list(SENTENCE, 32),
  attack: list(text(32), 32),
  count: integer(0),
  firstAt: text(32),
  lastAt: text(32),
  state: oneOf(["open", "accepted", "closed"]),
  drill: nullable(text(64)),
  host: text(256),
});

/** `root (uid 0, logged in as alice's uid 1000), pid 17 /usr/bin/nc < /bin/bash < /usr/sbin/sshd`. */
export function describeActor(who: Actor | null, output: Output): string {
  if (who === null) return "unknown: found by a scan, or the process had ended";
  const user = who.user === null ? `uid ${who.uid ?? "unknown"}` : `${output.clean(who.user, 64)} (uid ${who.uid})`;
  const login = who.loginUid === null || who.loginUid === who.uid ? "" : `, logged in as uid ${who.loginUid}`;
  const chain = [
    who.exe ?? who.comm ?? "unknown program",
    ...who.parents.slice(0, 4).map(({ exe, comm }) => exe || comm),
  ];
  const home =
    who.container === null ? (who.unit === null ? "" : `, unit ${who.unit}`) : `, container ${who.container}`;
  return `${user}${login}, pid ${who.pid}: ${chain.map((one) => output.clean(one, 200)).join(" < ")}${output.clean(home, 100)}`;
}

/** One line: severity, kind, id, what was seen. */
export function alertLine(alert: Alert, output: Output): string {
  const time = alert.lastAt.slice(0, 19).replace("T", " ");
  const marks = [
    ...(alert.drill === null ? [] : ["drill"]),
    ...(alert.count > 1 ? [`${alert.count} times`] : []),
    ...(alert.state === "open" ? [] : [alert.state]),
  ];
  const mark = marks.length === 0 ? "" : output.style("dim", ` [${marks.join(", ")}]`);
  const id = output.style("bold", alert.id.padEnd(5));
  return `${output.style("dim", time)}  ${output.severity(alert.severity)} ${id} ${alert.kind.padEnd(16)} ${output.clean(alert.observed, 400)}${mark}`;
}

/** All of an alert. */
export function alertText(alert: Alert, output: Output): string[] {
  const field = (name: string, value: string): string => `  ${output.style("dim", name.padEnd(10))} ${value}`;
  const diff = typeof alert.evidence["diff"] === "string" ? alert.evidence["diff"].split("\n") : [];
  const rest = Object.entries(alert.evidence).filter(([name]) => name !== "diff");
  return [
    alertLine(alert, output),
    field("ordinary", output.clean(alert.ordinary)),
    field("who", describeActor(alert.who, output)),
    field("since", `${alert.firstAt}${alert.count > 1 ? `, last ${alert.lastAt}, ${alert.count} times` : ""}`),
    field("incident", `${alert.incident}${alert.attack.length === 0 ? "" : `, ATT&CK ${alert.attack.join(" ")}`}`),
    ...rest.flatMap(([name, value]) =>
      isListOfObjects(value)
        ? [field(name, ""), ...listLines(value, output)]
        : [field(name, isLogLine(value) ? membersText(value, output) : shortText(value, output))],
    ),
    ...(diff.length === 0 ? [] : [field("diff", ""), ...diff.map((line) => `    ${diffStyle(line, output)}`)]),
    field("next", ""),
    ...alert.next.map((command) => `    ${output.clean(command)}`),
  ];
}

function isListOfObjects(value: Json | undefined): value is JsonObject[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => isObject(one));
}

/** A line of a log with where it stands. */
function isLogLine(value: Json | undefined): value is JsonObject {
  return (
    value !== undefined && isObject(value) && typeof value["rule"] === "string" && typeof value["text"] === "string"
  );
}

function shortText(value: Json | undefined, output: Output): string {
  return output.clean(typeof value === "string" ? value : JSON.stringify(value), 600);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The values of an object, of what is so the name; each escaped and cut. */
function membersText(one: JsonObject, output: Output): string {
  return Object.entries(one)
    .map(([name, value]) =>
      output.clean(typeof value === "string" ? value : value === true ? name : JSON.stringify(value), 300),
    )
    .join(" ");
}

/** One line for each. */
function listLines(list: readonly JsonObject[], output: Output): string[] {
  const shown = list.slice(0, MAX_LISTED).map((one) => membersText(one, output));
  const more = list.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].map((line) => `    ${line}`);
}

function diffStyle(line: string, output: Output): string {
  const clean = output.clean(line, 300);
  if (line.startsWith("+")) return output.style("green", clean);
  return line.startsWith("-") ? output.style("red", clean) : output.style("dim", clean);
}
