/** Services that hosting servers run beside the great ones. Small files: one or two rules each. */
import type { Rule, RuleFile } from "../rule.ts";
import { ADDRESS, ADDRESS_TEXT } from "./fragments.ts";

function failed(pattern: string, ...samples: Rule["samples"]): Rule {
  return { name: "failed", sentence: "A password or account was wrong.", outcome: "failure", pattern, samples };
}

/** Rules of Dropbear. */
export const DROPBEAR: RuleFile = {
  service: "dropbear",
  sentence: "Logins at Dropbear.",
  sources: ["auth", "journal"],
  format: "syslog",
  programs: ["dropbear"],
  rules: [
    failed(
      String.raw`^(?:Bad (?:PAM )?password attempt for '(?<user>.*)'|Login attempt for nonexistent user(?: '(?<user>.*)')?) from ${ADDRESS}:\d+$`,
      {
        line: "Nov 22 12:41:05 web1 dropbear[6052]: Bad password attempt for 'root' from 198.51.100.23:50532",
        hit: { address: "198.51.100.23", user: "root" },
      },
      {
        line: "Nov 22 12:41:05 web1 dropbear[6052]: Login attempt for nonexistent user from ::ffff:198.51.100.23:50532",
        hit: { address: "198.51.100.23" },
      },
    ),
    {
      name: "left-early",
      sentence: "A connection ended before a login.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`^Exit before auth from <${ADDRESS}:\d+>: .*$`,
      samples: [
        {
          line: "Nov 22 12:41:05 web1 dropbear[6052]: Exit before auth from <198.51.100.23:46154>: (user 'root', 0 fails): Exited normally",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
  ],
};

/** Rules of Courier. */
export const COURIER: RuleFile = {
  service: "courier",
  sentence: "Logins at Courier's IMAP and POP3.",
  sources: ["mail", "journal"],
  format: "syslog",
  programs: ["imapd", "imapd-ssl", "pop3d", "pop3d-ssl", "courierpop3login", "imaplogin"],
  rules: [
    failed(String.raw`^LOGIN FAILED, (?:user=(?<user>.*)|method=[\w-]+), ip=\[${ADDRESS}\](?:, port=\[\d+\])?$`, {
      line: "Nov 22 12:41:05 web1 pop3d: LOGIN FAILED, user=britton, ip=[::ffff:198.51.100.23]",
      hit: { address: "198.51.100.23", user: "britton" },
    }),
  ],
};

/** Rules of Cyrus. */
export const CYRUS: RuleFile = {
  service: "cyrus",
  sentence: "Logins at Cyrus's IMAP and POP3.",
  sources: ["mail", "journal"],
  format: "syslog",
  programs: ["imap", "imaps", "pop3", "pop3s", "cyrus/imap", "cyrus/imaps", "cyrus/pop3"],
  rules: [
    failed(String.raw`^badlogin: (?:[\w.-]+ )?\[${ADDRESS}\] .*$`, {
      line: "Nov 22 12:41:05 web1 imaps[79980]: badlogin: h.example.com [198.51.100.23] CRAM-MD5 (t@d) [SASL(-13): authentication failure: x]",
      hit: { address: "198.51.100.23" },
    }),
  ],
};

/** Rules of OpenSMTPD. */
export const OPENSMTPD: RuleFile = {
  service: "opensmtpd",
  sentence: "Logins at OpenSMTPD 6 and 7.",
  sources: ["mail", "journal"],
  format: "syslog",
  programs: ["smtpd"],
  rules: [
    failed(
      String.raw`^[\da-f]{16} smtp (?:event=)?failed-command address=${ADDRESS} host=\S+ command="AUTH .*" result="5\d\d .*"$`,
      {
        line: 'Nov 22 12:41:05 web1 smtpd[9]: 45addba89269aeaa smtp event=failed-command address=198.51.100.23 host=h.example.com command="AUTH PLAIN (...)" result="535 Authentication failed"',
        hit: { address: "198.51.100.23" },
      },
    ),
  ],
};

/** Rules of sendmail. */
export const SENDMAIL: RuleFile = {
  service: "sendmail",
  sentence: "Relay tries at sendmail 8.",
  sources: ["mail", "journal"],
  format: "syslog",
  programs: ["sendmail", "sm-mta"],
  rules: [
    {
      name: "relay-denied",
      sentence: "Somebody wanted us to pass on mail for others.",
      outcome: "probe",
      pattern: String.raw`^(?:\w{12,18}: )?ruleset=check_rcpt, arg1=<?[^\[\]]*>?, relay=(?:[\w.-]+ )?\[${ADDRESS}\](?: \(may be forged\))?, reject=[^\[\]]*$`,
      literal: "ruleset=check_rcpt",
      samples: [
        {
          line: "Nov 22 12:41:05 web1 sm-mta[9]: s1M8xOYG012345: ruleset=check_rcpt, arg1=<a@example.com>, relay=h.example.com [198.51.100.23] (may be forged), reject=550 5.7.1 <a@example.com>... Relaying denied",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
  ],
};

/** Rules of Gitea and Forgejo. */
export const GITEA: RuleFile = {
  service: "gitea",
  sentence: "Logins at Gitea 1 and Forgejo.",
  sources: ["gitea", "auth", "journal"],
  format: "syslog",
  programs: ["gitea", "forgejo"],
  rules: [
    failed(
      String.raw`^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?(?<keptPlace>(?:[\w./:()]+ )?)(?:\[[A-Z]\] )?(?:\[[\da-f-]+\] )?Failed authentication attempt for (?<user>.*) from (?:\[${ADDRESS}\](?::\d+)?|(?<address>(?:\d{1,3}\.){3}\d{1,3})(?::\d+)?)$`,
      {
        line: "Nov 22 12:41:05 web1 gitea[15884]: 2026/11/22 12:41:05 [I] Failed authentication attempt for bob from [2001:db8::1]",
        hit: { address: "2001:db8::1", user: "bob" },
      },
      {
        line: "Nov 22 12:41:05 web1 gitea[15884]: Failed authentication attempt for bob from 192.0.2.66 from 198.51.100.23:13798",
        hit: { address: "198.51.100.23", user: "bob from 192.0.2.66" },
      },
    ),
    {
      name: "no-such-user",
      sentence: "The same with the reason, which repeats the name: one with a colon or bracket in it is not read.",
      outcome: "failure",
      pattern: String.raw`^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?(?<keptPlace>(?:[\w./:()]+ )?)(?:\[[A-Z]\] )?(?:\[[\da-f-]+\] )?Failed authentication attempt for (?<user>[^:[\]]*) from (?:\[${ADDRESS}\]|(?<address>(?:\d{1,3}\.){3}\d{1,3})):\d+: user does not exist \[uid: \d+, name: [^:[\]]*, keyid: \d+\]$`,
      literal: "Failed authentication attempt for ",
      samples: [
        {
          line: "Nov 22 12:41:05 web1 gitea[15884]: 2026/11/22 12:41:05 ...ers/web/auth/auth.go:200:SignInPost() [I] [63b199a0] Failed authentication attempt for test from 198.51.100.23:13798: user does not exist [uid: 0, name: test, keyid: 0]",
          hit: { address: "198.51.100.23", user: "test" },
        },
      ],
    },
  ],
};

/** Rules of Proxmox VE. */
export const PROXMOX: RuleFile = {
  service: "proxmox",
  sentence: "Logins at Proxmox VE 6 to 9.",
  sources: ["auth", "journal", "messages"],
  format: "syslog",
  programs: ["pvedaemon", "pveproxy"],
  rules: [
    failed(`^authentication failure; rhost=${ADDRESS} user=(?<user>.*) msg=.*$`, {
      line: "Nov 22 12:41:05 web1 pvedaemon[2352]: authentication failure; rhost=::ffff:198.51.100.23 user=tester@pve msg=Authentication failure",
      hit: { address: "198.51.100.23", user: "tester@pve" },
    }),
  ],
};

/** Rules of OpenVPN. */
export const OPENVPN: RuleFile = {
  service: "openvpn",
  sentence: "Failed handshakes at OpenVPN 2.",
  sources: ["auth", "journal", "messages"],
  format: "syslog",
  programs: ["openvpn"],
  rules: [
    failed(
      String.raw`^(?:(?<address>(?:\d{1,3}\.){3}\d{1,3})|\[${ADDRESS}\]):\d+ (?:TLS Error: TLS handshake failed|TLS Auth Error: Auth Username/Password verification failed for peer)$`,
      {
        line: "Nov 22 12:41:05 web1 openvpn[23718]: 198.51.100.23:34791 TLS Error: TLS handshake failed",
        hit: { address: "198.51.100.23" },
      },
    ),
  ],
};

/** Rules of BIND. */
export const NAMED: RuleFile = {
  service: "named",
  sentence: "Queries and transfers that BIND 9 refused.",
  sources: ["messages", "journal"],
  format: "syslog",
  programs: ["named"],
  rules: [
    {
      name: "denied",
      sentence:
        "A query for a zone that is not ours, or for a whole zone. Addresses of queries can be forged: it counts little.",
      outcome: "probe",
      weight: 0.1,
      pattern: String.raw`^client (?:@0x[\da-f]+ )?(?<address>${ADDRESS_TEXT})#\d+(?: \(.*\))?: (?:view [\w-]+: )?(?:query \(cache\) .* denied|zone transfer .* denied)$`,
      samples: [
        {
          line: "Nov 22 12:41:05 web1 named[9]: client @0x7f13c4158c00 198.51.100.23#3074 (example.com): query (cache) 'example.com/RRSIG/IN' denied",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
  ],
};

/** Rules of the FTP servers of BSD and netkit. */
export const FTPD: RuleFile = {
  service: "ftpd",
  sentence: "Logins at the ftpd of BSD and netkit.",
  sources: ["messages", "journal"],
  format: "syslog",
  programs: ["ftpd", "in.ftpd"],
  rules: [
    failed(`^FTP LOGIN FAILED FROM ${ADDRESS}, (?<user>.*)$`, {
      line: "Nov 22 12:41:05 web1 ftpd[9]: FTP LOGIN FAILED FROM 198.51.100.23, bob",
      hit: { address: "198.51.100.23", user: "bob" },
    }),
  ],
};

/** Rules of the University of Washington's IMAP and POP3 server. */
export const UW_IMAP: RuleFile = {
  service: "uw-imap",
  sentence: "Logins at the IMAP and POP3 server of the University of Washington.",
  sources: ["mail", "auth", "journal"],
  format: "syslog",
  programs: ["imapd", "ipop3d"],
  rules: [
    failed(String.raw`^Login failed user=(?<user>.*) auth=.* host=(?:[\w.-]+ )?\[${ADDRESS}\]$`, {
      line: "Nov 22 12:41:05 web1 imapd[9]: Login failed user=bob auth=bob host=h.example.com [198.51.100.23]",
      hit: { address: "198.51.100.23", user: "bob" },
    }),
  ],
};

/** Rules of pfSense and OPNsense, which send their log to a collector. */
export const PFSENSE: RuleFile = {
  service: "pfsense",
  sentence: "Logins at the web interface of pfSense 2.",
  sources: ["messages", "auth", "journal"],
  format: "syslog",
  programs: ["php-fpm"],
  rules: [
    failed(String.raw`^/index\.php: webConfigurator authentication error for user '(?<user>.*)' from: ${ADDRESS}$`, {
      line: "Nov 22 12:41:05 gw php-fpm[45982]: /index.php: webConfigurator authentication error for user 'admin' from: 198.51.100.23",
      hit: { address: "198.51.100.23", user: "admin" },
    }),
  ],
};

/** Rules of sshguard, on this host or on another one whose log arrives here. */
export const SSHGUARD: RuleFile = {
  service: "sshguard",
  sentence: "What an sshguard 2 has seen. It counts little, as the line that it saw may have been counted already.",
  sources: ["auth", "journal"],
  format: "syslog",
  programs: ["sshguard"],
  rules: [
    {
      name: "attack",
      sentence: "sshguard saw an attack, or blocked.",
      outcome: "probe",
      weight: 0.1,
      pattern: String.raw`^(?:Attack from "${ADDRESS}" on service .*|Blocking "${ADDRESS}/\d+" for .*)$`,
      samples: [
        {
          line: 'Nov 22 12:41:05 web1 sshguard[9]: Attack from "198.51.100.23" on service SSH with danger 10.',
          hit: { address: "198.51.100.23" },
        },
        {
          line: 'Nov 22 12:41:05 web1 sshguard[9]: Blocking "2001:db8::1/64" for 300 secs (3 attacks in 5 secs, after 1 abuses over 5 secs.)',
          hit: { address: "2001:db8::1" },
        },
      ],
    },
  ],
};
