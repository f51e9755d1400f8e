/**
 * FTP servers: pure-ftpd, ProFTPD, vsftpd. PAM's lines about them are not read: pure-ftpd's name the server's own host.
 */
import type { Rule, RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";

/** Rules of pure-ftpd. Before a login it calls the user `?`. A server that resolves names (no `-H`) gives no address. */
export const PURE_FTPD: RuleFile = {
  service: "pure-ftpd",
  sentence: "Logins at pure-ftpd 1.0.",
  sources: ["messages", "journal"],
  format: "syslog",
  programs: ["pure-ftpd"],
  rules: [
    {
      name: "failed",
      sentence: "A password was wrong.",
      outcome: "failure",
      pattern: String.raw`^\((?<kept>\?|[\w.@-]+)@${ADDRESS}\) \[WARNING\] Authentication failed for user (?:\[(?<user>.*)\]|.*[^\]])$`,
      samples: [
        // Debian 12: pure-ftpd 1.0.50
        {
          line: "2026-11-24T12:43:14.657100+00:00 web1 pure-ftpd: (?@2001:db8:bad::23) [WARNING] Authentication failed for user [no such user]",
          hit: { address: "2001:db8:bad::23", user: "no such user" },
        },
        {
          line: "Nov 22 12:50:30 web1 pure-ftpd: (?@198.51.100.23) [WARNING] Authentication failed for user [alice]",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "Nov 22 12:50:30 web1 pure-ftpd: (?@2001:db8::1) [WARNING] Authentication failed for user [x](?@192.0.2.66) [WARNING] Authentication failed for user [y]",
          hit: { address: "2001:db8::1", user: "x](?@192.0.2.66) [WARNING] Authentication failed for user [y" },
        },
      ],
    },
    {
      name: "login",
      sentence: "A login that worked.",
      outcome: "success",
      pattern: String.raw`^\(\?@${ADDRESS}\) \[INFO\] (?<user>.*) is now logged in$`,
      samples: [
        {
          line: "Nov 22 12:50:25 web1 pure-ftpd: (?@198.51.100.23) [INFO] alice is now logged in",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "Nov 22 12:50:25 web1 pure-ftpd: (?@198.51.100.23) [INFO] New connection from 198.51.100.23",
          hit: null,
        },
      ],
    },
  ],
};

// The server's name, then the client's and its address in brackets, before all that the client says.
const PROFTPD_PEER = String.raw`^[\w.:-]+ \([\w.:-]* ?\[${ADDRESS}\]\):? (?:- )?`;

/** Rules of ProFTPD, through syslog or its SystemLog. */
export const PROFTPD: RuleFile = {
  service: "proftpd",
  sentence: "Logins at ProFTPD 1.3.",
  sources: ["messages", "proftpd", "journal"],
  format: "syslog",
  programs: ["proftpd"],
  rules: [
    {
      name: "failed",
      sentence: "A password was wrong, or an account is not there.",
      outcome: "failure",
      pattern: String.raw`${PROFTPD_PEER}(?:USER (?<user>.*)(?:: no such user found from .*| \(Login failed\): .*)|(?!USER ).* no such user .*)$`,
      samples: [
        // Debian 12: ProFTPD 1.3.8
        {
          line: "2026-11-24 12:44:46,913 web1 proftpd[32537] web1.example.net (198.51.100.23[198.51.100.23]): USER alice (Login failed): Incorrect password",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "2026-11-24 12:44:47,188 web1 proftpd[32545] web1.example.net (2001:db8:bad::23[2001:db8:bad::23]): USER no such user: no such user found from 2001:db8:bad::23 [2001:db8:bad::23] to 2001:db8:9::9:2122",
          hit: { address: "2001:db8:bad::23", user: "no such user" },
        },
        {
          line: "Nov 22 12:54:27 web1 proftpd[179]: web1.example.net (198.51.100.23[198.51.100.23]): USER alice (Login failed): Incorrect password",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "2026-11-22 12:54:27,334 web1.example.net proftpd[180] web1.example.net (h.example.com[::ffff:198.51.100.77]): USER nosuch: no such user found from h.example.com [::ffff:198.51.100.77] to 203.0.113.9:21",
          hit: { address: "198.51.100.77", user: "nosuch" },
        },
      ],
    },
    {
      name: "violation",
      sentence: "Root was tried, or more often than is permitted.",
      outcome: "failure",
      pattern: String.raw`${PROFTPD_PEER}(?:SECURITY VIOLATION: (?:R|r)oot login attempted\.?|Maximum login attempts \(\d+\) exceeded.*)$`,
      samples: [
        // Debian 12: ProFTPD 1.3.8
        {
          line: "2026-11-24 12:44:47,652 web1 proftpd[32551] web1.example.net (198.51.100.23[198.51.100.23]): SECURITY VIOLATION: Root login attempted",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:54:27 web1 proftpd[179]: web1.example.net (198.51.100.23[198.51.100.23]) - SECURITY VIOLATION: Root login attempted",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "login",
      sentence: "A login that worked.",
      outcome: "success",
      pattern: String.raw`${PROFTPD_PEER}USER (?<user>.*): Login successful\.$`,
      samples: [
        {
          line: "2026-11-22 12:54:27,303 web1.example.net proftpd[178] web1.example.net (198.51.100.23[198.51.100.23]): USER alice: Login successful.",
          hit: { address: "198.51.100.23", user: "alice" },
        },
      ],
    },
  ],
};

// A name with a quote in it is not read: behind a path that a client chose, the end of an "OK DELETE" line looks like a failed login.
const vsftpdRules = (prefix: string, start: string): readonly Rule[] => [
  {
    name: "failed",
    sentence: "A password was wrong.",
    outcome: "failure",
    pattern: String.raw`${prefix}\[(?<user>[^"]*)\] FAIL LOGIN: Client "${ADDRESS}"(?:, "[\w .]+")?$`,
    samples: [
      { line: `${start}[alice] FAIL LOGIN: Client "198.51.100.23"`, hit: { address: "198.51.100.23", user: "alice" } },
      {
        line: `${start}[guest] FAIL LOGIN: Client "::ffff:198.51.100.23", "User is not in the allow user list."`,
        hit: { address: "198.51.100.23", user: "guest" },
      },
      {
        line: `${start}[a [192.0.2.66]] FAIL LOGIN: Client "198.51.100.23"`,
        hit: { address: "198.51.100.23", user: "a [192.0.2.66]" },
      },
      { line: `${start}[alice] OK DELETE: Client "198.51.100.23", "/x] FAIL LOGIN: Client "192.0.2.66"`, hit: null },
    ],
  },
  {
    name: "login",
    sentence: "A login that worked.",
    outcome: "success",
    pattern: String.raw`${prefix}\[(?<user>[^"]*)\] OK LOGIN: Client "${ADDRESS}"(?:, anon password "[^"]*")?$`,
    samples: [
      { line: `${start}[alice] OK LOGIN: Client "198.51.100.23"`, hit: { address: "198.51.100.23", user: "alice" } },
      { line: `${start}[alice] OK UPLOAD: Client "198.51.100.23", "/x.php", 8 bytes, 20.56Kbyte/sec`, hit: null },
    ],
  },
];

/** Rules of vsftpd's own log. */
export const VSFTPD: RuleFile = {
  service: "vsftpd",
  sentence: "Logins in the log file of vsftpd 2 and 3.",
  sources: ["vsftpd"],
  format: "plain",
  rules: vsftpdRules(
    String.raw`^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} \[pid \d+\] `,
    "Sun Nov 22 12:42:39 2026 [pid 761] ",
  ),
};

/** Rules of vsftpd through syslog (`syslog_enable`). */
export const VSFTPD_SYSLOG: RuleFile = {
  service: "vsftpd-syslog",
  sentence: "Logins at vsftpd 3 that it tells syslog.",
  sources: ["messages", "journal"],
  format: "syslog",
  programs: ["vsftpd"],
  rules: vsftpdRules("^", "Nov 22 12:42:39 web1 vsftpd[761]: "),
};
