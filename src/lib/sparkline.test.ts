import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { sparkline } from "./sparkline.ts";

suite("sparkline()", () => {
  test("sparkline() draws eight heights from 0 to the greatest value", () => {
    assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
    assert.equal(sparkline([0, 1, 2, 7]), "▁▂▃█");
    assert.equal(sparkline([]), "");
  });

  test("sparkline() draws zeros low, values below zero from the least on, and keeps the ends that it is given", () => {
    assert.equal(sparkline([0, 0, 0]), "▁▁▁");
    assert.equal(sparkline([5, 5]), "██");
    assert.equal(sparkline([-7, 0]), "▁█");
    assert.equal(sparkline([10, 20, 99], { low: 10, high: 17 }), "▁██");
  });

  test("sparkline() leaves a gap where there is no number", () => {
    assert.equal(sparkline([7, Number.NaN, Number.POSITIVE_INFINITY, 0]), "█  ▁");
    assert.equal(sparkline([Number.NaN]), " ");
  });

  test("sparkline() keeps the peak of each part when there are more values than characters", () => {
    assert.equal(sparkline([0, 0, 7, 0, 0, 0, 0, 0], { width: 4 }), "▁█▁▁");
    assert.equal(sparkline([1, 2, 3], { width: 80 }), "▃▆█");
  });

  test("sparkline() refuses a width that is none", () => {
    for (const width of [0, -1, 1.5, Number.NaN]) assert.throws(() => sparkline([1], { width }), RangeError);
  });

  test("sparkline() gives as many characters as asked for, whatever the numbers", () => {
    fc.assert(
      fc.property(fc.array(fc.double(), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, width) => {
        assert.match(sparkline(values, { width }), new RegExp(`^[ ▁▂▃▄▅▆▇█]{${Math.min(width, values.length)}}$`));
      }),
    );
  });
});
