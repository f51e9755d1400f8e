import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { LineRule, LineView, LogHit, LogSource, PlacedHit } from "../contract.ts";
import { literalsOf } from "./literals.ts";
import { type JournalLine, SourceMatcher, type SourceMatcherOptions } from "./source-matcher.ts";

const SOURCE: LogSource = { name: "auth", kind: "file", paths: [], format: "syslog", isForgeable: true };
const AT = { file: "/var/log/auth.log", offset: 1000, line: 1 };

/** A rule that takes the address and the user of a pattern on the message. */
function rule(name: string, pattern: string, literals = literalsOf(pattern, "")): LineRule {
  const regex = new RegExp(pattern);
  return {
    name,
    literals,
    search: ({ text, messageAt }) => regex.exec(text.slice(messageAt)),
    conclude: (found, { atUnixMs }) => [hitOf(name, (found as RegExpExecArray).groups ?? {}, atUnixMs)],
  };
}

function hitOf(name: string, { address, user }: Record<string, string>, atUnixMs: number | null): LogHit {
  return {
    rule: name,
    service: "sshd",
    outcome: "failure",
    atUnixMs,
    address: address ?? null,
    user: user ?? null,
    site: null,
    detail: null,
    weight: 1,
  };
}

const FAILED = rule(
  "failed",
  "^Failed password for (?:invalid user )?(?<user>.*) from (?<address>\\S+) port \\d+ ssh2$",
);
const INVALID = rule("invalid", "^Invalid user (?<user>.*) from (?<address>\\S+) port \\d+$");
const NAMED = rule("named", "^.* for (?<user>oracle) from (?<address>\\S+) port \\d+", null);

function refuse(name: string, reason: string): void {
  assert.fail(`${name} was disabled: ${reason}`);
}

function matcherOf(
  rules: readonly LineRule[],
  options: Partial<SourceMatcherOptions> = {},
  source = SOURCE,
): SourceMatcher {
  return new SourceMatcher(source, rules, { onDisabled: refuse, nowUnixMs: () => Date.UTC(2026, 10, 24), ...options });
}

function match(text: string, rules: readonly LineRule[] = [FAILED, INVALID]): PlacedHit[] {
  return matcherOf(rules).match(Buffer.from(text, "latin1"), AT);
}

const HEAD = "Nov 22 12:41:35 web1 sshd[4711]: ";
const LINE = `${HEAD}Failed password for root from 192.0.2.7 port 40022 ssh2`;

suite("SourceMatcher.match()", () => {
  test("gives each hit with its file, offset, line number and text", () => {
    const other = `${HEAD}Server listening on 0.0.0.0 port 22.`;
    const hits = match(`${other}\n${LINE}\n${other}\n${HEAD}Invalid user a from 2001:db8::1 port 1\n`);
    assert.deepEqual(
      hits.map(({ rule: name, address, user, place, text }) => ({ name, address, user, place, text })),
      [
        {
          name: "failed",
          address: "192.0.2.7",
          user: "root",
          place: { file: AT.file, offset: 1000 + other.length + 1, line: 2 },
          text: LINE,
        },
        {
          name: "invalid",
          address: "2001:db8::1",
          user: "a",
          place: { file: AT.file, offset: 1000 + 2 * other.length + LINE.length + 3, line: 4 },
          text: `${HEAD}Invalid user a from 2001:db8::1 port 1`,
        },
      ],
    );
    assert.equal(hits[0]?.source, "auth");
    assert.equal(hits[0]?.isForgeable, true);
    assert.equal(new Date(hits[0]?.atUnixMs ?? 0).getMonth(), 10);
  });

  test("takes CR LF, a last line without an end, NULs in front, any bytes, and empty lines", () => {
    for (const text of [
      `${LINE}\r\n`,
      LINE,
      `\0\0\0${LINE}\n`,
      `\xff\xfe\x00garbage\n${LINE}\n`,
      `\n\n\r\n${LINE}\n\n`,
    ]) {
      assert.deepEqual(
        match(text).map(({ address, text: line, place }) => [address, line, place.offset]),
        [["192.0.2.7", LINE, 1000 + text.indexOf("Nov")]],
      );
    }
  });

  test("does not look at lines that hold no literal of a rule, unless the rule has none", () => {
    const matcher = matcherOf([FAILED, NAMED]);
    const without = matcherOf([FAILED]);
    const lines = Buffer.from(`${HEAD}Accepted password for oracle from 192.0.2.8 port 1 ssh2\n${LINE}\n`);
    assert.deepEqual(
      matcher.match(lines, AT).map(({ rule: name }) => name),
      ["named", "failed"],
    );
    assert.equal(matcher.stats().candidates, 2);
    without.match(lines, AT);
    assert.deepEqual(
      without.stats().rules.map(({ searches, hits }) => ({ searches, hits })),
      [{ searches: 1, hits: 1 }],
    );
  });

  test("gives the hits of several rules for one line in the order of the rules, each once", () => {
    const both = rule("both", "^Failed password .* ssh2$", ["Failed password", "ssh2", "port "]);
    assert.deepEqual(
      match(`${LINE}\n`, [both, NAMED, FAILED]).map(({ rule: name }) => name),
      ["both", "failed"],
    );
  });

  test("looks at the first 64 KiB of a longer line alone, and counts it", () => {
    const matcher = matcherOf([FAILED, rule("any", "Failed password", null)]);
    const long = `${"x".repeat(70_000)}Failed password\n${LINE}\n`;
    assert.deepEqual(
      matcher.match(Buffer.from(long), AT).map(({ place }) => place.line),
      [2, 2],
    );
    assert.equal(matcher.stats().tooLong, 1);
    assert.equal(matcher.stats().lines, 2);
  });

  test("keeps a hit's text to 1,024 characters", () => {
    const [hit] = match(`${HEAD}Failed password for ${"u".repeat(5000)} from 192.0.2.7 port 1 ssh2\n`);
    assert.equal(hit?.text.length, 1024);
    assert.equal(hit?.user?.length, 5000);
  });

  test("finds what looking at every line finds, whatever stands in the block", () => {
    const part = fc.constantFrom(
      LINE,
      "Failed password for ",
      " from 192.0.2.7 port 1 ssh2",
      "Invalid user ",
      "\n",
      "\n",
      "\r\n",
      HEAD,
      " port 22",
      "\0",
      "\xc3\xa9",
      "oracle",
    );
    const rules = [FAILED, INVALID, NAMED];
    const naive = rules.map((one) => ({ ...one, literals: null }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        assert.deepEqual(match(parts.join(""), [FAILED, INVALID, NAMED]), match(parts.join(""), naive));
        assert.deepEqual(match(parts.join(""), [FAILED, INVALID]), match(parts.join(""), naive.slice(0, 2)));
      }),
    );
  });
});

suite("SourceMatcher.matchJournal()", () => {
  const entry = (message: string, trusted: Record<string, string>, offset = 0): JournalLine => ({
    message,
    trusted,
    program: "sshd",
    atUnixMs: 5,
    place: { file: "journal", offset, line: null },
  });
  const source: LogSource = { ...SOURCE, kind: "journal" };

  test("gives each hit with its entry's place, and tells entries that a user could have written", () => {
    const message = LINE.slice(HEAD.length);
    const matcher = matcherOf([FAILED], {}, source);
    const hits = matcher.matchJournal([
      entry("Server listening", { _UID: "0" }, 1),
      entry(message, { _UID: "0" }, 2),
      entry(message, { _UID: "1001", _EXE: "/usr/bin/logger" }, 3),
    ]);
    assert.deepEqual(
      hits.map(({ place, isForgeable, atUnixMs, address }) => ({ at: place.offset, isForgeable, atUnixMs, address })),
      [
        { at: 2, isForgeable: false, atUnixMs: 5, address: "192.0.2.7" },
        { at: 3, isForgeable: true, atUnixMs: 5, address: "192.0.2.7" },
      ],
    );
    assert.equal(matcher.stats().lines, 3);
  });

  test("takes a message with ends of lines, and with NULs in front, as one line", () => {
    const message = LINE.slice(HEAD.length);
    const texts: string[] = [];
    const spy: LineRule = { ...FAILED, search: ({ text }: LineView) => void texts.push(text) };
    matcherOf([spy], {}, source).matchJournal([entry(`\n\0${message}\nx\n`, {}), entry(`\0${message}`, {})]);
    assert.deepEqual(texts, [`\n\0${message}\nx\n`, `\0${message}`]);
  });
});

suite("a rule that is slow or throws", () => {
  const slow = rule("slow", "^(?:(?:\\w+)+)+x?;$", ["Failed password"]);
  const trap = `${HEAD}Failed password ${"a".repeat(60)}!\n`;

  test("SourceMatcher disables a rule that backtracks for ever, names it, and loses and doubles no hit of the others", () => {
    const disabled: string[] = [];
    const late = rule("late", "^Failed password for (?<user>\\S+) .*$");
    const backtracks: LineRule = { ...slow, search: ({ text }) => /^.* (?:(?:\w+)+)+;$/.exec(text) };
    const matcher = matcherOf([FAILED, backtracks, late], {
      onDisabled: (name, reason) => disabled.push(`${name}: ${reason}`),
      limitMs: 20,
    });
    const block = Buffer.from(`${LINE}\n${LINE}\n${trap}${LINE}\n${trap}${LINE}\n`);
    const hits = matcher.match(block, AT);
    const expected = [1, 2, 4, 6].flatMap((line) => [`failed ${line}`, `late ${line}`]);
    assert.deepEqual(
      hits.map(({ rule: name, place }) => `${name} ${place.line}`),
      expected,
    );
    assert.match(disabled.join("\n"), /^slow: one line took more than \d+ ms of CPU, expected less than 20 ms$/);
    assert.deepEqual(
      matcher.stats().rules.map(({ isDisabled }) => isDisabled),
      [false, true, false],
    );
    assert.equal(matcher.match(block, AT).length, expected.length);
    assert.equal(disabled.length, 1);
  });

  test("SourceMatcher disables a rule that takes too long over many lines", () => {
    const disabled: string[] = [];
    const busy: LineRule = { ...FAILED, name: "busy", search: () => spin(3) };
    const matcher = matcherOf([busy, FAILED], { onDisabled: (name) => disabled.push(name), limitMs: 20 });
    assert.equal(matcher.match(Buffer.from(`${LINE}\n`.repeat(100)), AT).length, 100);
    assert.deepEqual(disabled, ["busy"]);
  });

  test("SourceMatcher disables a rule that throws, in search or in conclude, and keeps the others", () => {
    const disabled: string[] = [];
    const fails = (): never => {
      throw new Error("Cannot find it");
    };
    const matcher = matcherOf(
      [{ ...FAILED, name: "one", search: fails }, { ...FAILED, name: "two", conclude: fails }, FAILED],
      { onDisabled: (name, reason) => disabled.push(`${name}: ${reason}`) },
    );
    const hits = matcher.match(Buffer.from(`${LINE}\n${LINE}\n`), AT);
    assert.equal(hits.length, 2);
    assert.deepEqual(disabled, ["one: Cannot find it", "two: Cannot find it"]);
  });

  test("SourceMatcher counts the time of each rule", () => {
    const matcher = matcherOf([{ ...FAILED, name: "busy", search: () => spin(2) }, FAILED]);
    matcher.match(Buffer.from(`${LINE}\n`.repeat(5)), AT);
    const [busy, quick] = matcher.stats().rules;
    assert.ok((busy?.cpuMicros ?? 0) > 9000, `${busy?.cpuMicros} µs`);
    assert.ok((quick?.cpuMicros ?? 0) < (busy?.cpuMicros ?? 0));
  });
});

test("SourceMatcher refuses a literal that cannot be looked for", () => {
  for (const literal of ["ab", "caf\u00e9", "a\nb"])
    assert.throws(() => matcherOf([{ ...FAILED, literals: [literal] }]), /^RangeError: Cannot look for /);
});

function spin(durationMs: number): null {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
  return null;
}
