/** How far a command is: one line on a terminal, from the first second on. */
const QUIET_MS = 1000;
const EVERY_MS = 200;

/** Shows itself on standard error when that is a terminal. */
export class ProgressLine {
  #nextMs = performance.now() + QUIET_MS;
  #isShown = false;

  /** @param text made only when it is shown */
  show(text: () => string): void {
    if (process.stderr.isTTY !== true || performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + EVERY_MS;
    this.#isShown = true;
    process.stderr.write(`\r\x1b[K${text()}`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.#isShown) process.stderr.write("\r\x1b[K");
    this.#isShown = false;
  }
}
