import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

const TEN_YEARS_MS = 3653 * 86_400_000;

const READ: readonly (readonly [text: string, spanMs: number])[] = [
  ["0s", 0],
  ["15s", 15_000],
  ["500ms", 500],
  ["15m", 900_000],
  ["1h30m", 5_400_000],
  ["24h", 86_400_000],
  ["90d", 7_776_000_000],
  ["2w", 1_209_600_000],
  ["1w2d3h4m5s6ms", 788_645_006],
  ["1m1ms", 60_001],
  ["007s", 7000],
  ["3653d", TEN_YEARS_MS],
];

for (const [text, spanMs] of READ) {
  test(`parseDuration() reads "${text}" as ${spanMs} ms`, () => {
    assert.equal(parseDuration(text), spanMs);
  });
}

const REFUSED = [
  "",
  " ",
  "15",
  "m",
  "-5m",
  "+5m",
  "1.5h",
  "1e3s",
  "15 m",
  " 15m",
  "15m ",
  "15m\n",
  "15M",
  "15min",
  "30m1h",
  "1h1h",
  "0x10s",
  "١٥m",
  "1h,30m",
  "Infinitys",
  "NaN",
  "1y",
];

for (const text of REFUSED) {
  test(`parseDuration() refuses ${JSON.stringify(text)}`, () => {
    const message = `Cannot read "${text}" as a duration: expected a text with a unit such as "15m" or "24h"`;
    assert.throws(() => parseDuration(text), { name: "SyntaxError", message });
  });
}

test("parseDuration() refuses more than ten years", () => {
  const message = 'Cannot read "3654d" as a duration: expected at most ten years';
  assert.throws(() => parseDuration("3654d"), { name: "SyntaxError", message });
  assert.throws(() => parseDuration(`${"9".repeat(400)}ms`), { name: "SyntaxError", message: /at most ten years/ });
});

test("parseDuration() reads any text of a configuration in linear time, as a span or a SyntaxError with a short message", () => {
  const digits = "1".repeat(1_000_000);
  for (const text of [digits, `${digits}m`, `${"1h".repeat(500_000)}`, `${digits}ms${digits}`]) {
    const startedMs = performance.now();
    assert.throws(
      () => parseDuration(text),
      (error: Error) => error instanceof SyntaxError && error.message.length < 200,
    );
    assert.ok(performance.now() - startedMs < 1000);
  }
  const alphabet = fc.string({ unit: fc.constantFrom(..."0123456789wdhmsWDHMS .-+e\n"), maxLength: 20 });
  fc.assert(
    fc.property(fc.oneof(alphabet, fc.string({ unit: "binary" })), (text) => {
      try {
        const spanMs = parseDuration(text);
        assert.ok(Number.isSafeInteger(spanMs) && spanMs >= 0 && spanMs <= TEN_YEARS_MS);
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
      }
    }),
  );
});

test("parseDuration() adds up what was written with each unit", () => {
  const amounts = fc.tuple(fc.nat(9), fc.nat(99), fc.nat(99), fc.nat(999), fc.nat(999), fc.nat(999));
  fc.assert(
    fc.property(amounts, ([w, d, h, m, s, ms]) => {
      const spanMs = (((w * 7 + d) * 24 + h) * 60 + m) * 60_000 + s * 1000 + ms;
      assert.equal(parseDuration(`${w}w${d}d${h}h${m}m${s}s${ms}ms`), spanMs);
    }),
  );
});

const SHOWN: readonly (readonly [spanMs: number, text: string])[] = [
  [0, "0 ms"],
  [340, "340 ms"],
  [999.4, "999 ms"],
  [999.6, "1 s"],
  [1000, "1 s"],
  [1499, "1 s"],
  [59_600, "1 min"],
  [90_000, "1 min 30 s"],
  [3_600_000, "1 h"],
  [7_500_000, "2 h 5 min"],
  [7_505_000, "2 h 5 min"],
  [86_400_000, "1 d"],
  [86_405_000, "1 d"],
  [90_000_000, "1 d 1 h"],
  [7_776_000_000, "90 d"],
];

for (const [spanMs, text] of SHOWN) {
  test(`formatDuration() says "${text}" for ${spanMs} ms`, () => {
    assert.equal(formatDuration(spanMs), text);
  });
}

test("formatDuration() gives one or two units, none of them 0 or full, and never more than the span", () => {
  const unitMs: Record<string, number> = { d: 86_400_000, h: 3_600_000, min: 60_000, s: 1000 };
  fc.assert(
    fc.property(fc.double({ min: 999.5, max: TEN_YEARS_MS, noNaN: true }), (spanMs) => {
      const words = formatDuration(spanMs).split(" ");
      assert.ok(words.length === 2 || words.length === 4);
      let shownMs = 0;
      for (let index = 0; index < words.length; index += 2) {
        const [amount, unit] = [Number(words[index]), words[index + 1]!];
        assert.ok(amount > 0 && (unit === "d" || amount < (unit === "h" ? 24 : 60)));
        shownMs += amount * unitMs[unit]!;
      }
      assert.ok(shownMs <= spanMs + 500);
      // What is left out is less than one of the unit behind the first.
      assert.ok(spanMs - shownMs <= unitMs[words[1]!]!);
    }),
  );
});
