/**
 * OpenSSH's server. A user's name is written as he sent it, with spaces and with ` from 192.0.2.1 port 22` in it; what the program adds
 * stands behind it, so that every address is taken from the end of the line.
 */
import type { RuleFile } from "../rule.ts";
import { ADDRESS, ADDRESS_TEXT } from "./fragments.ts";

// rsyslog folds equal lines; openssh log.c writes the level before the text, and [preauth] behind what the sandboxed child says.
const START = String.raw`^(?:\[ID \d+ \w+\.\w+\] )?(?:message repeated \d+ times: \[ )?(?:(?:error|fatal|info): )?`;
const END = String.raw`(?: \[(?:preauth|postauth)\])?\]? ?$`;
const FINGERPRINT = String.raw`(?:(?:SHA256|sha256):[\w+/=]+|(?:MD5:|md5:)?(?:[\da-fA-F]{2}:){15}[\da-fA-F]{2})`;
const FROM = String.raw`from ${ADDRESS}(?: port \d+)?`;

/** Rules of sshd. A wrong password is one line `Failed password`; a name that is not there gives one more, and leaving counts a half. */
export const SSHD: RuleFile = {
  service: "sshd",
  sentence: "Logins at OpenSSH 5 to 10, whose lines come from sshd, sshd-session and sshd-auth.",
  sources: ["auth", "journal"],
  format: "syslog",
  programs: ["sshd", "sshd-session", "sshd-auth"],
  rules: [
    {
      name: "failed",
      sentence: "A password, key or answer was wrong.",
      outcome: "failure",
      // openssh auth.c auth_log(): "none" is the question which methods there are, and no try. Protocol 1 (before 7.0) wrote the
      // client's own name behind the address.
      pattern: String.raw`${START}Failed (?!none |.* ssh1: )[\w-]+(?:/[\w-]+)? for (?:(?:invalid|illegal) user )?(?<user>.*) ${FROM}(?: ssh\d?)?(?:: [\w-]+ ${FINGERPRINT})?${END}`,
      samples: [
        {
          line: "Nov 22 12:41:05 web1 sshd[180]: Failed password for alice from 198.51.100.23 port 44347 ssh2",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "2026-11-22T12:41:08.001628+00:00 web1 sshd-session[184]: Failed password for invalid user admin from 2001:db8:0:0::23 port 42971 ssh2",
          hit: { address: "2001:db8::23", user: "admin" },
        },
        {
          line: "Nov 22 12:41:05 web1 sshd[180]: message repeated 2 times: [ Failed password for root from 198.51.100.23 port 44347 ssh2]",
          hit: { address: "198.51.100.23", user: "root" },
        },
        {
          line: "Nov 22 12:41:05 web1 sshd[180]: Failed publickey for git from 198.51.100.23 port 44347 ssh2: RSA SHA256:nT9Xwq5cY9LZ9dP0v5KqVvWb1J8nWc2vXhQx7kV3yJk",
          hit: { address: "198.51.100.23", user: "git" },
        },
        {
          line: "Nov 22 12:41:05 web1 sshd[180]: Failed keyboard-interactive/pam for invalid user a b from ::ffff:198.51.100.23 port 1 ssh2",
          hit: { address: "198.51.100.23", user: "a b" },
        },
        {
          line: "Nov 22 12:41:05 web1 sshd[180]: Failed password for invalid user x from 192.0.2.66 port 22 ssh2 from 198.51.100.23 port 44347 ssh2",
          hit: { address: "198.51.100.23", user: "x from 192.0.2.66 port 22 ssh2" },
        },
        {
          line: "Nov 22 12:41:05 web1 sshd[180]: Failed none for invalid user x from 198.51.100.23 port 44347 ssh2",
          hit: null,
        },
      ],
    },
    {
      name: "invalid-user",
      sentence: "Somebody asked for an account that is not there.",
      outcome: "failure",
      pattern: `${START}(?:Invalid|Illegal) user (?<user>.*) ${FROM}${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[184]: Invalid user admin from 198.51.100.23 port 42971",
          hit: { address: "198.51.100.23", user: "admin" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[184]: Invalid user  from 198.51.100.23 port 42971",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[184]: Illegal user r\u00c3\u00b6\u00c3\u00b6t from fe80::1%eth0",
          hit: { address: "fe80::1", user: "r\u00f6\u00f6t" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[184]: Invalid user from 192.0.2.66 port 22\\nInvalid user y from 198.51.100.23 port 42971",
          hit: { address: "198.51.100.23", user: "from 192.0.2.66 port 22\\nInvalid user y" },
        },
      ],
    },
    {
      name: "too-many-tries",
      sentence: "The limit of tries within one connection was reached.",
      outcome: "failure",
      pattern: String.raw`${START}maximum authentication attempts exceeded for (?:invalid user )?(?<user>.*) ${FROM}(?: ssh\d?)?${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[184]: error: maximum authentication attempts exceeded for invalid user x y from 198.51.100.23 port 42971 ssh2 [preauth]",
          hit: { address: "198.51.100.23", user: "x y" },
        },
      ],
    },
    {
      name: "gave-up",
      sentence: "A connection ended while it tried to log in: all that a server without passwords says of a wrong key.",
      outcome: "failure",
      weight: 0.5,
      pattern: String.raw`${START}(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) (?:authenticating|invalid) user (?<user>.*) ${ADDRESS} port \d+(?:: Too many authentication failures)?${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Connection closed by authenticating user alice 198.51.100.23 port 44347 [preauth]",
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: "Nov 22 12:41:09 web1 sshd[184]: Connection closed by invalid user admin 198.51.100.23 port 42971 [preauth]",
          hit: { address: "198.51.100.23", user: "admin" },
        },
        {
          line: "Nov 22 12:41:09 web1 sshd-session[184]: Disconnecting authenticating user root 198.51.100.23 port 42971: Too many authentication failures [preauth]",
          hit: { address: "198.51.100.23", user: "root" },
        },
        {
          line: "Nov 22 12:41:09 web1 sshd[184]: Connection reset by invalid user x 192.0.2.66 port 22 [preauth] 198.51.100.23 port 42971 [preauth]",
          hit: { address: "198.51.100.23", user: "x 192.0.2.66 port 22 [preauth]" },
        },
        { line: "Nov 22 12:41:12 web1 sshd[198]: Disconnected from user alice 198.51.100.23 port 50229", hit: null },
      ],
    },
    {
      name: "not-allowed",
      sentence: "An account that may not log in here was tried.",
      outcome: "failure",
      pattern: String.raw`${START}(?:User (?<user>.*) ${FROM} not allowed because (?<kept>[\w' /-]+)|ROOT LOGIN REFUSED FROM ${ADDRESS}(?: port \d+)?)${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: User root from 198.51.100.23 not allowed because not listed in AllowUsers",
          hit: { address: "198.51.100.23", user: "root" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: ROOT LOGIN REFUSED FROM 198.51.100.23 port 4711",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "pam-failed",
      sentence: "PAM refused a login.",
      outcome: "failure",
      pattern: `${START}PAM: [A-Za-z ]+ for (?:illegal user )?(?<user>.*) from ${ADDRESS}(?: via ${ADDRESS_TEXT})?${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: error: PAM: Authentication failure for illegal user test from 198.51.100.23",
          hit: { address: "198.51.100.23", user: "test" },
        },
      ],
    },
    {
      name: "key-not-from-here",
      sentence: "A right key was used from a host that authorized_keys does not permit it from.",
      outcome: "failure",
      pattern: String.raw`${START}Authentication tried for (?<kept>(?<user>[^\s]+)) with correct key but not from a permitted host \(host=(?<keptHost>[^\s,]+), ip=${ADDRESS}(?:, required=.*)?\)\.?${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Authentication tried for root with correct key but not from a permitted host (host=h.example, ip=198.51.100.23).",
          hit: { address: "198.51.100.23", user: "root" },
        },
      ],
    },
    {
      name: "no-ssh",
      sentence: "Something that speaks no SSH, or a version that nobody has, talked to the port.",
      outcome: "probe",
      pattern: String.raw`${START}(?:banner exchange: Connection from ${ADDRESS} port \d+: (?:invalid format|could not read protocol version)|Bad protocol version identification .* ${FROM}|scanned ${FROM} with .*|Protocol major versions differ for ${ADDRESS}(?: port \d+)?: .*)${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: banner exchange: Connection from 198.51.100.23 port 36114: invalid format",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Bad protocol version identification 'GET / HTTP/1.1' from 192.0.2.66 port 1' from 198.51.100.23 port 36114",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "no-common-algorithm",
      sentence: "A client offered nothing that the server speaks, as scanners do.",
      outcome: "probe",
      pattern: String.raw`${START}Unable to negotiate with ${ADDRESS} port \d+: no matching .*${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Unable to negotiate with 198.51.100.23 port 40870: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1 [preauth]",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "refused",
      sentence:
        "The server dropped a connection by itself: too many at once, a penalty (OpenSSH 9.8), or TCP wrappers.",
      outcome: "probe",
      pattern: String.raw`${START}(?:drop connection #\d+ from \[${ADDRESS}\]:\d+ on \[${ADDRESS_TEXT}\]:\d+ (?:past MaxStartups|penalty: [A-Za-z -]+)|refused connect from .* \(${ADDRESS}\))${END}`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: drop connection #0 from [198.51.100.23]:40870 on [203.0.113.9]:22 penalty: failed authentication",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: refused connect from ::ffff:198.51.100.23 (::ffff:198.51.100.23)",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "left-early",
      sentence: "A connection ended before a name was given. Port scanners do so, and health checks as well.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`${START}(?:Connection (?:closed|reset) by ${ADDRESS}(?: port \d+)? \[preauth\]|Did not receive identification string ${FROM}|Disconnected from ${ADDRESS}(?: port \d+)? \[preauth\]|ssh_dispatch_run_fatal: Connection from ${ADDRESS} port \d+: .*|Timeout before authentication for (?:connection from )?${ADDRESS}(?: port \d+| to ${ADDRESS_TEXT}, pid = \d+)?)\]?$`,
      samples: [
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Connection closed by 198.51.100.23 port 40893 [preauth]",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Did not receive identification string from 198.51.100.23 port 40893",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:41:06 web1 sshd[180]: Timeout before authentication for connection from 198.51.100.23 to 203.0.113.9, pid = 4711",
          hit: { address: "198.51.100.23" },
        },
        {
          line: "Nov 22 12:41:12 web1 sshd[198]: Received disconnect from 198.51.100.23 port 50229:11: disconnected by user",
          hit: null,
        },
      ],
    },
    {
      name: "accepted",
      sentence: "A login that worked.",
      outcome: "success",
      // Names of accounts that are there hold no spaces (useradd(8)); behind "ssh2" may stand the text of a certificate.
      pattern: String.raw`${START}Accepted (?<kept>(?<detail>[\w-]+(?:/[\w-]+)?)) for (?<keptUser>(?<user>[^\s]+)) ${FROM}(?: ssh\d?)?(?:: .*)?${END}`,
      samples: [
        {
          line: "Nov 22 12:41:12 web1 sshd[192]: Accepted password for alice from 198.51.100.23 port 50229 ssh2",
          hit: { address: "198.51.100.23", user: "alice", detail: "password" },
        },
        {
          line: "Nov 22 12:41:12 web1 sshd-session[192]: Accepted publickey for bob from 198.51.100.23 port 50229 ssh2: ED25519 SHA256:nT9Xwq5cY9LZ9dP0v5KqVvWb1J8nWc2vXhQx7kV3yJk",
          hit: { address: "198.51.100.23", user: "bob", detail: "publickey" },
        },
      ],
    },
  ],
};
