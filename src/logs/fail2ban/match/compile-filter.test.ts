import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LineRule, LineView } from "#src/logs/contract.ts";
import { SourceMatcher } from "#src/logs/match/source-matcher.ts";
import type { FilterSpec, RegexSpec } from "../spec.ts";
import { compileFilter } from "./compile-filter.ts";

const NOW = Date.UTC(2026, 10, 24, 12);

function regex(pattern: string): RegexSpec {
  return { pattern, file: "/f/x.conf", line: 7 };
}

function specOf(failregex: readonly string[], more: Partial<FilterSpec> = {}): FilterSpec {
  return {
    name: "x",
    service: "x",
    prefregex: null,
    failregex: failregex.map(regex),
    ignoreregex: [],
    datePattern: null,
    timeZone: "UTC",
    maxLines: 1,
    useDns: "warn",
    encoding: "utf-8",
    journalMatches: [],
    ...more,
  };
}

function viewOf(text: string, more: Partial<LineView> = {}): LineView {
  const bytes = Buffer.from(text).toString("latin1");
  return { text: bytes, messageAt: 0, program: "", atUnixMs: null, trusted: null, ...more };
}

/** `address user` of each hit, behind the texts that the rule asks for. */
function run(rule: LineRule, lines: readonly string[]): string[] {
  return lines.flatMap((text) => {
    const line = viewOf(text);
    if (rule.literals !== null && !rule.literals.some((literal) => line.text.toLowerCase().includes(literal)))
      return [];
    const found = rule.search(line);
    const hits =
      found === null || found === undefined ? [] : rule.conclude(rule.examine?.(found, undefined) ?? found, line);
    return hits.map(({ address, user }) => `${address} ${user}`);
  });
}

// What OpenSSH writes, in the way in which fail2ban's filter for it works.
const CONNECTIONS = specOf(
  [
    "^Failed password for <F-USER>.*</F-USER> from <HOST> port \\d+",
    "^<F-NOFAIL>Failed publickey</F-NOFAIL> for <F-USER>\\S+</F-USER> from <HOST>",
    "^User <F-USER>\\S+</F-USER> not allowed because account is locked$",
    "^<F-NOFAIL><F-MLFFORGET>Connection closed</F-MLFFORGET></F-NOFAIL> by (?:authenticating user <F-USER>\\S+</F-USER> )?<HOST>",
    "^<F-MLFFORGET><F-MLFGAINED>Accepted \\w+</F-MLFGAINED></F-MLFFORGET> for <F-USER>\\S+</F-USER> from <HOST>",
  ],
  { prefregex: regex("^<F-MLFID>\\s*\\S+ sshd\\[\\d+\\]: </F-MLFID><F-CONTENT>.+</F-CONTENT>$") },
);
const at = "Nov 22 12:41:35 web1 sshd";

test("compileFilter() reads address, user and time of a line", () => {
  const rule = compileFilter(CONNECTIONS, { nowUnixMs: () => NOW });
  const line = viewOf(`${at}[1]: Failed password for bob from 192.0.2.1 port 22`);
  const found = rule.search(line);
  assert.ok(found);
  assert.deepEqual(rule.conclude(found, line), [
    {
      rule: "fail2ban:x",
      service: "x",
      outcome: "failure",
      atUnixMs: Date.UTC(2026, 10, 22, 12, 41, 35),
      address: "192.0.2.1",
      user: "bob",
      site: null,
      detail: null,
      weight: 1,
    },
  ]);
});

const STORIES: readonly (readonly [title: string, lines: readonly string[], hits: readonly string[]])[] = [
  [
    "takes the address of the last line for a failure that waits for one",
    [`${at}[1]: User bob not allowed because account is locked`, `${at}[1]: Connection closed by 192.0.2.1`],
    ["192.0.2.1 bob"],
  ],
  [
    "tells connections apart",
    [`${at}[1]: User bob not allowed because account is locked`, `${at}[2]: Connection closed by 192.0.2.1`],
    [],
  ],
  [
    "clears what waits when the login works in the end",
    [
      `${at}[1]: User bob not allowed because account is locked`,
      `${at}[1]: Accepted password for bob from 192.0.2.1`,
      `${at}[1]: Connection closed by 192.0.2.1`,
    ],
    [],
  ],
  [
    "counts no attempt with another key",
    [
      `${at}[1]: Failed publickey for bob from 192.0.2.1`,
      `${at}[1]: Failed publickey for bob from 192.0.2.1`,
      `${at}[1]: Connection closed by authenticating user bob 192.0.2.1`,
    ],
    [],
  ],
  [
    "counts attempts with several users",
    [`${at}[1]: Failed publickey for bob from 192.0.2.1`, `${at}[1]: Failed publickey for eve from 192.0.2.1`],
    ["192.0.2.1 eve"],
  ],
  [
    "does not count an end or a login by itself",
    [`${at}[1]: Connection closed by 192.0.2.1`, `${at}[1]: Accepted password for bob from 192.0.2.1`],
    [],
  ],
  [
    "takes the address from the end of the line, whatever the user is called",
    [`${at}[1]: Failed password for x from 198.51.100.7 port 22 from 192.0.2.1 port 22`],
    ["192.0.2.1 x from 198.51.100.7 port 22"],
  ],
];
for (const [title, lines, hits] of STORIES) {
  test(`compileFilter() ${title}`, () => {
    assert.deepEqual(run(compileFilter(CONNECTIONS, { nowUnixMs: () => NOW }), lines), hits);
  });
}

test("compileFilter() lets the engine pass over ends of connections that are not known, and over none that are", () => {
  const rule = compileFilter(CONNECTIONS, { nowUnixMs: () => NOW });
  const source = { name: "auth", kind: "file", paths: [], format: "plain", isForgeable: true } as const;
  const matcher = new SourceMatcher(source, [rule], { onDisabled: (_, reason) => assert.fail(reason) });
  const failures = Array.from(
    { length: 20 },
    (_, pid) => `${at}[${pid}]: User bob not allowed because account is locked`,
  );
  const ends = Array.from({ length: 500 }, (_, pid) => `${at}[${pid}]: Connection closed by 192.0.2.1`);
  const match = (lines: readonly string[]): number =>
    matcher.match(Buffer.from(`${lines.join("\n")}\n`), { file: "auth.log", offset: 0, line: 1 }).length;
  assert.equal(match(failures), 0);
  assert.equal(match(ends), 20);
  assert.equal(matcher.stats().candidates, 40);
});

/** Hits and searched lines of a block, through the matcher. */
function matchBlock(rule: LineRule, lines: readonly string[]): { hits: number; candidates: number } {
  const source = { name: "auth", kind: "file", paths: [], format: "plain", isForgeable: true } as const;
  const matcher = new SourceMatcher(source, [rule], {
    onDisabled: (_, reason) => assert.fail(reason),
    nowUnixMs: () => NOW,
  });
  const block = Buffer.from(`${lines.join("\n")}\n`);
  const hits = matcher.match(block, { file: "auth.log", offset: 0, line: 1 }).length;
  return { hits, candidates: matcher.stats().candidates };
}

test("compileFilter() takes a number that a client wrote behind the id for none of a connection", () => {
  const failures = Array.from({ length: 20 }, (_, pid) => `${at}[${pid}]: Failed publickey for bob from 192.0.2.1`);
  const proof = compileFilter(CONNECTIONS, { nowUnixMs: () => NOW });
  assert.equal(matchBlock(proof, failures).candidates, 20);
  const ends = Array.from({ length: 50 }, () => `${at}[900]: Connection closed by authenticating user [3] 192.0.2.1`);
  assert.deepEqual(matchBlock(proof, ends), { hits: 0, candidates: 0 });
});

test("compileFilter() finds with the ends that it passes over what it finds without", () => {
  const pid = fc.integer({ min: 0, max: 5 });
  const message = fc.constantFrom(
    "User [2] not allowed because account is locked",
    "User bob not allowed because account is locked",
    "Failed publickey for [1] from 192.0.2.1",
    "Failed publickey for eve from 192.0.2.1",
    "Connection closed by 192.0.2.1",
    "Connection closed by authenticating user [4] 192.0.2.1",
    "Accepted password for [5] from 192.0.2.1",
  );
  const line = fc.tuple(pid, message).map(([number, text]) => `${at}[${number}]: ${text}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
      const make = (): LineRule => compileFilter(CONNECTIONS, { nowUnixMs: () => NOW });
      assert.equal(matchBlock(make(), lines).hits, run(make(), lines).length);
    }),
    { numRuns: 300 },
  );
});

test("compileFilter() ignores what an ignoreregex matches", () => {
  const rule = compileFilter(specOf(["^bad <HOST>"], { ignoreregex: [regex("192\\.0\\.2\\.9")] }));
  assert.deepEqual(run(rule, ["bad 192.0.2.1", "bad 192.0.2.9"]), ["192.0.2.1 null"]);
});

test("compileFilter() reads lines in UTF-8 as Python does, and broken ones too", () => {
  const rule = compileFilter(specOf(["^login\\s<F-USER>\\w+</F-USER> <ADDR>$"]));
  assert.deepEqual(run(rule, ["login\u00a0Jürgen 192.0.2.1", "login a\u200bb 192.0.2.2"]), ["192.0.2.1 Jürgen"]);
  const line = { ...viewOf(""), text: "login \xff 192.0.2.3" };
  assert.equal(rule.search(line), null);
});

test("compileFilter() looks at several lines together and uses each up", () => {
  const spec = specOf(["^(?P<c>c\\d+) open <HOST><SKIPLINES>(?P=c) failed$"], { maxLines: 3, datePattern: "{NONE}" });
  const rule = compileFilter(spec);
  assert.equal(rule.literals, null);
  const lines = ["c1 open 192.0.2.1", "other", "c1 failed", "c1 failed", "c2 open 192.0.2.2", "a", "b", "c2 failed"];
  assert.deepEqual(run(rule, lines), ["192.0.2.1 null"]);
});

test("compileFilter() gives IPv6 in its shortest form, and a host name as what it is", () => {
  const rule = compileFilter(specOf(["^bad <HOST>$"]));
  assert.deepEqual(run(rule, ["bad 2001:DB8:0:0::1", "bad [::ffff:192.0.2.1]"]), [
    "2001:db8::1 null",
    "192.0.2.1 null",
  ]);
  const line = viewOf("bad mail.example.com");
  const found = rule.search(line);
  assert.ok(found);
  const [hit] = rule.conclude(found, line);
  assert.deepEqual([hit?.address, hit?.detail], [null, "mail.example.com"]);
});

test("compileFilter() looks at entries of the journal that its journalmatch names, and at no others", () => {
  const spec = specOf(["^\\S+ sshd\\[\\d+\\]: bad <HOST>$"], {
    journalMatches: [["_SYSTEMD_UNIT=ssh.service", "+", "_COMM=sshd"]],
  });
  const rule = compileFilter(spec);
  const entry = (trusted: Record<string, string>): LineView =>
    viewOf("bad 192.0.2.1", { program: "sshd", trusted: { _HOSTNAME: "web1", _PID: "1", ...trusted }, atUnixMs: 5 });
  const line = entry({ _COMM: "sshd" });
  const found = rule.search(line);
  assert.ok(found);
  assert.equal(rule.conclude(found, line)[0]?.atUnixMs, 5);
  assert.equal(rule.search(entry({ _COMM: "logger" })), null);
});

test("compileFilter() names file and line of what it cannot convert, and of what names nothing that failed", () => {
  assert.throws(
    () => compileFilter(specOf(["(?:|a)*<HOST>"])),
    /"\/f\/x\.conf" line 7: a repeat may have an empty round/,
  );
  assert.throws(() => compileFilter(specOf(["^bad$"])), /"\/f\/x\.conf" line 7: it names nothing that failed/);
});

test("compileFilter() makes a rule of a specification that has been JSON", () => {
  const spec = JSON.parse(JSON.stringify(CONNECTIONS)) as FilterSpec;
  assert.deepEqual(run(compileFilter(spec), [`${at}[1]: Failed password for bob from 192.0.2.1 port 22`]), [
    "192.0.2.1 bob",
  ]);
});

test("compileFilter() takes any lines, and gives addresses that are ones", () => {
  const rule = compileFilter(CONNECTIONS, { nowUnixMs: () => NOW });
  const piece = fc.constantFrom(
    `${at}[1]: `,
    `${at}[2]: `,
    "Failed password for ",
    "Connection closed by ",
    "Accepted password for ",
    "User ",
    " not allowed because account is locked",
    " from ",
    "192.0.2.1",
    "999.1.1.1",
    "2001:db8::1",
    ":::",
    " port 22",
    "é",
    "\0",
    "\r",
    "\x80",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      for (const hit of run(rule, [pieces.join("")])) assert.match(hit, /^(?:192\.0\.2\.1|2001:db8::1|null) /);
    }),
    { numRuns: 800 },
  );
});

/** Two lines of one deed, through the matcher: what it found by line, and what it disabled. */
function matchSeveral(failregex: readonly string[], block: string): { found: string[]; disabled: string[] } {
  const disabled: string[] = [];
  const spec = specOf(failregex, { maxLines: 2, datePattern: "{NONE}" });
  const source = { name: "app", kind: "file", paths: [], format: "plain", isForgeable: false } as const;
  const matcher = new SourceMatcher(source, [compileFilter(spec, { nowUnixMs: () => NOW })], {
    onDisabled: (name, reason) => disabled.push(`${name}: ${reason}`),
    limitMs: 20,
    nowUnixMs: () => NOW,
  });
  // In two blocks, so that what is kept of the first is needed by the second.
  const half = block.indexOf("\n", block.length / 2) + 1;
  const found = [block.slice(0, half), block.slice(half)].flatMap((part) =>
    matcher
      .match(Buffer.from(part), { file: "/app.log", offset: 0, line: 1 })
      .map(({ address, place }) => `${address} ${place.line}`),
  );
  return { found, disabled };
}

test("compileFilter() makes a rule for several lines that carries them from line to line and from block to block", () => {
  const pair = (index: number): string => `c${index} open 192.0.2.${index}\nc${index} failed\n`;
  const block = Array.from({ length: 40 }, (_, index) => pair(index + 1)).join("");
  const { found, disabled } = matchSeveral(["^(?P<c>c\\d+) open <HOST><SKIPLINES>(?P=c) failed$"], `noise\n${block}`);
  assert.deepEqual(
    found.map((one) => one.split(" ")[0]),
    Array.from({ length: 40 }, (_, index) => `192.0.2.${index + 1}`),
  );
  assert.deepEqual(disabled, []);
});

test("compileFilter() makes a rule for several lines that is cut off when it backtracks for ever", () => {
  const block = `failed from 192.0.2.1\n${"a".repeat(60)}!\nfailed from 192.0.2.2\nfailed from 192.0.2.3\n`;
  const { found, disabled } = matchSeveral(["^(?:(?:\\w+)+)+; from <HOST>$", "^failed from <HOST>$"], block);
  // What it found before is as true as ever; half of a deed is none.
  assert.deepEqual(found, ["192.0.2.1 1"]);
  assert.match(disabled.join("\n"), /more than \d+ ms of CPU/);
  assert.equal(disabled.length, 1);
});
