import { setImmediate as nextTurn } from "node:timers/promises";

// Longest time that a list keeps the mind from answering.
const SLICE_MS = 8;

/** Runs a generator to its end and gives what it returns; between two `yield`s others wait, else for 8 ms at most. */
export async function inSlices<T>(steps: Generator<void, T>, signal: AbortSignal): Promise<T> {
  let untilMs = performance.now() + SLICE_MS;
  for (;;) {
    signal.throwIfAborted();
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < untilMs) continue;
    await nextTurn();
    untilMs = performance.now() + SLICE_MS;
  }
}

/** The same without giving way, for short lists and tests. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
