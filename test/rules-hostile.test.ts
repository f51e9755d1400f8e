/**
 * Zero forged addresses: hostile names, greetings, paths and agents, written into lines as each program writes them. The address that the
 * attacker wrote must never come out, and the true one must, where it says that nothing hides it.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { LineRule } from "#src/logs/contract.ts";
import { parseHead } from "#src/logs/formats/parse-head.ts";
import { RULE_FILES } from "#src/logs/rules/all.ts";
import { compileRules } from "#src/logs/rules/compile.ts";
import { FOREIGN_ADDRESS, hostileTexts } from "#src/logs/rules/lint/hostile-texts.ts";
import { defaultSources } from "#src/logs/sources/default-sources.ts";

const A = "198.51.100.23";
const NOW = Date.UTC(2026, 10, 24);
const FILES = await Promise.all(RULE_FILES.map(({ load }) => load()));

interface Writer {
  readonly what: string;
  readonly source: string;
  /** The line around the text; `§` is where it stands, each time. */
  readonly line: string;
  /** What the program makes of the text before it writes it. */
  readonly escape: (text: string) => string;
  /** Names that hide the line: such accounts are not there, so that nobody can get in by them. */
  readonly hidden?: RegExp;
}

/** rsyslog writes control characters as `#ooo`. */
const bySyslog = (text: string): string => replaceControls(text, (code) => `#${code.toString(8).padStart(3, "0")}`);
/** OpenSSH log.c: strnvis(3) with VIS_SAFE and VIS_OCTAL; a name is cut at 100 characters. */
const bySshd = (text: string): string =>
  replaceControls(text.slice(0, 100), (code) =>
    code === 10 ? "\\n" : code === 13 ? "\\r" : `\\${code.toString(8).padStart(3, "0")}`,
  );
/** Apache's ap_escape_logitem(). */
const byApache = (text: string): string =>
  replaceControls(
    text.replaceAll("\\", "\\\\").replaceAll('"', '\\"'),
    (code) => `\\x${code.toString(16).padStart(2, "0")}`,
  );
/** nginx's default escape of access logs. */
const byNginx = (text: string): string =>
  replaceControls(text, (code) => `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`)
    .replaceAll("\\x", "\u0000")
    .replaceAll("\\", "\\x5C")
    .replaceAll("\u0000", "\\x")
    .replaceAll('"', "\\x22");
/** As it is, but on one line. */
const raw = (text: string): string => text.replaceAll("\n", " ");
const inPath = (text: string): string => `/${text.replaceAll(" ", "%20")}`;

const SYSLOG = "Nov 22 12:41:05 web1";
const CLF = "[22/Nov/2026:12:41:46 +0000]";
const ERROR = "[Sun Nov 22 12:41:46.505757 2026]";

const WRITERS: readonly Writer[] = [
  {
    what: "sshd, wrong password",
    source: "auth",
    line: `${SYSLOG} sshd[1]: Failed password for invalid user § from ${A} port 44347 ssh2`,
    escape: bySshd,
    hidden: / ssh1: /,
  },
  {
    what: "sshd, no such user",
    source: "auth",
    line: `${SYSLOG} sshd-session[1]: Invalid user § from ${A} port 44347`,
    escape: bySshd,
  },
  {
    what: "sshd, gone",
    source: "auth",
    line: `${SYSLOG} sshd[1]: Connection closed by invalid user § ${A} port 44347 [preauth]`,
    escape: bySshd,
  },
  {
    what: "sshd, too many",
    source: "auth",
    line: `${SYSLOG} sshd[1]: error: maximum authentication attempts exceeded for invalid user § from ${A} port 1 ssh2 [preauth]`,
    escape: bySshd,
  },
  {
    what: "sshd, not allowed",
    source: "auth",
    line: `${SYSLOG} sshd[1]: User § from ${A} not allowed because not listed in AllowUsers`,
    escape: bySshd,
  },
  {
    what: "sshd, version",
    source: "auth",
    line: `${SYSLOG} sshd[1]: Bad protocol version identification '§' from ${A} port 36114`,
    escape: bySshd,
  },
  {
    what: "sshd, algorithms",
    source: "auth",
    line: `${SYSLOG} sshd[1]: Unable to negotiate with ${A} port 1: no matching cipher found. Their offer: § [preauth]`,
    escape: bySshd,
  },
  { what: "webmin", source: "auth", line: `${SYSLOG} webmin[1]: Invalid login as § from ${A}`, escape: bySyslog },
  {
    what: "dropbear",
    source: "auth",
    line: `${SYSLOG} dropbear[1]: Bad password attempt for '§' from ${A}:1`,
    escape: bySyslog,
  },
  {
    what: "PAM",
    source: "auth",
    line: `${SYSLOG} cockpit[1]: pam_unix(cockpit:auth): authentication failure; logname= uid=0 euid=0 tty= ruser=§ rhost=${A}  user=§`,
    escape: bySyslog,
    hidden: /=/,
  },
  {
    what: "exim, set_id",
    source: "exim-main",
    line: `2026-11-22 12:41:35 login authenticator failed for (x) [${A}]:1: 535 Incorrect authentication data (set_id=§)`,
    escape: raw,
  },
  {
    what: "exim, sender",
    source: "exim-main",
    line: `2026-11-22 12:41:35 H=(x) [${A}]:1 F=<§> rejected RCPT <§>: relay not permitted`,
    escape: raw,
  },
  {
    what: "exim, command",
    source: "exim-main",
    line: `2026-11-22 12:41:35 SMTP protocol error in "AUTH §" H=(x) [${A}]:1 AUTH command used when not advertised`,
    escape: raw,
  },
  {
    what: "postfix, name",
    source: "mail",
    line: `${SYSLOG} postfix/smtpd[1]: warning: unknown[${A}]: SASL LOGIN authentication failed: x, sasl_username=§`,
    escape: bySyslog,
  },
  {
    what: "postfix, HELO",
    source: "mail",
    line: `${SYSLOG} postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[${A}]: 554 5.7.1 <§>: Relay access denied; from=<§> to=<§> proto=SMTP helo=<§>`,
    escape: bySyslog,
  },
  {
    what: "dovecot",
    source: "mail",
    line: `${SYSLOG} dovecot: imap-login: Disconnected: Aborted login by logging out (auth failed, 1 attempts in 4 secs): user=<§>, method=PLAIN, rip=${A}, lip=203.0.113.9, session=<yW6SzdxgHePGM2QX>`,
    escape: bySyslog,
  },
  {
    what: "dovecot, TLS",
    source: "mail",
    line: `${SYSLOG} dovecot: pop3-login: Login aborted: Connection closed (auth failed, 3 attempts in 16 secs) (auth_failed): user=<§>, method=PLAIN, rip=${A}, lip=203.0.113.9, TLS`,
    escape: bySyslog,
  },
  { what: "courier", source: "mail", line: `${SYSLOG} imapd: LOGIN FAILED, user=§, ip=[${A}]`, escape: bySyslog },
  {
    what: "pure-ftpd",
    source: "messages",
    line: `${SYSLOG} pure-ftpd: (?@${A}) [WARNING] Authentication failed for user [§]`,
    escape: bySyslog,
  },
  {
    what: "proftpd",
    source: "messages",
    line: `${SYSLOG} proftpd[1]: web1 (h.example[${A}]): USER §: no such user found from h.example [${A}] to 203.0.113.9:21`,
    escape: bySyslog,
  },
  {
    what: "vsftpd",
    source: "vsftpd",
    line: `Sun Nov 22 12:42:39 2026 [pid 761] [§] FAIL LOGIN: Client "${A}"`,
    escape: raw,
    hidden: /"/,
  },
  {
    what: "access, user",
    source: "apache-access",
    line: `${A} - § ${CLF} "GET /x HTTP/1.1" 401 188 "-" "-"`,
    escape: byApache,
    hidden: /^-? ?\[/,
  },
  {
    what: "access, path",
    source: "domlogs",
    line: `${A} - - ${CLF} "GET /.git/config?§ HTTP/1.1" 404 188 "-" "-"`,
    escape: (text) => byApache(inPath(text)),
  },
  {
    what: "access, referer and agent",
    source: "nginx-access",
    line: `${A} - - ${CLF} "POST /wp-login.php HTTP/1.1" 200 188 "§" "§"`,
    escape: byNginx,
  },
  {
    what: "access, vhost",
    source: "domlogs",
    line: `alice.example:80 ${A} - - ${CLF} "POST /wp-login.php HTTP/1.1" 200 188 "§" "§"`,
    escape: byApache,
  },
  {
    what: "Apache's error log, user",
    source: "apache-error",
    line: `${ERROR} [auth_basic:error] [pid 1:tid 2] [client ${A}:1] AH01618: user § not found: /`,
    escape: byApache,
  },
  {
    what: "ModSecurity",
    source: "apache-error",
    line: `${ERROR} [security2:error] [pid 1:tid 2] [client ${A}:1] [client ${A}] ModSecurity: Access denied with code 403 (phase 2). Pattern match "x" at ARGS:q. [file "x"] [line "1"] [id "949110"] [data "§"] [uri "§"]`,
    escape: byApache,
  },
  {
    what: "nginx's error log, user",
    source: "nginx-error",
    line: `2026/11/22 12:41:46 [error] 1#1: *1 user "§": password mismatch, client: ${A}, server: s, request: "GET / HTTP/1.1", host: "h"`,
    escape: raw,
    hidden: /"/,
  },
  {
    what: "nginx's error log, all",
    source: "nginx-error",
    line: `2026/11/22 12:41:46 [error] 1#1: *1 user "§": password mismatch, client: ${A}, server: s, request: "GET /§ HTTP/1.1", host: "§", referrer: "§"`,
    escape: raw,
    hidden: /[" ]/,
  },
  {
    what: "cPanel",
    source: "cpanel-login",
    line: `[2017-01-25 06:01:10 -0500] info [cpsrvd] ${A} - § "POST /login/ HTTP/1.1" FAILED LOGIN cpaneld: invalid cpanel user § (x)`,
    escape: raw,
  },
  {
    what: "DirectAdmin",
    source: "directadmin-login",
    line: `2014:07:02-13:07:40: '${A}' 13 failed login attempts. Account '§'`,
    escape: raw,
  },
  {
    what: "Plesk",
    source: "plesk-panel",
    line: `2024-02-22 10:15:03 ERR [panel] [Action Log] Failed login attempt with login '§' from IP ${A}`,
    escape: raw,
  },
  {
    what: "MySQL",
    source: "mysql",
    line: `2026-11-22 8:25:38 139845235329792 [Warning] Access denied for user '§'@'${A}' (using password: YES)`,
    escape: raw,
  },
  {
    what: "PostgreSQL",
    source: "postgresql",
    line: `2026-11-22 12:41:46.123 UTC [12] ${A}(40222) FATAL:  password authentication failed for user "§"`,
    escape: raw,
  },
  {
    what: "Gitea",
    source: "gitea",
    line: `2026-11-22T12:41:46Z web1 gitea[1]: Failed authentication attempt for § from ${A}:1`,
    escape: bySyslog,
  },
];

function replaceControls(text: string, by: (code: number) => string): string {
  return Array.from(text, (char) =>
    char.charCodeAt(0) < 32 || char.charCodeAt(0) === 127 ? by(char.charCodeAt(0)) : char,
  ).join("");
}

function rulesOf(source: string): readonly LineRule[] {
  return compileRules(FILES.filter(({ sources }) => sources.includes(source)));
}

const formatOf = new Map(defaultSources().map(({ name, format }) => [name, format]));

/** The addresses that the rules of a source give for a line, without those of logins that worked. */
function addressesIn(rules: readonly LineRule[], source: string, text: string): string[] {
  const view = { text, ...parseHead(formatOf.get(source)!, text, NOW), trusted: null };
  const hits = rules.flatMap((rule) => {
    const found = rule.search(view);
    return found === null || found === undefined ? [] : rule.conclude(found, view);
  });
  assert.ok(!hits.some(({ outcome }) => outcome === "success"), `${text} was taken for a login that worked`);
  return hits.map(({ address }) => address ?? "none");
}

function check(writer: Writer, rules: readonly LineRule[], text: string): void {
  const written = writer.escape(text);
  const line = writer.line.replaceAll("§", () => written);
  const addresses = addressesIn(rules, writer.source, line);
  assert.ok(!addresses.includes(FOREIGN_ADDRESS), `forged: ${line}`);
  if (writer.hidden?.test(written) !== true) assert.ok(addresses.includes(A), `hidden: ${line}`);
}

suite("rules under hostile texts", () => {
  for (const writer of WRITERS) {
    const rules = rulesOf(writer.source);
    const [before = "", ...after] = writer.line.split("§");
    const message = parseHead(formatOf.get(writer.source)!, writer.line, NOW).messageAt;

    test(`${writer.what}: hundreds of texts that repeat the line with another address`, () => {
      const texts = hostileTexts(before.slice(message), after.join("x"), A);
      assert.ok(texts.length > 300, `only ${texts.length} texts`);
      for (const text of texts) check(writer, rules, text);
    });

    test(`${writer.what}: texts of pieces of the line`, () => {
      const pieces = writer.line.replaceAll(A, FOREIGN_ADDRESS).split(/(?<=[ §,:'"[\]()<>=])|(?=[ §,:'"[\]()<>=])/);
      const piece = fc.constantFrom(
        ...pieces.filter((one) => one !== "§"),
        FOREIGN_ADDRESS,
        "\n",
        "\\",
        '"',
        "x",
        "\u00e9",
      );
      fc.assert(
        fc.property(fc.array(piece, { minLength: 1, maxLength: 30 }), (parts) => check(writer, rules, parts.join(""))),
        { numRuns: 200 },
      );
    });
  }
});
