/** The channels that are configured. What is not configured is not loaded. */
import type { NotifyOptions } from "./options.ts";
import type { Send, Transport } from "./transport.ts";

/** A transport for each configured channel. Loads and opens nothing before its first message. */
export function openTransports({ mail, webhook, syslog }: NotifyOptions, host: string): readonly Transport[] {
  const transports: Transport[] = [];
  if (mail !== null) {
    const target = `${mail.to.join(", ")} by smtp ${mail.host}:${mail.port}`;
    const send = lazy(async () => (await import("./mail.ts")).openMail(mail, host));
    transports.push({ channel: "mail", target, send });
  }
  if (webhook !== null) {
    const send = lazy(async () => (await import("./webhook.ts")).openWebhook(webhook, host));
    transports.push({ channel: "webhook", target: new URL(webhook.url).origin, send });
  }
  if (syslog) {
    const send = lazy(async () => (await import("./syslog.ts")).openSyslog(host));
    transports.push({ channel: "syslog", target: "authpriv", send });
  }
  return transports;
}

function lazy(open: () => Promise<Send>): Send {
  let opening: Promise<Send> | null = null;
  return async (message, signal) => {
    opening ??= open();
    return (await opening)(message, signal);
  };
}
