import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { detailOf, formatWafDetail, parseWafDetail, type WafDetail } from "./detail.ts";
import { WAF_SEVERITIES, type WafEntry, type WafRule } from "./entry.ts";

const rule = (id: string, severity: WafRule["severity"], matchedVar: string | null = null): WafRule => ({
  id,
  message: "",
  severity,
  tags: [],
  matchedVar,
});

const ENTRY: WafEntry = {
  uniqueId: "awLjChda9at3ulu_lhBfUgAAAAM",
  atUnixMs: 0,
  address: "198.51.100.77",
  site: "alice.example",
  method: "GET",
  uri: "/a b.php?q=&x=",
  status: 403,
  isIntercepted: true,
  rules: [
    rule("920350", "warning"),
    rule("1", null),
    rule("942100", "critical", "ARGS:na me"),
    rule("942100", "critical"),
  ],
  score: 8,
  account: null,
};

test("formatWafDetail() keeps the gravest rule first and no query", () => {
  const text = formatWafDetail(detailOf(ENTRY));
  assert.equal(
    text,
    "rules=942100,920350,1 severity=critical stopped=1 score=8 status=403 method=GET var=ARGS:na%20me id=awLjChda9at3ulu_lhBfUgAAAAM path=/a%20b.php",
  );
  assert.deepEqual(parseWafDetail(text), detailOf(ENTRY));
});

test("formatWafDetail() leaves out what is not known", () => {
  const entry = { ...ENTRY, rules: [], score: null, status: null, method: "GE T", uri: "" };
  const text = formatWafDetail(detailOf(entry));
  assert.equal(text, "stopped=1 method=- id=awLjChda9at3ulu_lhBfUgAAAAM path=");
  assert.deepEqual(parseWafDetail(text), detailOf(entry));
});

test("formatWafDetail() lets no path or variable add a field, and stays within its bound", () => {
  const path = `/x rules=1 stopped=0\n\u202e${"é".repeat(400)}`;
  const entry = { ...ENTRY, uri: path, rules: [rule("1", "notice", "ARGS:x stopped=0")] };
  const text = formatWafDetail(detailOf(entry));
  assert.match(text, /^[\x20-\x7e]{1,512}$/);
  assert.equal(parseWafDetail(text)?.isIntercepted, true);
  assert.doesNotMatch(text, /%[0-9A-F]?$/);
});

test("parseWafDetail() refuses other texts", () => {
  for (const text of ["", "rules=1", "/index.html", "rules=1 severity=heavy stopped=1 method=GET id=12345678 path=/"])
    assert.equal(parseWafDetail(text), null, text);
});

test("parseWafDetail() gives back every detail that was written", () => {
  const details: fc.Arbitrary<WafDetail> = fc.record({
    rules: fc.array(fc.nat(9_999_999).map(String), { maxLength: 8 }),
    severity: fc.option(fc.constantFrom(...WAF_SEVERITIES)),
    isIntercepted: fc.boolean(),
    score: fc.option(fc.nat(99_999)),
    status: fc.option(fc.integer({ min: 100, max: 599 })),
    method: fc.constantFrom("GET", "POST", "-"),
    matchedVar: fc.option(fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" })),
    uniqueId: fc.stringMatching(/^[\w@-]{8,30}$/),
    path: fc.stringMatching(/^\/[!-~]{0,100}$/),
  });
  fc.assert(fc.property(details, (detail) => assert.deepEqual(parseWafDetail(formatWafDetail(detail)), { ...detail })));
});
