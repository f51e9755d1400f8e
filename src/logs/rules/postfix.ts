/** Postfix's smtpd and postscreen. The client stands before everything that it says; its name is one that DNS confirmed, or `unknown`. */
import type { RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";

const PEER = String.raw`[\w.-]+\[${ADDRESS}\](?::\d+)?`;
const QUEUE = "(?:NOQUEUE|[A-Za-z0-9]{6,20}): ";

/** Rules of Postfix. */
export const POSTFIX: RuleFile = {
  service: "postfix",
  sentence: "Logins, relay tries and protocol abuse at smtpd and postscreen of Postfix 2 and 3.",
  sources: ["mail", "journal"],
  format: "syslog",
  programs: ["postfix*/smtpd", "postfix*/postscreen", "postfix*/pickup"],
  rules: [
    {
      name: "auth-failed",
      sentence: "A mailbox's password was wrong.",
      outcome: "failure",
      pattern: String.raw`^warning: ${PEER}: SASL [\w-]+ authentication failed:(?! Connection lost to auth| Invalid authentication mech)(?:.*?, sasl_username=(?<user>.*)|.*)$`,
      samples: [
        // Debian 12: Postfix 3.7.11 with Dovecot 2.3.19
        {
          line: "2026-11-24T12:43:04.164106+00:00 web1 postfix/smtpd[28670]: warning: unknown[198.51.100.23]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=alice",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "Nov 22 12:50:43 web1 postfix/smtpd[2309]: warning: unknown[198.51.100.23]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:50:43 web1 postfix/submission/smtpd[9]: warning: h.example.com[2001:db8::1]:48123: SASL PLAIN authentication failed: (reason unavailable), sasl_username=x[192.0.2.66]: SASL LOGIN authentication failed: y",
          hit: { address: "2001:db8::1", user: "x[192.0.2.66]: SASL LOGIN authentication failed: y" },
        },
      ],
    },
    {
      name: "mail-accepted",
      sentence: "A message was taken of an account of this host.",
      outcome: "count",
      counts: "mail-accepted",
      pattern: String.raw`^[A-Za-z0-9]{6,20}: (?<user>uid=\d+) from=<.*>$`,
      literal: ": uid=",
      samples: [
        {
          line: "Nov 22 12:50:43 web1 postfix/pickup[339]: DC341456: uid=2001 from=<alice>",
          hit: { user: "uid=2001" },
        },
      ],
    },
    {
      name: "relay-denied",
      sentence: "Somebody wanted us to pass on mail for others.",
      outcome: "probe",
      pattern: String.raw`^${QUEUE}reject: RCPT from ${PEER}: \d{3} [\d.]+ (?<detail>.*): Relay access denied; .*$`,
      literal: "Relay access denied",
      samples: [
        {
          line: "Nov 22 12:50:43 web1 postfix/smtpd[8738]: NOQUEUE: reject: RCPT from h.example.com[198.51.100.23]: 554 5.7.1 <s@example.org>: Relay access denied; from=<j@example.com> to=<s@example.org> proto=SMTP helo=<x>",
          hit: { address: "198.51.100.23", detail: "<s@example.org>" },
        },
      ],
    },
    {
      name: "rejected",
      sentence: "A greeting, sender, recipient or client was refused: addresses are being guessed, or mail is spam.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`^${QUEUE}(?:milter-)?reject: [A-Z]+ from (?:${PEER}|\[${ADDRESS}\]:\d+): (?!\d{3} [\d.]+ .*: Relay access denied; ).*$`,
      samples: [
        {
          line: "Nov 22 12:50:43 web1 postfix/smtpd[8738]: NOQUEUE: reject: RCPT from unknown[198.51.100.23]: 504 5.5.2 <WIN-6A0>: Helo command rejected: need fully-qualified hostname; from=<a@example.com> to=<a@example.com> proto=ESMTP helo=<WIN-6A0>",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:50:43 web1 postfix/postscreen[1148]: NOQUEUE: reject: RCPT from [198.51.100.23]:60591: 550 5.7.1 Service unavailable; client [198.51.100.23] blocked using rbl.example.com; from=<s@example.com>, to=<g@example.com>, proto=ESMTP, helo=<b.example.com>",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "protocol",
      sentence: "A client broke the protocol as programs that guess passwords and send spam do.",
      outcome: "probe",
      pattern: String.raw`^(?:warning: non-SMTP command from ${PEER}: .*|improper command pipelining after [A-Z]+ from ${PEER}(?::.*)?|too many errors after [A-Z]+(?: \(\d+ bytes\))? from ${PEER}|PREGREET \d+ after [\d.]+ from \[${ADDRESS}\]:\d+: .*|DNSBL rank \d+ for \[${ADDRESS}\]:\d+|COMMAND [A-Z ]+ LIMIT from \[${ADDRESS}\]:\d+ after [A-Z]+|warning: (?:Connection rate|Connection concurrency|Message delivery request rate|Recipient address rate|AUTH command rate|New TLS session rate) limit exceeded: \d+ from ${PEER} for service [\w.:-]+)$`,
      samples: [
        {
          line: "Nov 22 12:50:43 web1 postfix/smtpd[9]: warning: non-SMTP command from unknown[198.51.100.23]: GET / HTTP/1.1",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:50:43 web1 postfix/postscreen[9]: PREGREET 14 after 0.04 from [198.51.100.23]:55868: EHLO ylmf-pc\\r\\n",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:50:43 web1 postfix/smtpd[9]: too many errors after RCPT from h.example.com[198.51.100.23]",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "left-early",
      sentence:
        "A client hung up in the midst. Those who guess passwords do so after AUTH, health checks after CONNECT.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`^(?:${QUEUE})?(?:lost connection after [A-Z]+(?: \(\d+ bytes\))? from ${PEER}|HANGUP after [\d.]+ from \[${ADDRESS}\]:\d+ in .*)$`,
      samples: [
        {
          line: "Nov 22 12:50:43 web1 postfix/smtpd[9]: lost connection after AUTH from h.example.com[198.51.100.23]",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:50:43 web1 postfix/postscreen[9]: HANGUP after 0.07 from [198.51.100.23]:55868 in tests after SMTP handshake",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "authenticated",
      sentence: "A message was taken from a client that had logged in.",
      outcome: "success",
      counts: "mail-accepted",
      pattern: String.raw`^[A-Za-z0-9]{6,20}: client=${PEER}, sasl_method=[\w-]+, sasl_username=(?<keptUser>(?<user>[^\s,]+))(?:, .*)?$`,
      literal: "sasl_username=",
      samples: [
        {
          line: "Nov 22 12:50:43 web1 postfix/submission/smtpd[9]: DC341456: client=h.example.com[198.51.100.23], sasl_method=LOGIN, sasl_username=info@alice.example",
          hit: { address: "198.51.100.23", user: "info@alice.example" },
        },
      ],
    },
  ],
};
