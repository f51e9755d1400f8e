import { setImmediate as nextTurn } from "node:timers/promises";

// Longest time that a sensor keeps the event loop: others wait for it.
const SLICE_MS = 8;

/**
 * Runs a generator to its end, giving way to the event loop every 8 ms; between two `yield`s it cannot give way.
 * @returns whether it came to its end before the signal
 */
export async function inSlices(steps: Iterator<unknown>, signal: AbortSignal): Promise<boolean> {
  let untilMs = performance.now() + SLICE_MS;
  while (!signal.aborted) {
    if (steps.next().done === true) return true;
    if (performance.now() < untilMs) continue;
    await nextTurn();
    untilMs = performance.now() + SLICE_MS;
  }
  // What it holds open is closed.
  steps.return?.();
  return false;
}
