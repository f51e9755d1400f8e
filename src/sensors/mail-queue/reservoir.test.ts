import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { drawSome, Reservoir } from "./reservoir.ts";

test("Reservoir keeps what it is offered, and of more than it can keep some", () => {
  const reservoir = new Reservoir<number>(3);
  for (let index = 0; index < 2; index++) reservoir.offer(() => index);
  assert.deepEqual(reservoir.items, [0, 1]);
  let made = 0;
  for (let index = 2; index < 10_000; index++)
    reservoir.offer(() => {
      made++;
      return index;
    });
  assert.equal(new Set(reservoir.items).size, 3);
  assert.ok(made < 200, `${made} were made`);
});

test("drawSome() draws each at most once, none that is not there, and all that there are when they are few", () => {
  const part = fc.array(fc.nat(), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.nat(12), (lists, maxItems) => {
      let next = 0;
      const parts = lists.map((list) => ({ size: list.length * 3, some: list.map(() => next++) }));
      const drawn = drawSome(parts, maxItems);
      assert.equal(new Set(drawn).size, drawn.length);
      assert.equal(drawn.length, Math.min(maxItems, next));
      assert.ok(drawn.every((one) => one < next));
    }),
  );
});
