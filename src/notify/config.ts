/** Settings of `notify`. */
import { isIP } from "node:net";
import { hostname } from "node:os";
import { z } from "zod";
import { duration } from "#src/config/values.ts";
import { classifyBindAddress } from "#src/lib/ip-address.ts";
import { SEVERITIES } from "#src/model/severity.ts";
import { mailDomain } from "./letter.ts";
import type { MailOptions, NotifyOptions } from "./options.ts";

const MAX_RECIPIENTS = 20;
const MIN_SECRET = 16;

// One mailbox without quoting, comments or a display name: nothing in it can become another header or recipient.
const ADDRESS = /^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45})$/;

const address = z.string().max(320).regex(ADDRESS, "expected a mail address such as root@localhost");
const text = z.string().min(1).max(1000);

const mail = z
  .strictObject({
    to: z.array(address).min(1).max(MAX_RECIPIENTS).describe("Who gets the mails"),
    from: address.optional().describe("Sender of the mails; left out, it is garrison at the name of this host"),
    host: z
      .string()
      .regex(HOST, "expected a host name or an IP address")
      .default("127.0.0.1")
      .describe("SMTP server: the mail server of this host on loopback, or another"),
    port: z.number().int().min(1).max(65_535).default(25).describe("Port of the SMTP server"),
    security: z
      .enum(["none", "starttls", "tls"])
      .optional()
      .describe(
        "none: plain; starttls: plain at first, then encryption is required; tls: encrypted from the first byte. Left out, it is none on loopback and starttls elsewhere",
      ),
    user: text.optional().describe("Login name at the SMTP server"),
    password: text.optional().describe("Password at the SMTP server"),
  })
  .superRefine((section, context) => {
    const fault = mailFault(section);
    if (fault !== null) context.addIssue({ code: "custom", message: fault });
  });

const webhook = z.strictObject({
  url: z
    .string()
    .max(2048)
    .refine(isSafeUrl, 'expected an address that begins with "https://", or "http://" on loopback')
    .describe("Where messages are posted as JSON: https, or http on loopback"),
  secret: z
    .string()
    .min(MIN_SECRET)
    .max(1000)
    .describe("Key of the signature, at least 16 characters: the receiver checks X-Garrison-Signature with it"),
});

/** The section of the configuration. */
export const settings = z.strictObject({
  immediateFrom: z
    .enum(SEVERITIES)
    .default("high")
    .describe("Lowest severity that is told at once; what is below waits for the digest"),
  digestEvery: duration({ default: "24h", atLeast: "1s" }).describe(
    "How often what waited is told, when there is something",
  ),
  updateEvery: duration({ default: "15m" }).describe("Shortest time between two messages about the same incident"),
  maxPerHour: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe("Most messages an hour; what is beyond is told in one summary. One in ten is kept for critical alerts"),
  mail: mail.optional().describe("Mail through SMTP"),
  webhook: webhook.optional().describe("A signed POST of JSON"),
  syslog: z
    .boolean()
    .default(true)
    .describe("Whether each alert is written to syslog at once, and so to the journal of systemd"),
});

/** The options of a section; `null` when nobody is to be told. @param host name of this host @default the kernel's */
export function toOptions(section: z.output<typeof settings>, host: string = hostname()): NotifyOptions | null {
  const { immediateFrom, digestEvery, updateEvery, maxPerHour, syslog } = section;
  if (section.mail === undefined && section.webhook === undefined && !syslog) return null;
  return {
    immediateFrom,
    digestEveryMs: digestEvery,
    updateEveryMs: updateEvery,
    maxPerHour,
    mail: section.mail === undefined ? null : toMailOptions(section.mail, host),
    webhook: section.webhook ?? null,
    syslog,
  };
}

function toMailOptions(section: z.output<typeof mail>, host: string): MailOptions {
  return {
    from: section.from ?? `garrison@${mailDomain(host)}`,
    to: section.to,
    host: section.host,
    port: section.port,
    security: securityOf(section),
    user: section.user ?? null,
    password: section.password ?? null,
  };
}

function securityOf({ security, host }: Pick<z.output<typeof mail>, "security" | "host">): MailOptions["security"] {
  return security ?? (isLoopback(host) ? "none" : "starttls");
}

function mailFault(section: z.output<typeof mail>): string | null {
  if ((section.user === undefined) !== (section.password === undefined)) {
    return '"user" and "password" belong together, expected both or none';
  }
  const isExposed = securityOf(section) === "none" && !isLoopback(section.host);
  return isExposed && section.password !== undefined
    ? 'the password would cross the network in the clear, expected "security" to be starttls or tls'
    : null;
}

function isSafeUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname.replace(/^\[|\]$/g, "")));
}

function isLoopback(host: string): boolean {
  return host.toLowerCase() === "localhost" || (isIP(host) !== 0 && classifyBindAddress(host) === "loopback");
}
