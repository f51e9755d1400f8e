/**
 * The reader of fail2ban's configuration, the converter of its regular expressions and the matcher, each against the installed fail2ban
 * (Debian's package) and Python's re, on texts by a seed and on lines of real services.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { GarrisonError } from "#src/lib/errors.ts";
import type { LineView } from "#src/logs/contract.ts";
import { HostConfigTree } from "#src/logs/fail2ban/config/config-tree.ts";
import { checkFilter } from "#src/logs/fail2ban/match/check-filter.ts";
import { compileFilter } from "#src/logs/fail2ban/match/compile-filter.ts";
import { readFilter } from "#src/logs/fail2ban/read-filter.ts";
import { convertRegex } from "#src/logs/fail2ban/regex/convert-regex.ts";
import { resolveFailureTags } from "#src/logs/fail2ban/regex/failure-tags.ts";
import { groupsOf, isAscii, RegexPair } from "#src/logs/fail2ban/regex/regex-pair.ts";
import type { FilterSpec } from "#src/logs/fail2ban/spec.ts";
import { Texts } from "./fail2ban-texts.ts";

const FOLDER = "/etc/fail2ban";
const PYTHON = "/usr/bin/python3";
const TREE = new HostConfigTree();
const NAMES = readdirSync(`${FOLDER}/filter.d`)
  .filter((name) => name.endsWith(".conf"))
  .map((name) => name.slice(0, -5));
/** The only one that cannot be used by itself: fail2ban refuses it too. */
const PART = "selinux-common";
const FILTERS = [
  ...NAMES.filter((name) => name !== PART),
  "sshd[mode=aggressive]",
  "postfix[mode=aggressive]",
  "dovecot[mode=aggressive]",
  "exim[mode=aggressive]",
  "sshd[logtype=rfc5424]",
];
const OPTIONS = ["prefregex", "failregex", "ignoreregex", "datepattern", "maxlines"];
const MAX_OUTPUT = 2 ** 28;

/** Prints the options of each filter as fail2ban resolves them. */
const READ_FILTERS = `
import json, logging, sys
from fail2ban.client.filterreader import FilterReader
from fail2ban.helpers import extractOptions
logging.disable(50)
found = {}
for text in json.load(sys.stdin):
    name, parameters = extractOptions(text)
    reader = FilterReader(name, "jail", parameters, share_config={}, basedir="${FOLDER}")
    reader.read()
    reader.applyAutoOptions("auto")
    reader.getOptions(None)
    found[text] = {k: v for k, v in reader.getCombined().items() if k in ${JSON.stringify(OPTIONS)}}
print(json.dumps(found))
`;

/** Searches each text with Python's re: the groups that are set, or null. */
const SEARCH = `
import json, re, sys
def search(regex, text):
    match = regex.search(text)
    return match and {k: v for k, v in match.groupdict().items() if v is not None}
found = []
for pattern, is_multi, texts in json.load(sys.stdin):
    regex = re.compile(pattern, re.MULTILINE if is_multi else 0)
    found.append([search(regex, text) for text in texts])
print(json.dumps(found))
`;

/** Runs fail2ban-regex on each file with each filter, in one process. */
const RUN = `
import contextlib, io, json, sys
from fail2ban.client.fail2banregex import exec_command_line
found = []
for path, name in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec_command_line(["--raw", "-l", "critical", "-e", "utf-8", "-o", "<ip>|<time>|<F-USER>", path, name])
        except SystemExit:
            pass
    found.append(out.getvalue().split("\\n")[:-1])
print(json.dumps(found))
`;

const LINES: Readonly<Record<string, readonly string[]>> = {
  sshd: [
    "Nov 22 12:41:35 web1 sshd[811]: Failed password for invalid user oracle from 192.0.2.1 port 40022 ssh2",
    "Nov 22 12:41:36 web1 sshd[812]: Failed password for root from 192.0.2.2 port 40023 ssh2",
    "Nov 22 12:41:37 web1 sshd[813]: Invalid user a b from 203.0.113.9 port 22 from 192.0.2.3 port 40024",
    "Nov 22 12:41:38 web1 sshd[814]: Accepted publickey for deploy from 192.0.2.4 port 40025 ssh2: ED25519 SHA256:abc",
    "Nov 22 12:41:39 web1 sshd[815]: User bob not allowed because account is locked",
    "Nov 22 12:41:40 web1 sshd[815]: Connection closed by 192.0.2.5 port 40026 [preauth]",
    "Nov 22 12:41:41 web1 sshd[816]: Failed publickey for git from 192.0.2.6 port 40027 ssh2: RSA SHA256:x",
    "Nov 22 12:41:42 web1 sshd[816]: Failed password for root from 192.0.2.6 port 40027 ssh2",
    "Nov 22 12:41:43 web1 sshd[816]: Connection closed by authenticating user root 192.0.2.6 port 40027 [preauth]",
    "Nov 22 12:41:44 web1 sshd[817]: User carol from 192.0.2.7 not allowed because not listed in AllowUsers",
    "Nov 22 12:41:45 web1 sshd[818]: Disconnecting: Too many authentication failures for admin [preauth]",
    "Nov 22 12:41:46 web1 sshd[818]: Received disconnect from 192.0.2.8 port 40028:11: disconnected by user",
    "Nov 22 12:41:47 web1 sshd[819]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.9  user=root",
    "2026-11-22T12:41:48.123456+01:00 web1 sshd[820]: Failed password for root from 2001:db8::1 port 40029 ssh2",
    "Nov 22 12:41:49 web1 sshd[821]: Failed password for invalid user \u00fc from 192.0.2.10 port 1 ssh2",
    "Nov 22 12:41:50 web1 sshd[822]: Failed password for invalid user x\x1b[31m from 192.0.2.11 port 1 ssh2",
    "",
    "# a comment",
  ],
  exim: [
    "2026-11-22 12:41:35 dovecot_login authenticator failed for (User) [192.0.2.21]: 535 Incorrect authentication data (set_id=info@example.com)",
    "2026-11-22 12:41:36 [4711] H=(localhost) [192.0.2.22] F=<a@example.com> rejected RCPT <b@example.net>: relay not permitted",
    '2026-11-22 12:41:37 SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from H=[192.0.2.23] input="x"',
    "2026-11-22 12:41:38 1xV6sx-00006g-0p <= a@example.com H=mx.example.com [192.0.2.24] P=esmtps S=1234",
  ],
  dovecot: [
    "Nov 22 12:41:35 mail dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<info>, method=PLAIN, rip=192.0.2.31, lip=198.51.100.1, TLS",
    "Nov 22 12:41:36 mail dovecot: imap-login: Login: user=<info>, method=PLAIN, rip=192.0.2.32, lip=198.51.100.1, mpid=77, TLS",
  ],
  "apache-auth": [
    "[Sun Nov 22 12:41:35.123456 2026] [auth_basic:error] [pid 77] [client 192.0.2.41:50000] AH01618: user admin not found: /private",
    "[Sun Nov 22 12:41:36.123456 2026] [core:notice] [pid 77] AH00094: Command line: '/usr/sbin/apache2'",
  ],
};

let folder = "";
before(() => {
  process.env["TZ"] = "Europe/Zurich";
  folder = mkdtempSync(join(tmpdir(), "garrison-fail2ban-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

suite("the installed fail2ban", () => {
  test("readFilter() gives the options of every filter of filter.d that fail2ban itself gives", () => {
    const wanted = python(READ_FILTERS, FILTERS) as Record<string, Record<string, string | number>>;
    for (const text of FILTERS) {
      const spec = readFilter(TREE, text);
      const options = wanted[text] ?? {};
      const list = (name: string): string[] =>
        String(options[name] ?? "")
          .split("\n")
          .filter((line) => line.trim() !== "");
      assert.deepEqual(
        {
          prefregex: spec.prefregex?.pattern ?? "",
          failregex: spec.failregex.map(({ pattern }) => pattern),
          ignoreregex: spec.ignoreregex.map(({ pattern }) => pattern),
          datepattern: spec.datePattern ?? "",
          maxlines: spec.maxLines,
        },
        {
          prefregex: options["prefregex"] ?? "",
          failregex: list("failregex"),
          ignoreregex: list("ignoreregex"),
          datepattern: options["datepattern"] ?? "",
          maxlines: options["maxlines"] ?? 1,
        },
        text,
      );
    }
  });

  test("checkFilter() converts each expression of each filter, and names file and line of its option", () => {
    for (const text of FILTERS) {
      const { spec, refused } = checkFilter(readFilter(TREE, text));
      assert.deepEqual(refused, [], text);
      for (const { file, line } of spec.failregex) {
        assert.ok(file.startsWith(`${FOLDER}/filter.d/`) && line > 0, `${text}: ${file}:${line}`);
      }
    }
    assert.throws(
      () => readFilter(TREE, PART),
      (error) => error instanceof GarrisonError && /selinux-common\.conf" line \d+\)/.test(error.message),
    );
  });

  test("convertRegex() gives each match and each group that Python's re gives, on texts for each expression", () => {
    const texts = new Texts(1);
    const cases = FILTERS.flatMap((text) => regexesOf(readFilter(TREE, text)));
    const distinct = [...new Map(cases.map((one) => [JSON.stringify(one), one])).values()];
    const asked = distinct.map(([pattern, isMulti]): [string, boolean, string[]] => {
      const own = Array.from({ length: 12 }, () => texts.matching(pattern));
      const others = own.flatMap((text) => [texts.damaged(text), texts.damaged(texts.damaged(text)), `${text}\n`]);
      return [resolveFailureTags(pattern, { withNames: true }), isMulti, [...own, ...others]];
    });
    const wanted = python(SEARCH, asked) as (Record<string, string> | null)[][];
    let searches = 0;
    let matches = 0;
    for (const [index, [pattern, multiLine, own]] of asked.entries()) {
      const converted = convertRegex(pattern, { multiLine });
      for (const [at, text] of own.entries()) {
        const found = searchAll(converted, text);
        for (const one of found)
          assert.deepEqual(one, wanted[index]?.[at] ?? null, `${pattern}\n${JSON.stringify(text)}`);
        searches += found.length;
        if (found[0] !== null) matches++;
      }
    }
    assert.ok(distinct.length > 200 && searches > 15_000, `${distinct.length} expressions, ${searches} searches`);
    assert.ok(matches > 4000, `${matches} matches`);
  });

  test("compileFilter() finds the addresses, times and users that fail2ban-regex finds, in lines for every filter", () => {
    const texts = new Texts(2);
    const files = FILTERS.map((text, index) => {
      const spec = readFilter(TREE, text);
      const lines = [...(LINES[text] ?? []), ...generatedLines(spec, texts)];
      const path = join(folder, `${index}.log`);
      writeFileSync(path, `${lines.join("\n")}\n`);
      return { text, spec, lines, path };
    });
    const wanted = python(
      RUN,
      files.map(({ path, text }) => [path, text]),
    ) as string[][];
    let rows = 0;
    let silent = 0;
    for (const [index, { text, spec, lines }] of files.entries()) {
      const found = rowsOf(spec, lines);
      assert.deepEqual(found, wanted[index]?.map(canonicalRow), text);
      rows += found.length;
      if (found.length === 0) silent++;
    }
    assert.ok(rows > 1000, `${rows} rows`);
    assert.ok(silent < 12, `${silent} filters found nothing`);
  });
});

function python(script: string, input: unknown): unknown {
  const output = execFileSync(PYTHON, ["-c", script], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT,
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: "/usr/bin:/bin", TZ: "Europe/Zurich", LC_ALL: "C.UTF-8" },
  });
  return JSON.parse(output);
}

function regexesOf(spec: FilterSpec): [string, boolean][] {
  const pref = spec.prefregex === null ? [] : [spec.prefregex];
  return [
    ...[...pref, ...spec.ignoreregex].map(({ pattern }): [string, boolean] => [pattern, false]),
    ...spec.failregex.map(({ pattern }): [string, boolean] => [pattern, spec.maxLines > 1]),
  ];
}

/** By the form for all texts, and by that for ASCII where it may be used. */
function searchAll(converted: ReturnType<typeof convertRegex>, text: string): (object | null)[] {
  const pair = new RegexPair(converted);
  return (isAscii(text) ? [false, true] : [false]).map((ascii) => {
    const match = pair.exec(text, ascii);
    if (match === null) return null;
    const groups = groupsOf(match, converted.ascii.captures);
    for (const [name, { of, more }] of converted.copies) {
      for (const copy of of) {
        if (groups[copy] !== undefined) groups[name] = groups[copy];
        delete groups[copy];
      }
      assert.equal(groups[more], undefined);
    }
    delete groups["_atomic"];
    return Object.fromEntries(Object.entries(groups).filter(([name]) => !name.startsWith("_group")));
  });
}

const DATES = [
  "Nov 22 12:41:35",
  "2026-11-22 12:41:35",
  "2026-11-22T12:41:35.5+01:00",
  "22/Nov/2026:12:41:35 +0100",
  "Sun Nov 22 12:41:35 2026",
  "1795347695",
  "Feb 30 12:41:35",
];

/** Lines of the filter's own expressions, with a date where one may stand, and near misses. */
function generatedLines(spec: FilterSpec, texts: Texts): string[] {
  return spec.failregex.flatMap(({ pattern }) =>
    Array.from({ length: 9 }, (_, index) => {
      const message = messageOf(spec, pattern, texts).replaceAll(/[\r\n\x85\u2028\u2029]/g, " ");
      const line = withDate(message, spec, texts);
      const isWhole = index % 3 !== 2;
      // fail2ban-regex passes over comments, and a NUL would end its own output early.
      return (isWhole ? line : texts.damaged(line)).replaceAll(/[\r\n\x85\u2028\u2029]/g, " ").replace(/^#/, "");
    }),
  );
}

function messageOf(spec: FilterSpec, pattern: string, texts: Texts): string {
  const message = texts.matching(pattern);
  if (spec.prefregex === null) return message;
  const head = spec.prefregex.pattern.replace(/<F-CONTENT>.*<\/F-CONTENT>/, "CONTENT");
  return texts.matching(head).replace("CONTENT", () => message);
}

function withDate(message: string, spec: FilterSpec, texts: Texts): string {
  const own = /%[a-zA-Z]/.test(spec.datePattern ?? "") && texts.below(2) === 0 ? ownDate(spec.datePattern ?? "") : null;
  const date = own ?? texts.pick(DATES);
  if (message.includes("[]") && texts.below(4) > 0) return message.replace("[]", () => `[${date}]`);
  if (message.startsWith(" ") || message.startsWith("[") || texts.below(3) > 0) return date + message;
  return `${date} ${message}`;
}

/** What the first line of a pattern stands for. */
function ownDate(pattern: string): string {
  const parts: Readonly<Record<string, string>> = {
    Y: "2026",
    y: "26",
    m: "11",
    d: "22",
    b: "Nov",
    H: "12",
    k: "12",
    I: "12",
    M: "41",
    S: "35",
    f: "5",
    z: "+0100",
    p: "PM",
    a: "Sun",
  };
  return (pattern.split("\n")[0] ?? "")
    .replaceAll(/%(?:Ex)?([A-Za-z])/g, (_, letter: string) => parts[letter] ?? "")
    .replaceAll("(?P<_sep>[-/.])", "-")
    .replaceAll("(?P=_sep)", "-")
    .replaceAll("[T ]", " ")
    .replaceAll(/\{\^LN-BEG\}|\(\?:[^()]*(?:\([^()]*\))?[^()]*\)\?|[\^\\()]/g, "");
}

/** As fail2ban-regex reads a file. */
function rowsOf(spec: FilterSpec, lines: readonly string[]): string[] {
  const rule = compileFilter(spec);
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((text) => {
      const line: LineView = {
        text: Buffer.from(text).toString("latin1"),
        messageAt: 0,
        program: "",
        atUnixMs: null,
        trusted: null,
      };
      const isCandidate =
        rule.literals?.some((literal) => line.text.toLowerCase().includes(literal.toLowerCase())) ?? true;
      const found = isCandidate ? rule.search(line) : null;
      const hits =
        found === null || found === undefined ? [] : rule.conclude(rule.examine?.(found, undefined) ?? found, line);
      return hits.map(({ address, detail, atUnixMs, user }) => {
        const time = atUnixMs === null ? "now" : String(Math.floor(atUnixMs / 1000));
        return canonicalRow(`${address ?? detail}|${time}|${user ?? ""}`);
      });
    });
}

/** A line without a date has the time of the run. */
function canonicalRow(row: string): string {
  const [id = "", time = "", ...user] = row.split("|");
  const isNow = time === "now" || Math.abs(Number(time) - Date.now() / 1000) < 600;
  return [
    id.toLowerCase(),
    isNow ? "now" : String(Math.floor(Number(time))),
    user.join("|").replace(/^(?:None|<F-USER>)$/, ""),
  ].join("|");
}
