/**
 * Mail through SMTP. The mind has no_new_privs, so that no setuid sendmail can be started: the local MTA is reached on loopback.
 * nodemailer is loaded with the first mail.
 */
import type { SendMailOptions, SMTPSentMessageInfo, SMTPTransportOptions, Transporter } from "nodemailer";
import { errnoOf } from "#src/lib/errors.ts";
import { shortText } from "./excerpt.ts";
import { mailDomain, writeLetter } from "./letter.ts";
import type { Message } from "./message.ts";
import type { MailOptions } from "./options.ts";
import { headerText } from "./title.ts";
import { deliveryError, type Send } from "./transport.ts";

const TIMEOUT_MS = 10_000;
// A whole delivery; each step of it has TIMEOUT_MS. Spam filters of a busy MTA take their time.
const DEADLINE_MS = 60_000;

// So that no autoresponder, list or out-of-office note answers.
const HEADERS = {
  "Auto-Submitted": "auto-generated",
  Precedence: "bulk",
  "X-Auto-Response-Suppress": "All",
};

/** The sender of the channel `mail`. Nothing is opened before the first message; each message has a connection of its own. */
export function openMail(options: MailOptions, host: string): Send {
  let opening: Promise<Transporter<SMTPSentMessageInfo>> | null = null;
  return async (message, signal) => {
    opening ??= openTransporter(options, host);
    const mail = {
      ...mailOf(message, options, host),
      signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
    };
    try {
      const { response, rejected } = await (await opening).sendMail(mail);
      return describe(response, rejected);
    } catch (error) {
      throw deliveryError(`smtp ${options.host}:${options.port}`, error, { isRefused: isPermanent(error) });
    }
  };
}

function mailOf(message: Message, { from, to }: MailOptions, host: string): SendMailOptions {
  const { references, inReplyTo, ...letter } = writeLetter(message, host);
  return {
    ...letter,
    from: { name: `garrison ${headerText(host, 64)}`, address: from },
    to: [...to],
    references: [...references],
    ...(inReplyTo === null ? {} : { inReplyTo }),
    headers: HEADERS,
  };
}

async function openTransporter(options: MailOptions, host: string): Promise<Transporter<SMTPSentMessageInfo>> {
  const { createTransport } = await import("nodemailer");
  const { security, user, password } = options;
  const settings: SMTPTransportOptions = {
    host: options.host,
    port: options.port,
    name: mailDomain(host),
    secure: security === "tls",
    requireTLS: security === "starttls",
    // A local MTA offers STARTTLS with a certificate that nobody signed: on loopback there is nothing to hide from.
    ignoreTLS: security === "none",
    ...(user === null ? {} : { auth: { user, pass: password ?? "" } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    dnsTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return createTransport(settings);
}

function describe(response: string, rejected: readonly string[]): string {
  const refused = rejected.length === 0 ? "" : `, refused: ${rejected.join(", ")}`;
  return shortText(`${response}${refused}`, 300);
}

/** Whether the server refused sender, recipients or text with 5yz, which is for good (RFC 5321 §4.2.1); a failed login concerns every mail. */
function isPermanent(error: unknown): boolean {
  if (!(error instanceof Error) || !("responseCode" in error)) return false;
  const code = errnoOf(error);
  return (code === "EENVELOPE" || code === "EMESSAGE") && Number(error.responseCode) >= 500;
}
