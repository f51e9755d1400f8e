import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseListenChange, parseLostEvents } from "./trace-text.ts";

// `cat trace_pipe` on linux 6.18: listeners of python3 that close again, some under a chosen comm.
const RECORDED = readFileSync(join(import.meta.dirname, "testdata/trace-pipe.txt"), "latin1").split("\n");
const CHANGES = RECORDED.map(parseListenChange).filter((change) => change !== undefined);

test("parseListenChange() reads IPv4, IPv6, MPTCP and a listener of another network namespace", () => {
  const told = CHANGES.filter(({ listening }) => listening).map(
    ({ family, address, port }) => `${family} ${address} ${port}`,
  );
  assert.deepEqual(
    [...new Set(told)],
    [
      "4 0.0.0.0 8081",
      "4 127.0.0.1 8082",
      "6 :: 8083",
      "6 ::1 8085",
      "4 0.0.0.0 0",
      "4 0.0.0.0 8086",
      "4 0.0.0.0 8092",
      "4 0.0.0.0 8088",
      "4 0.0.0.0 8089",
      "4 0.0.0.0 8090",
      "4 0.0.0.0 8091",
      "4 0.0.0.0 8093",
    ],
  );
});

test("parseListenChange() gives the port of an unbound listen() at its end only", () => {
  const [start, end] = CHANGES.filter(({ threadId }) => threadId === 11_827);
  assert.deepEqual([start?.port, start?.listening], [0, true]);
  assert.deepEqual([end?.port, end?.listening], [40_639, false]);
});

test("parseListenChange() takes the thread id from behind a comm that forges one", () => {
  const threadOf = (port: number) => CHANGES.find((change) => change.port === port)?.threadId;
  // comm "a b-1 [000] d..", "x\nnew-9 [001] .", "-1 [0] . 1.1: ", "\xff\x1b[31m", ")(-7 (9) [1] x"
  assert.deepEqual([8088, 8089, 8090, 8091, 8093].map(threadOf), [11_830, 11_831, 11_832, 11_833, 11_834]);
});

test("no comm of 15 bytes makes parseListenChange() give another thread", () => {
  const tail = RECORDED.find((line) => line.includes("sport=8081"))!.replace(/^\s*python3/, "");
  const nasty = fc.string({ unit: fc.constantFrom(..."-19 [0].:\nLOSTx"), maxLength: 15 });
  fc.assert(
    fc.property(nasty, (comm) => {
      const changes = `${comm.padStart(16)}${tail}`.split("\n").map(parseListenChange).filter(Boolean);
      assert.deepEqual(
        changes.map((change) => change?.threadId),
        [11_823],
      );
      assert.equal(
        `${comm}${tail}`.split("\n").reduce((sum, line) => sum + parseLostEvents(line), 0),
        0,
      );
    }),
    { numRuns: 2000 },
  );
});

test("parseLostEvents() counts what the kernel says it dropped", () => {
  assert.equal(
    RECORDED.reduce((sum, line) => sum + parseLostEvents(line), 0),
    477,
  );
  assert.equal(parseLostEvents("x [LOST 9 EVENTS]"), 0);
});

test("parseListenChange() gives a change within bounds or none for any line", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(...RECORDED).chain((one) => fc.string().map((text) => one + text)),
  );
  fc.assert(
    fc.property(line, (text) => {
      const change = parseListenChange(text);
      assert.ok(change === undefined || (change.port >= 0 && change.port <= 65_535 && change.address.length <= 45));
    }),
  );
  assert.equal(parseListenChange(`-1 [0] . ${"1".repeat(1_000_000)}: inet`), undefined);
});
