/**
 * Dovecot's login processes. Their own lines are counted; what `auth` and `auth-worker` and PAM write of the same try is not. The user's
 * name stands before the address: the address is taken from the end, as no angle bracket can stand behind it but the session's. The reason
 * before the name and the state of TLS behind the address are Dovecot's and OpenSSL's words.
 */
import type { RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";

// By dovecot's own log file the login process is the program; then the message begins behind it.
const PROCESSES = ["imap-login", "pop3-login", "submission-login", "managesieve-login"];
const LOGIN = `^(?:${PROCESSES.join("|")}): (?:Info: )?`;
const FIELDS = String.raw`(?: user=<(?<user>.*)>,)?(?: (?:method=)?[\w-]+,?)? rip=${ADDRESS}(?<keptTls>(?:, [^<>]*)?)(?:, session=<[\w+/=]+>)?`;

/** Rules of Dovecot. */
export const DOVECOT: RuleFile = {
  service: "dovecot",
  sentence: "Logins at IMAP, POP3, submission and ManageSieve of Dovecot 2.0 to 2.4.",
  sources: ["mail", "journal"],
  format: "syslog",
  programs: ["dovecot"],
  rules: [
    {
      name: "auth-failed",
      sentence: "A mailbox's password was wrong.",
      outcome: "failure",
      pattern: String.raw`${LOGIN}(?<keptReason>[^<>,]*)\((?:auth failed, \d+ attempts(?: in \d+ secs)?|proxy dest auth failed)\)(?: \(auth_failed\))?:${FIELDS}$`,
      samples: [
        {
          line: "Nov 22 12:42:02 web1 dovecot: imap-login: Disconnected: Aborted login by logging out (auth failed, 1 attempts in 4 secs): user=<alice>, method=PLAIN, rip=198.51.100.23, lip=203.0.113.9, session=<yW6SzdxgHePGM2QX>",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "Nov 22 12:42:02 web1 dovecot[241]: imap-login: Login aborted: Connection closed (auth failed, 3 attempts in 16 secs) (auth_failed): user=<test>, method=PLAIN, rip=2001:db8::9, lip=203.0.113.9, TLS, session=<9ZHq02g3J8S60fan>",
          hit: { address: "2001:db8::9", user: "test" },
        },
        {
          line: "Nov 22 12:42:02 web1 dovecot: pop3-login: Disconnected (auth failed, 2 attempts): method=PLAIN, rip=198.51.100.23, lip=203.0.113.9, TLS: Disconnected",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:42:02 web1 dovecot: imap-login: Disconnected: Aborted login (auth failed, 1 attempts in 4 secs): user=<x>, method=PLAIN, rip=192.0.2.66, lip=203.0.113.9, session=<a>>, method=PLAIN, rip=198.51.100.23, lip=203.0.113.9, session=<yW6SzdxgHePGM2QX>",
          hit: { address: "198.51.100.23", user: "x>, method=PLAIN, rip=192.0.2.66, lip=203.0.113.9, session=<a>" },
        },
        {
          line: "Nov 22 12:42:06 web1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=198.51.100.77, lip=203.0.113.9, session=<R60LztxgG4XGM2RN>",
          hit: null,
        },
      ],
    },
    {
      name: "plaintext-refused",
      sentence: "A client wanted to send its password without encryption, as old scripts that guess do.",
      outcome: "probe",
      pattern: String.raw`${LOGIN}(?<keptReason>[^<>,]*)\(tried to use (?:disabled|disallowed) \w+ auth\)(?: \(\w+\))?:${FIELDS}$`,
      samples: [
        {
          line: "Nov 22 12:42:02 web1 dovecot: pop3-login: Aborted login (tried to use disallowed plaintext auth): user=<>, rip=198.51.100.23, lip=203.0.113.9, session=<LgDINsQCkttVIMPg>",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "left-early",
      sentence:
        "A connection ended before anybody logged in. Health checks and mail programs that look at certificates do so too.",
      outcome: "probe",
      weight: 0.1,
      pattern: String.raw`${LOGIN}(?<keptReason>[^<>,]*)\((?:no auth attempts(?: in \d+ secs)?|disconnected before auth was ready, waited \d+ secs|client didn't finish SASL auth, waited \d+ secs|disconnected during TLS handshake)\)(?: \(\w+\))?:${FIELDS}$`,
      samples: [
        {
          line: "Nov 22 12:42:06 web1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=198.51.100.77, lip=203.0.113.9, session=<R60LztxgG4XGM2RN>",
          hit: { address: "198.51.100.77" },
        },
      ],
    },
    {
      name: "login",
      sentence: "A login that worked.",
      outcome: "success",
      pattern: `${LOGIN}(?:Login|Logged in):${FIELDS}$`,
      samples: [
        {
          line: "Nov 22 12:41:58 web1 dovecot: imap-login: Login: user=<alice>, method=PLAIN, rip=198.51.100.23, lip=203.0.113.9, mpid=710, session=<Hl2RzdxgUerGM2QX>",
          hit: { address: "198.51.100.23", user: "alice" },
        },
      ],
    },
  ],
};

/** The same rules where the login process is the program. */
export const DOVECOT_LOGIN: RuleFile = {
  ...DOVECOT,
  service: "dovecot-login",
  programs: PROCESSES,
  rules: DOVECOT.rules.map((rule) => ({
    ...rule,
    pattern: rule.pattern.replace(LOGIN, "^(?:Info: )?"),
    samples: rule.samples.map((sample) => ({ ...sample, line: sample.line.replace(/dovecot(?:\[\d+\])?: /, "") })),
  })),
};
