import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LevelDetector, type LevelReading } from "./detector.ts";
import { DAY_MS, HOUR_MS, MONDAY, traffic, watch } from "./test-series.mts";
import { bandText, formatLevel, levelWords } from "./words.ts";

const READING: LevelReading = {
  score: 0.99,
  isAlert: true,
  isLearning: false,
  reason: "high",
  expectedLow: 180.2,
  expectedHigh: 420.4,
  basis: "week",
  times: 8.116,
  compared: 0,
  usualDistance: 400,
};
// A Tuesday.
const MOMENT = { value: 3412, localUnixMs: MONDAY + DAY_MS + 14 * HOUR_MS + 1000 };

suite("levelWords()", () => {
  test("levelWords() says what is, what is ordinary at this hour, and how far off it is", () => {
    const { observed, ordinary, why } = levelWords(READING, MOMENT, { unit: "packets/s out" });
    assert.equal(
      `${observed}; ${ordinary}: ${why}`,
      "3,412 packets/s out; for a Tuesday at 14:00 this host has 180 to 420: 8.12 times as much",
    );
  });

  test("levelWords() names no day before weeks are known, and no hour before days are", () => {
    const owner = "account shop";
    const late = { ...MOMENT, localUnixMs: MOMENT.localUnixMs + 1_860_000 };
    assert.equal(
      levelWords({ ...READING, basis: "day" }, late, { owner }).ordinary,
      "at 14:30 account shop has 180 to 420",
    );
    assert.equal(
      levelWords({ ...READING, basis: "all" }, late, { owner }).ordinary,
      "up to now account shop has 180 to 420",
    );
  });

  test("levelWords() says how much too little there is, and when there is nothing", () => {
    const little = { ...READING, times: 0.1 };
    assert.equal(levelWords(little, { ...MOMENT, value: 18 }).why, "less by a factor of 10");
    assert.equal(levelWords({ ...READING, times: 0 }, { ...MOMENT, value: 0 }).why, "nothing at all");
    assert.equal(levelWords({ ...READING, times: 1.02 }, MOMENT).why, "a little more");
  });

  test("levelWords() says what was rare about a value that is between the ends", () => {
    const between = { ...READING, times: 1, compared: 300, usualDistance: 40 };
    const why = (reason: LevelReading["reason"]): string => levelWords({ ...between, reason }, MOMENT).why;
    assert.equal(why("jump"), "the value before was 300; ordinarily the next is 98 of 100 times within 40");
    assert.match(why("drift"), /^it has moved slowly away from 300, /);
    assert.match(why("week"), /^other weeks have about 300 at this hour$/);
    assert.equal(why("above-max"), "the limit is 300 at most");
    assert.equal(why(null), "");
    const silence: LevelReading = { ...between, reason: "silence", compared: 3 * HOUR_MS, usualDistance: 300_000 };
    assert.equal(levelWords(silence, MOMENT).why, "nothing was told for 3 h before; ordinarily for at most 5 min");
  });

  test("levelWords() has a sentence for every reading", () => {
    const moments = fc.tuple(fc.integer({ min: -1e12, max: 4e12 }), fc.double({ min: -1e6, max: 1e30, noNaN: true }));
    fc.assert(
      fc.property(fc.array(moments, { minLength: 1, maxLength: 60 }), (added) => {
        const detector = new LevelDetector({ learnMs: 0, max: 1e20 });
        watch(detector, traffic(1), { forMs: DAY_MS });
        for (const [at, value] of added) {
          const { observed, ordinary, why } = levelWords(detector.add(at, value), { value, localUnixMs: at });
          assert.doesNotMatch(`${observed} ${ordinary} ${why}`, /NaN|Infinity|undefined/);
        }
      }),
    );
  });
});

suite("numbers", () => {
  test("formatLevel() gives as many digits as one reads", () => {
    const texts = [0, -0, 0.0371234, 4.1567, 41.56, 415.6, 3412.4, 1_234_567, -20.55, 1e20].map(formatLevel);
    assert.deepEqual(texts, ["0", "0", "0.0371", "4.16", "41.6", "416", "3,412", "1,234,567", "-20.6", "1.00e+20"]);
  });

  test("bandText() gives one number when both ends read the same", () => {
    assert.equal(bandText({ expectedLow: 5, expectedHigh: 5.0001, basis: "all" }), "5");
    assert.equal(bandText({ expectedLow: 0, expectedHigh: 5, basis: "all" }), "0 to 5");
  });
});
