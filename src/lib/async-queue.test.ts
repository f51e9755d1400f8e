import assert from "node:assert/strict";
import { test } from "node:test";
import { AsyncQueue, queueIsFull } from "./async-queue.ts";

test("AsyncQueue gives what is queued as one batch, and ends behind it", async () => {
  const queue = new AsyncQueue<number>(10, () => assert.fail("nothing is dropped"));
  queue.push(1);
  queue.push(2);
  const batches: (readonly number[])[] = [];
  for await (const batch of queue) {
    batches.push(batch);
    if (batches.length === 1) setImmediate(() => queue.push(3));
    else queue.end();
  }
  assert.deepEqual(batches, [[1, 2], [3]]);
});

test("AsyncQueue drops the newest when it is full, and says so", async () => {
  let dropped = 0;
  const queue = new AsyncQueue<number>(2, (count) => {
    dropped += count;
  });
  for (const item of [1, 2, 3, 4]) queue.push(item);
  queue.end();
  const batches: (readonly number[])[] = [];
  for await (const batch of queue) batches.push(batch);
  assert.deepEqual(batches, [[1, 2]]);
  assert.equal(dropped, 2);
  assert.equal(queueIsFull(2).code, "GARRISON_QUEUE_FULL");
});

test("AsyncQueue ends a consumer that waits", async () => {
  const queue = new AsyncQueue<number>(2, () => {});
  setImmediate(() => queue.end());
  for await (const batch of queue) assert.fail(`nothing was queued: ${batch}`);
});
