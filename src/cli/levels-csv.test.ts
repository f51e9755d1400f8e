import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { isCsvHeader, MAX_ROW_LENGTH, parseCsvRow } from "./levels-csv.ts";

suite("parseCsvRow()", () => {
  test("parseCsvRow() takes times with and without a zone, Unix seconds and milliseconds", () => {
    const at = Date.UTC(2014, 3, 10, 7, 15);
    const rows: [string, number, number][] = [
      ["2014-04-10 07:15:00,42.0", at, 0],
      ["2014-04-10T07:15:00Z,42\r\n", at, 0],
      ["2014-04-10 07:15,4.2e1", at, 0],
      ["2014-04-10 07:15:00.500,42", at + 500, 0],
      ["2014-04-10T09:15:00+02:00,42", at, 7_200_000],
      ["2014-04-10 03:45:00 -0330,42", at, -12_600_000],
      ["1397114100,42", at, 0],
      ["1397114100.25, 42", at + 250, 0],
      ["1397114100000,+42.", at, 0],
      ['"2014-04-10 07:15:00","42"', at, 0],
    ];
    for (const [text, atUnixMs, offsetMs] of rows) {
      const { timestamp: _, ...row } = parseCsvRow(text) as { timestamp: string };
      assert.deepEqual(row, { type: "value", atUnixMs, offsetMs, value: 42 }, text);
    }
  });

  test("parseCsvRow() keeps the time as it stands in the row", () => {
    const row = parseCsvRow("2014-04-10 07:15:00,1");
    assert.equal(row.type === "value" && row.timestamp, "2014-04-10 07:15:00");
  });

  test("parseCsvRow() tells a missing value from a bad one", () => {
    for (const text of ["2014-04-10 07:15:00,", "2014-04-10 07:15:00,NaN", "1397114100,null"])
      assert.deepEqual(parseCsvRow(text), { type: "missing" });
    for (const text of ["", " \r\n"]) assert.deepEqual(parseCsvRow(text), { type: "empty" });
  });

  test("parseCsvRow() says what is wrong with a row, and what is wanted", () => {
    const rows: [string, RegExp][] = [
      ["2014-04-10 07:15:00", /^it has 1 column, a time and a number are wanted, such as "/],
      ["2014-04-10 07:15:00,1,2", /^it has 3 columns, /],
      ["yesterday,1", /^its first column is no time, /],
      ["2014-02-30 07:15:00,1", /^its first column is no time, /],
      ["2014-04-10 25:15:00,1", /^its first column is no time, /],
      ["2014-04-10 07:15:00,1 234", /^its second column is no number, /],
      ["2014-04-10 07:15:00,0x10", /^its second column is no number, /],
      ["2014-04-10 07:15:00,Infinity", /^its second column is no number, /],
      ["2014-04-10 07:15:00,1e999", /^its second column is no number, /],
      [`2014-04-10 07:15:00,${"1".repeat(MAX_ROW_LENGTH)}`, /^it is longer than 1000 characters, /],
    ];
    for (const [text, reason] of rows) {
      const row = parseCsvRow(text);
      assert.match(row.type === "bad" ? row.reason : row.type, reason, text);
    }
  });

  test("parseCsvRow() takes any text, and gives finite numbers", () => {
    const field = fc.oneof(fc.string(), fc.constantFrom("2014-04-10 07:15:00", "1397114100", "42", '"', "-", "1e308"));
    fc.assert(
      fc.property(fc.array(field, { maxLength: 4 }), (fields) => {
        const row = parseCsvRow(fields.join(","));
        if (row.type === "value")
          for (const one of [row.atUnixMs, row.offsetMs, row.value]) assert.ok(Number.isFinite(one));
      }),
    );
  });
});

test("isCsvHeader() knows names of columns from a row", () => {
  for (const text of ["timestamp,value", '"time","packets/s"\r\n', "\ufefftimestamp,value"])
    assert.ok(isCsvHeader(text), text);
  for (const text of ["2014-04-10 07:15:00,1", "timestamp", "a,b,c", "", "1,2"]) assert.ok(!isCsvHeader(text), text);
});
