/** What a message is called: the subject of its mail. Pure. */
import { unreachable } from "#src/lib/unreachable.ts";
import { shortText } from "./excerpt.ts";
import type { DigestMessage, Headline, IncidentMessage, Message, SummaryMessage } from "./message.ts";
import { amount } from "./prose.ts";

const MAX_TITLE = 200;
const MAX_HOST = 64;
const MAX_ABOUT = 100;

/** Such as `[garrison host1] critical: file.mode /etc/passwd (i17)`: one clean line of at most some 200 characters. */
export function titleOf(message: Message, host: string): string {
  const prefix = message.type === "update" && message.severityBefore === null ? "Re: " : "";
  return headerText(`${prefix}[garrison ${shortText(host, MAX_HOST)}] ${words(message)}`, MAX_TITLE);
}

/** Clean text for a mail header: `=?` is broken, because mail programs would decode what follows (RFC 2047), control characters and all. */
export function headerText(text: string, maxLength: number): string {
  return shortText(text, maxLength).replaceAll("=?", "=\\x3f");
}

function words(message: Message): string {
  switch (message.type) {
    case "incident":
    case "update":
      return incidentWords(message);
    case "digest":
      return digestWords(message);
    case "summary":
      return summaryWords(message);
    case "test":
      return "test: this is a test, nothing has happened";
    case "line":
      return threadWords(message.alert, message.alert.severity, message.alert.incident);
    default:
      return unreachable(message);
  }
}

/** Mail programs thread by References, some by the subject too: it changes only when the severity rises. */
function incidentWords({ headline, severity, severityBefore, incident }: IncidentMessage): string {
  if (severityBefore === null) return threadWords(headline, headline.severity, incident);
  return threadWords(headline, `${severity} (was ${severityBefore})`, incident);
}

function threadWords({ kind, about }: Omit<Headline, "severity">, severity: string, incident: string): string {
  return `${severity}: ${kind} ${shortText(about, MAX_ABOUT)} (${incident})`;
}

function digestWords({ groups, accepted }: DigestMessage): string {
  const alerts = groups.reduce((sum, { count }) => sum + count, 0);
  if (alerts === 0) return `digest: ${amount(accepted.count, "alert")} accepted`;
  return `digest: ${amount(alerts, "alert")} of ${amount(groups.length, "kind")}`;
}

function summaryWords({ reason, severity, count }: SummaryMessage): string {
  return reason === "limit"
    ? `${severity}: ${count} more incident${count === 1 ? "" : "s"}, run garrison alerts`
    : `${severity}: ${amount(count, "message")} that could not be delivered one by one`;
}
