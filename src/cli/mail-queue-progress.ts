/** How far a look at mail queues is: one line on a terminal, from the first second on. */

const QUIET_MS = 1000;
const EVERY_MS = 200;

/** Shows itself on standard error when that is a terminal. */
export class MailQueueProgress {
  #nextMs = performance.now() + QUIET_MS;
  #isShown = false;

  show(messages: number): void {
    if (process.stderr.isTTY !== true || performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + EVERY_MS;
    this.#isShown = true;
    process.stderr.write(`\r\x1b[K${messages.toLocaleString("en")} messages`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.#isShown) process.stderr.write("\r\x1b[K");
    this.#isShown = false;
  }
}
