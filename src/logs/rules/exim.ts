/**
 * Exim's mainlog; the rejectlog repeats lines of it and is not read. The greeting stands in parentheses before the address. Exim takes
 * only names and literals of addresses there, so that it cannot end the parentheses: src/smtp_in.c check_helo(). A host that lists others
 * in helo_accept_junk_hosts lets those write anything there, and must not block by this log.
 */
import type { RuleFile } from "../rule.ts";
import { ADDRESS, ADDRESS_TEXT } from "./fragments.ts";
import { viaSyslog } from "./via-syslog.ts";

const ID = String.raw`(?:\w{6}-\w{6,11}-\w{2,4} )?`;
const PEER = String.raw`(?:[\w.:-]+ )?(?:\((?<kept>[^()\s]*)\) )?\[${ADDRESS}\](?::\d+)?(?: I=\[${ADDRESS_TEXT}\]:\d+)?`;

/** Rules of Exim. */
export const EXIM: RuleFile = {
  service: "exim",
  sentence: "Logins, relay tries and protocol abuse in the mainlog of Exim 4.",
  sources: ["exim-main"],
  format: "exim",
  rules: [
    {
      name: "auth-failed",
      sentence: "A mailbox's password was wrong.",
      outcome: "failure",
      pattern: String.raw`^[\w-]+ authenticator failed for ${PEER}(?: (?:Ci|U)=\w+)*: 535 Incorrect authentication data(?: \(set_id=(?<user>.*)\))?(?:: \d+ Time\(s\))?$`,
      literal: " authenticator failed for ",
      samples: [
        {
          line: "2026-11-22 12:41:35 dovecot_login authenticator failed for (ylmf-pc) [198.51.100.23]:39763: 535 Incorrect authentication data (set_id=info@alice.example)",
          hit: { address: "198.51.100.23", user: "info@alice.example" },
        },
        {
          line: "2026-11-22 12:41:35 +0100 [77] fixed_login authenticator failed for bad.example.com ([192.168.2.33]) [2001:db8::23]:1 I=[203.0.113.9]:587: 535 Incorrect authentication data (set_id=a) [192.0.2.66]:1: 535 x)",
          hit: { address: "2001:db8::23", user: "a) [192.0.2.66]:1: 535 x" },
        },
        {
          line: "2026-11-22 12:41:35 login authenticator failed for (USER) [198.51.100.23]: 535 Incorrect authentication data",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "mail-accepted",
      sentence: "A message was taken of an account of this host.",
      outcome: "count",
      counts: "mail-accepted",
      // Exim quotes a sender that holds spaces, so that they end where its quotes end.
      pattern: String.raw`^\w{6}-\w{6,11}-\w{2,4} <= (?!<>)(?<keptSender>(?:"(?:[^"\\]|\\.)*")?[^\s"]+) (?:R=[\w-]+ )?U=(?<keptUser>(?<user>[^\s"]+)) P=local .*$`,
      literal: " <= ",
      samples: [
        {
          line: '2026-11-22 12:41:35 1xV6sx-00006g-0p <= alice@web1.example.net U=alice P=local S=427 T="hello 1" for r1@grey.example.org',
          hit: { user: "alice" },
        },
        {
          line: '2026-11-22 12:41:35 1xV6sx-00006g-0p <= "a <= b"@web1.example.net U=alice P=local S=427 T="x U=bob P=local " for r1@grey.example.org',
          hit: { user: "alice" },
        },
        {
          line: '2026-11-22 12:41:35 1xV6sx-00007i-1W <= <> R=1xV6sx-00007X-1I U=Debian-exim P=local S=1946 T="Mail delivery failed: returning message to sender" for nosuch@dead.example.org',
          hit: null,
        },
        {
          line: '2026-11-22 12:41:36 1xV6sy-000082-0p <= spam@evil.example H=(evil.example) [198.51.100.77]:54531 P=esmtp S=497 id=20261122124136.000496@web1.example.net T="test" for alice@web1.example.net',
          hit: null,
        },
      ],
    },
    {
      name: "relay-denied",
      sentence: "Somebody wanted us to pass on mail for others.",
      outcome: "probe",
      pattern: `^${ID}H=${PEER} .*rejected RCPT (?<detail>.*): relay not permitted$`,
      literal: "relay not permitted",
      samples: [
        {
          line: "2026-11-22 12:41:35 H=(evil.example) [198.51.100.77]:39467 F=<spam@evil.example> rejected RCPT <a@other.example>: relay not permitted",
          hit: { address: "198.51.100.77", detail: "<a@other.example>" },
        },
      ],
    },
    {
      name: "rejected",
      sentence: "A recipient or sender was refused: addresses are being guessed, or mail is spam.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`^(?:rejected (?:EHLO|HELO) from ${PEER}: syntactically invalid argument\(s\): .*|${ID}H=${PEER} (?:.*rejected RCPT .*: (?!relay not permitted).*|sender verify fail for .*|.*dropped by '[\w ]+' ACL: .*))$`,
      samples: [
        {
          line: "2026-11-22 12:41:35 rejected EHLO from [198.51.100.77]: syntactically invalid argument(s): x) [192.0.2.66]",
          hit: { address: "198.51.100.77" },
        },
        {
          line: "2026-11-22 12:41:35 H=mx.example.com [198.51.100.77] F=<buh@example.com> rejected RCPT <r@example.org>: Sender verify failed",
          hit: { address: "198.51.100.77" },
        },
        {
          line: "2026-11-22 12:41:35 H=mail.example.com (srv.example.com) [198.51.100.77] sender verify fail for <u@example.com>: Unrouteable address",
          hit: { address: "198.51.100.77" },
        },
      ],
    },
    {
      name: "protocol",
      sentence: "A client broke the protocol as programs that guess passwords and send spam do.",
      outcome: "probe",
      // The command that was sent stands in quotes that it can close: such lines are read from their end.
      pattern: String.raw`^${ID}(?:SMTP protocol error in ".*" H=${PEER}(?: Ci=\w+)? (?:AUTH command used when not advertised|\w+ authentication mechanism not supported)(?:: \d+ Time\(s\))?|SMTP call from ${PEER} dropped: too many .*|SMTP protocol synchronization error \((?<keptWhat>[\w ,:-]+)\): rejected connection from H=${PEER} .*)$`,
      samples: [
        {
          line: '2026-11-22 12:41:35 SMTP protocol error in "AUTH LOGIN" H=(ylmf-pc) [198.51.100.23]:60723 I=[203.0.113.9]:587 AUTH command used when not advertised',
          hit: { address: "198.51.100.23" },
        },
        {
          line: '2026-11-22 12:41:35 SMTP protocol error in "AUTH LOGIN" H=(test) [192.0.2.66] AUTH command used when not advertised" H=(roxzgj) [198.51.100.23] AUTH command used when not advertised',
          hit: { address: "198.51.100.23" },
        },
        {
          line: '2026-11-22 12:41:35 SMTP call from [198.51.100.23] dropped: too many syntax or protocol errors (last command was "AUTH LOGIN")',
          hit: { address: "198.51.100.23" },
        },
        {
          line: '2026-11-22 12:41:35 SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from H=[198.51.100.23]:25936 I=[203.0.113.9]:25 input="GET / HTTP/1.1\\r\\n\\r\\n"',
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "left-early",
      sentence: "A client said nothing of mail, or was cut off. Port scanners and health checks do so.",
      outcome: "probe",
      weight: 0.2,
      pattern: `^${ID}(?:no MAIL in SMTP connection from ${PEER}(?: .*)?|SMTP connection from ${PEER} closed by DROP in ACL)$`,
      samples: [
        {
          line: "2026-11-22 12:41:35 no MAIL in SMTP connection from (User) [198.51.100.23]:20042 I=[203.0.113.9]:25 D=0.349s C=EHLO,AUTH,QUIT",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "2026-11-22 12:41:35 1ahr79-0006jK-G9 SMTP connection from (some.example) [198.51.100.23]:44884 I=[203.0.113.9]:25 closed by DROP in ACL",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "authenticated",
      sentence: "A message was taken from a client that had logged in.",
      outcome: "success",
      counts: "mail-accepted",
      // A sender holds spaces only in quotes or behind a backslash (RFC 5321 §4.1.2): such a one is not read.
      pattern: String.raw`^\w{6}-\w{6,11}-\w{2,4} <= (?<keptSender>[^\s"\\]+) H=${PEER} (?:.* )?P=\w+ (?:[A-Z][\w.]*=(?:"[^"]*"|[^\s"]*) )*?A=[\w-]+:(?<keptUser>(?<user>[^\s"]+)) (?:.* )?S=\d+ .*$`,
      // Most messages come from clients that have not logged in.
      literal: " A=",
      samples: [
        {
          line: '2026-11-22 12:41:35 1xV6sx-00007l-1X <= info@alice.example H=(DESKTOP-1) [198.51.100.23]:37109 P=esmtpa A=dovecot_login:info@alice.example S=457 id=20261122124135.000473@web1.example.net T="Invoice" for v1@grey.example.org',
          hit: { address: "198.51.100.23", user: "info@alice.example" },
        },
        {
          line: '2026-11-22 12:41:35 16VDhn-000000001bo-D342 <= info@alice.example H=(DESKTOP-1) [198.51.100.23]:37109 P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=dovecot_plain:info@alice.example S=457 T="A=dovecot_plain:root S=1 x" for v1@grey.example.org',
          hit: { address: "198.51.100.23", user: "info@alice.example" },
        },
        {
          line: '2026-11-22 12:41:35 1xV6sx-00006g-0p <= alice@web1.example.net U=alice P=local S=427 T="x H=(a) [192.0.2.66]:1 P=esmtpa A=plain:root S=1 x" for r1@grey.example.org',
          hit: null,
        },
      ],
    },
  ],
};

/** The same rules for an Exim that tells syslog (`log_file_path = syslog`). */
export const EXIM_SYSLOG: RuleFile = viaSyslog(EXIM, {
  service: "exim-syslog",
  sources: ["mail", "journal"],
  programs: ["exim", "exim4"],
});
