/** Writes a message as a mail. Pure: the same message is always the same mail, so that a double can be recognised. */
import { unreachable } from "#src/lib/unreachable.ts";
import type { Actor } from "#src/model/actor.ts";
import type {
  AlertExcerpt,
  AlertLine,
  DigestGroup,
  DigestMessage,
  IncidentMessage,
  Message,
  SummaryLine,
  SummaryMessage,
} from "./message.ts";
import { amount, block, field, joinLines, wrap } from "./prose.ts";
import { titleOf } from "./title.ts";

/** A mail without its addresses. */
export interface Letter {
  readonly subject: string;
  /** Plain text, lines end in `\n`. */
  readonly text: string;
  /** With angle brackets, as the two below. */
  readonly messageId: string;
  /** `null` for the first of a thread. */
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  readonly date: Date;
}

/** The mail of a message. @param host name of this host, as in the alerts */
export function writeLetter(message: Message, host: string): Letter {
  const previous = message.type === "update" ? message.previousIds : [];
  const references = previous.map((id) => messageId(id, host));
  return {
    subject: titleOf(message, host),
    text: joinLines([...bodyOf(message), "", ...footer(host)]),
    messageId: messageId(message.id, host),
    inReplyTo: references.at(-1) ?? null,
    references,
    date: new Date(message.atUnixMs),
  };
}

/** The host as a domain of mail headers: letters, digits, dots and hyphens only. */
export function mailDomain(host: string): string {
  const domain = host.replace(/[^A-Za-z0-9.-]/g, "-").replace(/^[.-]+|[.-]+$/g, "");
  return domain.slice(0, 200) || "localhost";
}

function messageId(id: string, host: string): string {
  return `<garrison-${id.replace(/[^A-Za-z0-9-]/g, "_").slice(0, 100)}@${mailDomain(host)}>`;
}

function bodyOf(message: Message): string[] {
  switch (message.type) {
    case "incident":
    case "update":
      return incidentBody(message);
    case "digest":
      return digestBody(message);
    case "summary":
      return summaryBody(message);
    case "test":
      return wrap(
        "This is a test of garrison. Nothing has happened. Alerts arrive the same way as this message.",
        "",
        0,
      );
    case "line":
      return alertLine(message.alert);
    default:
      return unreachable(message);
  }
}

function incidentBody(message: IncidentMessage): string[] {
  const { lead, others, more } = message;
  const isUpdate = message.type === "update";
  return [
    ...opening(message),
    ...(lead === null ? [] : ["", ...describeAlert(lead)]),
    ...block(lead === null ? "News" : isUpdate ? "More news of this incident" : "Also in this incident", [
      ...others.flatMap(alertLine),
      ...(more > 0 ? [`and ${more} more: garrison alerts`] : []),
    ]),
    ...(lead === null ? block("Next", ["garrison alerts"]) : commands(lead)),
  ];
}

function opening({ type, incident, severity, severityBefore, states, isSettled }: IncidentMessage): string[] {
  const { open, closed, accepted } = states;
  const all = open + closed + accepted;
  if (type === "incident" && !isSettled)
    return wrap(`Incident ${incident}, ${severity}, ${amount(all, "alert")}.`, "", 0);
  const rise = severityBefore === null ? "" : ` The severity has risen from ${severityBefore} to ${severity}.`;
  const end = isSettled ? " Nothing of it is open any more." : "";
  const counts = `${open} open, ${closed} closed, ${accepted} accepted`;
  return wrap(`News of incident ${incident}: ${amount(all, "alert")}, ${counts}.${rise}${end}`, "", 0);
}

function describeAlert(alert: AlertExcerpt): string[] {
  const { count, firstAt, lastAt } = alert;
  const seen = count > 1 ? `, ${count} times, last ${lastAt}` : "";
  return [
    ...field("Alert", `${alert.id}, ${alert.severity}, ${alert.kind}, ${alert.state}`),
    ...field("What", alert.observed),
    ...field("Where", alert.about),
    ...(alert.pathBase64 === null ? [] : field("Base64", alert.pathBase64)),
    ...field("Ordinary", alert.ordinary),
    ...describeActor(alert.who),
    ...field("Since", `${firstAt}${seen}`),
    ...(alert.attack.length === 0 ? [] : field("ATT&CK", alert.attack.join(", "))),
    // A bar before each line: what a file contains cannot pass for a part of this letter.
    ...block(
      "What changed",
      alert.diff.map((line) => `| ${line}`),
    ),
  ];
}

function describeActor(who: Actor | null): string[] {
  if (who === null) return field("Who", "not known");
  const words = [
    `${who.user ?? "user not known"} (uid ${who.uid ?? "not known"})`,
    ...(who.loginUid === null ? [] : [`logged in as uid ${who.loginUid}`]),
    `pid ${who.pid}`,
    who.exe ?? who.comm ?? "program not known",
    ...(who.unit === null ? [] : [`unit ${who.unit}`]),
    ...(who.container === null ? [] : [`container ${who.container}`]),
  ];
  const parents = who.parents.map(({ pid, exe, comm }) => `${exe === "" ? comm : exe} (pid ${pid})`);
  return [
    ...field("Who", words.join(", ")),
    ...(parents.length === 0 ? [] : field("", `started by ${parents.join(", by ")}`)),
  ];
}

function commands({ id, next }: AlertExcerpt): string[] {
  const shown = new Set([...next, `garrison explain ${id}`]);
  return [...block("Next", [...shown]), ...block("If this is ordinary on this host", [`garrison accept ${id}`])];
}

function alertLine({ id, severity, kind, about, observed }: AlertLine): string[] {
  return [...wrap(`${id}, ${severity}, ${kind} ${about}`, "", 4), ...wrap(observed, "    ", 4)];
}

function digestBody({ groups, accepted, sinceUnixMs }: DigestMessage): string[] {
  const alerts = groups.reduce((sum, { count }) => sum + count, 0);
  const since = new Date(sinceUnixMs).toISOString();
  return [
    ...wrap(`${amount(alerts, "alert")} since ${since} that had no message of their own.`, "", 0),
    ...groups.flatMap((group) => groupLines(group.kind, group)),
    ...groupLines("Accepted as ordinary by an admin", accepted),
    ...block("Next", ["garrison alerts"]),
  ];
}

function groupLines(heading: string, { count, lines }: DigestGroup): string[] {
  const beyond = count - lines.length;
  return block(`${heading} (${count})`, [...lines.flatMap(alertLine), ...(beyond > 0 ? [`and ${beyond} more`] : [])]);
}

function summaryBody({ reason, count, alerts, lines, sinceUnixMs }: SummaryMessage): string[] {
  const since = new Date(sinceUnixMs).toISOString();
  const why =
    reason === "limit"
      ? `${count} more incident${count === 1 ? "" : "s"} with ${amount(alerts, "alert")} since ${since}: the limit of messages an hour (notify.maxPerHour) was reached.`
      : `${amount(count, "message")} about ${amount(alerts, "alert")} since ${since} could not be delivered one by one, because this channel failed or fell behind.`;
  const shown = lines.map(summaryLine);
  const isCut = lines.length < count;
  return [
    ...wrap(why, "", 0),
    ...block("The gravest of them", isCut ? [...shown, "and more: garrison alerts"] : shown),
    ...block("Next", ["garrison alerts"]),
  ];
}

function summaryLine({ severity, text, alerts }: SummaryLine): string {
  return alerts === 0 ? `${severity}: ${text}` : `${severity}: ${text} (${amount(alerts, "alert")})`;
}

function footer(host: string): string[] {
  return wrap(`Sent by garrison on ${host}. Who is told and how often: notify in garrison.yaml.`, "", 0);
}
