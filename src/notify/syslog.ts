/** Lines for syslog, and so for the journal of systemd. libc is loaded with the first line. */
import type { Syslog } from "#src/linux/syslog.ts";
import { writeSyslogLine } from "./syslog-line.ts";
import { deliveryError, type Send } from "./transport.ts";

/** The sender of the channel `syslog`. */
export function openSyslog(host: string): Send {
  let opening: Promise<Syslog> | null = null;
  return async (message) => {
    opening ??= openLibcSyslog();
    const { level, text } = writeSyslogLine(message, host);
    try {
      await (await opening).write(level, text);
      return `written as authpriv.${level}`;
    } catch (error) {
      throw deliveryError("syslog", error, { isRefused: false });
    }
  };
}

async function openLibcSyslog(): Promise<Syslog> {
  const { Syslog } = await import("#src/linux/syslog.ts");
  return new Syslog();
}
