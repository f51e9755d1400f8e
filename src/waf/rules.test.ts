import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { LineRule, LogHit, LogSource, PlacedHit } from "#src/logs/contract.ts";
import { SourceMatcher } from "#src/logs/match/source-matcher.ts";
import type { WafEntry } from "./entry.ts";
import { WAF_FORMS, WAF_OUTCOMES } from "./rule-names.ts";
import { wafIndexRule, wafJsonRule, wafRules, wafSerialRule, weightOf } from "./rules.ts";

const SOURCE: LogSource = { name: "modsecurity", kind: "file", paths: [], format: "modsecurity", isForgeable: false };

/** As the engine runs them on a file, in blocks of two lines. */
function runRules(rules: readonly LineRule[], text: string): PlacedHit[] {
  const matcher = new SourceMatcher(SOURCE, rules, { onDisabled: (rule, reason) => assert.fail(`${rule}: ${reason}`) });
  const lines = text.split("\n");
  let offset = 0;
  const hits: PlacedHit[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    const block = Buffer.from(
      lines
        .slice(at, at + 2)
        .map((line) => `${line}\n`)
        .join(""),
      "latin1",
    );
    hits.push(...matcher.match(block, { file: "/log", offset, line: at + 1 }));
    offset += block.length;
  }
  return hits;
}

function runRule(rule: LineRule, text: string): LogHit[] {
  return runRules([rule], text).map(({ place, source, isForgeable, ...hit }) => {
    assert.deepEqual([place.file, source, isForgeable], ["/log", "modsecurity", false]);
    return hit;
  });
}

const MESSAGE =
  'Access denied with code 403 (phase 2). String match "x" at ARGS:a. [file "f"] [line "14"] [id "1234001"] [severity "CRITICAL"]';
const DETAIL =
  "rules=1234001 severity=critical stopped=1 status=403 method=GET var=ARGS:a id=awLjDsRtYDuhEiTeT7ZJWAAAAAE path=/a.php";
const HIT: LogHit = {
  rule: "modsecurity.intercepted",
  service: "modsecurity",
  outcome: "probe",
  atUnixMs: Date.UTC(2026, 10, 22, 12, 41, 50, 770),
  address: "198.51.100.23",
  user: null,
  site: "alice.example",
  detail: DETAIL,
  weight: 2,
  text: '198.51.100.23 alice.example "GET /a.php?x=" 403 stopped 1234001 [awLjDsRtYDuhEiTeT7ZJWAAAAAE]',
};

const jsonLine = (messages: readonly string[], intercepted: boolean): string =>
  JSON.stringify({
    transaction: {
      time: "22/Nov/2026:12:41:50.770394 +0000",
      transaction_id: "awLjDsRtYDuhEiTeT7ZJWAAAAAE",
      remote_address: "198.51.100.23",
    },
    request: { request_line: "GET /a.php?x=1 HTTP/1.1", headers: { Host: "alice.example" } },
    response: { status: 403 },
    audit_data: { messages, action: { intercepted } },
  });

test("wafJsonRule() gives one hit a transaction, and none where no rule matched", () => {
  const text = [jsonLine([MESSAGE], true), jsonLine([], false), "{}", '{"transaction":', "other"].join("\n");
  assert.deepEqual(runRule(wafJsonRule(), text), [HIT]);
});

test("wafSerialRule() gives its hit at the line that ends the entry, and tells of entries that it drops", () => {
  const entry = [
    "--0079b05c-A--",
    "[22/Nov/2026:12:41:50.770394 +0000] awLjDsRtYDuhEiTeT7ZJWAAAAAE 198.51.100.23 37740 203.0.113.9 80",
    "--0079b05c-B--",
    "GET /a.php?x=1 HTTP/1.1",
    "Host: alice.example",
    "",
    "--0079b05c-F--",
    "HTTP/1.1 403 Forbidden",
    "--0079b05c-H--",
    `Message: ${MESSAGE}`,
    "Action: Intercepted (phase 2)",
    "",
    "--0079b05c-Z--",
  ].join("\n");
  let dropped = 0;
  const rule = wafSerialRule(() => dropped++);
  assert.deepEqual(runRule(rule, entry), [HIT]);
  assert.deepEqual(runRule(rule, entry.replace("[22/", "[xx/")), []);
  assert.equal(dropped, 1);
});

test("wafIndexRule() tells of refused requests, not of errors of the site", () => {
  const line =
    'alice.example 198.51.100.23 - - [22/Nov/2026:12:41:50.770394 +0000] "GET /a.php HTTP/1.1" 403 318 "-" "-" awLjDsRtYDuhEiTeT7ZJWAAAAAE "-" /www-data/20261122/20261122-1241/20261122-124155-awLjDsRtYDuhEiTeT7ZJWAAAAAE 0 12316 md5:88e5dba0ee1ede01b8ca93706fe1dcba ';
  const hits = runRule(wafIndexRule(), `${line}\n${line.replace('" 403 ', '" 500 ')}`);
  assert.deepEqual(hits, [
    {
      ...HIT,
      rule: "modsecurity.refused",
      weight: 1,
      text: '198.51.100.23 alice.example "GET /a.php" 403 [awLjDsRtYDuhEiTeT7ZJWAAAAAE]',
      detail: "stopped=0 status=403 method=GET id=awLjDsRtYDuhEiTeT7ZJWAAAAAE path=/a.php",
    },
  ]);
});

test("weightOf() counts what was stopped by its severity or score, and a fifth for what was let through", () => {
  const weigh = (
    severity: "critical" | "warning" | "notice" | null,
    isIntercepted: boolean,
    score: number | null = null,
  ): number => {
    const rules = [{ id: "1", message: "", severity, tags: [], matchedVar: null }];
    return weightOf({ rules, isIntercepted, score } as unknown as WafEntry);
  };
  assert.equal(weigh("critical", true), 2);
  assert.equal(weigh("warning", true), 0.6);
  assert.equal(weigh("warning", true, 8), 2);
  assert.equal(weigh("notice", true), 0.4);
  assert.equal(weigh(null, true), 1);
  assert.equal(weigh("critical", false), 0.4);
  assert.equal(weigh("notice", false), 0.08);
});

test("the three rules of a source read each kind of log, and keep nothing of the line that is secret", () => {
  const secret = jsonLine([MESSAGE], true).replace(
    '"headers":{',
    '"body":["pwd=Sekret1!"],"headers":{"Cookie":"Sekret1!",',
  );
  const hits = runRules([wafJsonRule(), wafSerialRule(), wafIndexRule()], `${secret}\nother\n${jsonLine([], true)}`);
  assert.equal(hits.length, 1);
  assert.equal(hits[0]?.place.line, 1);
  assert.doesNotMatch(JSON.stringify(hits), /Sekret1/);
});

test("a hit shows what a client wrote escaped", () => {
  const nasty = jsonLine([MESSAGE], true).replace("/a.php?x=1", "/\\u001b[31m\\u202e");
  assert.match(runRule(wafJsonRule(), nasty)[0]?.text ?? "", /"GET \/\\x1b\[31m\\u\{202e\}"/);
});

test("wafRules() leaves out what is disabled: a form of the log, or what requests are counted as", () => {
  const text = [jsonLine([MESSAGE], true), jsonLine([MESSAGE], false)].join("\n");
  const found = (...disabled: string[]): string[] =>
    runRules(wafRules(new Set(disabled)), text).map(({ rule }) => rule);
  assert.deepEqual(found(), ["modsecurity.intercepted", "modsecurity.detected"]);
  assert.deepEqual(found("modsecurity.serial", "sshd.failed"), ["modsecurity.intercepted", "modsecurity.detected"]);
  assert.deepEqual(found("modsecurity.detected"), ["modsecurity.intercepted"]);
  assert.deepEqual(found("modsecurity.intercepted"), ["modsecurity.detected"]);
  assert.deepEqual(found("modsecurity.json"), []);
});

test("WAF_FORMS and WAF_OUTCOMES name all rules and all that their hits are called", () => {
  assert.deepEqual(
    WAF_FORMS.map(({ name }) => name),
    wafRules(new Set()).map(({ name }) => name),
  );
  const source = readFileSync(new URL("rules.ts", import.meta.url), "utf8");
  const named = [...source.matchAll(/"(modsecurity\.[a-z]+)"/g)].map(([, name]) => name);
  assert.deepEqual(named.sort(), [...WAF_FORMS, ...WAF_OUTCOMES].map(({ name }) => name).sort());
});
