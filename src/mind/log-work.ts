/** Work in small pieces, in order, so that commands and facts never wait for logs: a turn of the event loop takes some milliseconds. */

const SLICE_MS = 5;

/** A queue of pieces. The owner disposes it. */
export class LogWork implements Disposable {
  readonly #onSliceEnd: () => void;
  #pieces: (() => void)[] = [];
  #next = 0;
  #immediate: NodeJS.Immediate | null = null;

  /** @param onSliceEnd called behind each turn that did something, and once more when nothing is left */
  constructor(onSliceEnd: () => void) {
    this.#onSliceEnd = onSliceEnd;
  }

  /** Does `piece` behind those before it: now, when none waits. Its sender bounds how many there are. */
  push(piece: () => void): void {
    this.#pieces.push(piece);
    this.#immediate ??= setImmediate(() => this.#run());
  }

  get isIdle(): boolean {
    return this.#next === this.#pieces.length;
  }

  /** What waits is not done any more. */
  clear(): void {
    this.#pieces = [];
    this.#next = 0;
  }

  [Symbol.dispose](): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.clear();
  }

  #run(): void {
    this.#immediate = null;
    const until = performance.now() + SLICE_MS;
    while (!this.isIdle && performance.now() < until) this.#pieces[this.#next++]?.();
    if (this.isIdle) this.clear();
    else this.#immediate = setImmediate(() => this.#run());
    this.#onSliceEnd();
  }
}
