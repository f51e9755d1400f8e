/** Writes a message as one line for syslog. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { SyslogLevel } from "#src/linux/syslog.ts";
import type { Severity } from "#src/model/severity.ts";
import type { LineMessage, Message } from "./message.ts";
import { titleOf } from "./title.ts";

const LEVELS: Readonly<Record<Severity, SyslogLevel>> = {
  critical: "crit",
  high: "err",
  medium: "warning",
  low: "notice",
};

/**
 * Such as `new critical file.mode alert=a17 incident=i17 subject="/etc/passwd" observed="…" uid=0 pid=4711 exe="/bin/chmod"`.
 * Texts that a process chose are quoted, so that they cannot pass for a field or for a line of another program.
 */
export function writeSyslogLine(message: Message, host: string): { level: SyslogLevel; text: string } {
  if (message.type !== "line") {
    const level = message.type === "summary" ? LEVELS[message.severity] : "info";
    return { level, text: titleOf(message, host) };
  }
  const isOver = message.news === "closed" || message.news === "accepted";
  return { level: isOver ? "info" : LEVELS[message.alert.severity], text: lineText(message) };
}

function lineText({ news, alert, who }: LineMessage): string {
  const { severity, kind, id, incident, about, observed } = alert;
  const actor =
    who === null
      ? ""
      : ` uid=${who.uid ?? "?"} user=${quote(who.user ?? "?")} pid=${who.pid} exe=${quote(who.exe ?? "?")}`;
  const facts = `alert=${id} incident=${incident} subject=${quote(about)} observed=${quote(observed)}${actor}`;
  return cleanText(`${news} ${severity} ${kind} ${facts}`);
}

function quote(text: string): string {
  return `"${cleanText(text).replace(/["\\]/g, "\\$&")}"`;
}
