import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import { isAscii } from "../regex/regex-pair.ts";
import { DateDetector } from "./date-detector.ts";
import { toUnixSeconds } from "./to-unix-seconds.ts";
import { zoneMinutes } from "./zones.ts";

const NOW = Date.UTC(2026, 10, 24, 12);

function find(line: string, pattern: string | null = null): { cut: string; iso: string | null } | null {
  const found = new DateDetector(pattern, NOW).find(line, isAscii(line));
  if (found === null) return null;
  const { cutStart, cutEnd } = found.match;
  const seconds = found.template.read(found.match, 0, NOW);
  return {
    cut: line.slice(0, cutStart) + line.slice(cutEnd),
    iso: seconds === null ? null : new Date(seconds * 1000).toISOString(),
  };
}

const DEFAULTS: readonly (readonly [line: string, cut: string, iso: string | null])[] = [
  ["Nov 22 12:41:35 host x", " host x", "2026-11-22T12:41:35.000Z"],
  ["Dec 31 12:41:35 host x", " host x", "2025-12-31T12:41:35.000Z"],
  ["2026-11-22T12:41:35.123456+01:00 host", " host", "2026-11-22T11:41:35.000Z"],
  ["2026/11/22 12:41:35 x", " x", "2026-11-22T12:41:35.000Z"],
  ["[Sun Nov 22 12:41:35.123456 2026] [error]", "[] [error]", "2026-11-22T12:41:35.000Z"],
  ['192.0.2.1 - - [22/Nov/2026:12:41:35 +0100] "GET /"', '192.0.2.1 - - [] "GET /"', "2026-11-22T11:41:35.000Z"],
  ["22-Nov-2026 12:41:35.123 client", " client", "2026-11-22T12:41:35.000Z"],
  ["11/22/2026:12:41:35 x", " x", "2026-11-22T12:41:35.000Z"],
  ["22/11/2026 12:41:35 x", " x", "2026-11-22T12:41:35.000Z"],
  ["1795347695.123 x", " x", "2026-11-22T11:41:35.123Z"],
  ["type=USER_AUTH msg=audit(1795347695.123:77): x", "type=USER_AUTH msg=audit(:77): x", "2026-11-22T11:41:35.123Z"],
  ["12:41:35 x", " x", "2026-11-23T12:41:35.000Z"],
  ["<11/22/26@12:41:35> x", " x", "2026-11-22T12:41:35.000Z"],
  ["261122 12:41:35 x", " x", "2026-11-22T12:41:35.000Z"],
  ["Nov 22, 2026 12:41:35 AM x", " x", "2026-11-22T00:41:35.000Z"],
  ["Nov-22-26 12:41:35 x", " x", "2026-11-22T12:41:35.000Z"],
  ["20261122T124135 x", " x", "2026-11-22T12:41:35.000Z"],
  ["CET Nov 22 12:41:35 x", " x", "2026-11-22T11:41:35.000Z"],
  ["@400000006921ad3f00000000 x", " x", new Date(0x6921ad3f * 1000).toISOString()],
  ["Feb 30 12:41:35 x", " x", null],
];
for (const [line, cut, iso] of DEFAULTS) {
  test(`DateDetector.find() knows the date of ${line}`, () => {
    assert.deepEqual(find(line), { cut, iso });
  });
}

test("DateDetector.find() finds no date where there is none", () => {
  assert.equal(find("no date, port 22"), null);
});

const PATTERNS: readonly (readonly [pattern: string, line: string, cut: string, iso: string])[] = [
  ["^L %d/%m/%Y - %H:%M:%S", "L 22/11/2026 - 12:41:35: x", ": x", "2026-11-22T12:41:35.000Z"],
  ["^[^\\[]*\\[({DATE})", "host [22/Nov/2026:12:41:35 +0000] x", "host [] x", "2026-11-22T12:41:35.000Z"],
  ["{^LN-BEG}", "x Nov 22 12:41:35\nno", "", ""],
  ["{^LN-BEG}Epoch", "1795347695 x", " x", "2026-11-22T11:41:35.000Z"],
  ["LEPOCH", "1795347695123 x", " x", "2026-11-22T11:41:35.123Z"],
  ["time={EPOCH} ", "at time=1795347695 x", "at  x", "2026-11-22T11:41:35.000Z"],
  ["%Y %U %w %H", "2026 47 1 12 x", " x", "2026-11-23T12:00:00.000Z"],
  ["**%H:%M:%S**", "x11:41:35x", "xx", "2026-11-24T11:41:35.000Z"],
];
for (const [pattern, line, cut, iso] of PATTERNS) {
  test(`DateDetector.find() follows the pattern ${pattern}`, () => {
    assert.deepEqual(find(line, pattern), iso === "" ? null : { cut, iso });
  });
}

test("DateDetector refuses letters that are not known", () => {
  for (const pattern of ["%Q", "%", "%Exq"]) assert.throws(() => new DateDetector(pattern, NOW), /is not known/);
});

test("DateDetector.note() makes the form and place of the last date the first that is tried", () => {
  const detector = new DateDetector(null, NOW);
  const line = "2026-11-22 12:41:35 Nov 21 10:00:00 x";
  const found = detector.find(line, true);
  assert.equal(found?.match.end, 19);
  if (found !== null) detector.note(found, NOW);
  const next = detector.find("2026-11-22 12:41:36 Nov 21 10:00:00 x", true);
  assert.equal(next?.template, found?.template);
});

test("zoneMinutes() knows offsets and abbreviations", () => {
  assert.deepEqual(["UTC", "CET", "+0230", "UTC-05:00", "-07", "Nowhere", "abc"].map(zoneMinutes), [
    0,
    60,
    150,
    -300,
    -420,
    null,
    null,
  ]);
});

test("toUnixSeconds() takes a date without a year for the last year when it would lie more than a day ahead", () => {
  const year = (parts: Record<string, string>): number =>
    new Date((toUnixSeconds(parts, 0, NOW) ?? 0) * 1000).getUTCFullYear();
  assert.equal(year({ b: "Nov", d: "25", H: "11" }), 2026);
  assert.equal(year({ b: "Nov", d: "26", H: "11" }), 2025);
});

test("DateDetector takes any pattern and any line", () => {
  const piece = fc.constantFrom(
    ..."%YmdHMSbzZpIfUwj{}()[]^$*|\\ -:/T",
    "{DATE}",
    "{^LN-BEG}",
    "EPOCH",
    "{EPOCH}",
    "%Ex",
    "**",
    "(?P<_sep>",
    "{UNB}",
    "{NONE}",
    "\n",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.string({ unit: "grapheme", maxLength: 40 }), (pieces, line) => {
      try {
        const detector = new DateDetector(pieces.join(""), NOW);
        const found = detector.find(line, isAscii(line));
        if (found === null) return;
        const { cutStart, cutEnd } = found.match;
        assert.ok(cutStart >= 0 && cutStart <= cutEnd && cutEnd <= line.length);
        found.template.read(found.match, null, NOW);
        detector.note(found, NOW);
      } catch (error) {
        assert.ok(error instanceof GarrisonError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});
