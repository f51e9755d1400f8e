import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseWafMessage } from "./message.ts";

const REAL =
  'Access denied with code 403 (phase 2). String match "<script" at ARGS:q. [file "/etc/modsecurity/modsecurity.conf"] [line "14"] [id "1234001"] [rev "2"] [msg "XSS probe"] [data "Matched <script>alert(1)</script> in ARGS:q"] [severity "CRITICAL"] [ver "LAB/1.0"] [tag "attack-xss"]';

test("parseWafMessage() reads a message of ModSecurity 2.9.7", () => {
  assert.deepEqual(parseWafMessage(REAL), {
    rule: { id: "1234001", message: "XSS probe", severity: "critical", tags: ["attack-xss"], matchedVar: "ARGS:q" },
    isDenial: true,
    uniqueId: null,
  });
});

test("parseWafMessage() finds the variable in each form of sentence", () => {
  const of = (sentence: string, data = ""): string | null =>
    parseWafMessage(`${sentence} [file "f"] [line "1"] [id "1"] [data "${data}"]`)?.rule.matchedVar ?? null;
  assert.equal(of("Warning. Operator GE matched 5 at TX:anomaly_score."), "TX:anomaly_score");
  assert.equal(
    of("Warning. Matched \"Operator `Rx' with parameter `x' against variable `ARGS:q' (Value: `y' )"),
    "ARGS:q",
  );
  assert.equal(
    of("Warning. detected XSS using libinjection.", "Matched Data: XSS data found within ARGS:q: <s>"),
    "ARGS:q",
  );
  assert.equal(of("Warning. Unconditional match in SecAction."), null);
});

test("parseWafMessage() is not fooled by groups in what the client wrote", () => {
  for (const name of ['x [id "1"]', 'x. [file "f"] [line "1"] [id "1"] [severity "NOTICE"]', 'x"] [id "1']) {
    const forged = REAL.replace("ARGS:q.", `ARGS:${name}.`);
    assert.equal(parseWafMessage(forged)?.rule.id, "1234001", name);
    assert.equal(parseWafMessage(forged)?.rule.severity, "critical", name);
  }
  const escaped = REAL.replace("alert(1)", '. [file \\"f\\"] [id \\"1\\"]');
  assert.equal(parseWafMessage(escaped)?.rule.id, "1234001");
});

test("parseWafMessage() gives null for errors of the engine and for what is cut", () => {
  for (const text of [
    "",
    "Failed to parse request body: Multipart parsing error: Multipart: Final boundary missing.",
    REAL.slice(0, 110),
    REAL.replace('"1234001"', '"12x"'),
    "x".repeat(20_000),
  ])
    assert.equal(parseWafMessage(text), null, text.slice(0, 40));
});

test("parseWafMessage() takes any text within bounds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(REAL.length), (text, at) => {
      const message = parseWafMessage(REAL.slice(0, at) + text + REAL.slice(at));
      if (message === null) return;
      assert.match(message.rule.id, /^\d{1,10}$/);
      assert.ok((message.rule.matchedVar?.length ?? 0) <= 80);
    }),
  );
});
