/**
 * One direction of a TCP connection as lines: in the order of its sequence numbers, each byte once, whatever was sent again, too early
 * or in pieces. Memory: a line, and 8 segments or 8 KiB that came too early.
 */
import { MAX_LINE } from "./parse-lines.ts";

const MAX_EARLY_SEGMENTS = 8;
const MAX_EARLY_BYTES = 8192;
const NEWLINE = 10;
const RETURN = 13;

interface Segment {
  readonly sequence: number;
  readonly bytes: Buffer;
  /** As sent: more than `bytes` when the capture cuts packets. */
  readonly length: number;
}

/** Who speaks. */
export type Side = "client" | "server";

/** What is told of both directions. */
export interface LineSink {
  /** A line without its end: `start` to `end` of `bytes`, valid during the call only. */
  onLine(side: Side, bytes: Buffer, start: number, end: number): void;
  /** Bytes were never captured: the line that they belong to is not told. */
  onGap(side: Side): void;
}

const NONE: readonly Segment[] = [];
const EMPTY: Buffer = Buffer.alloc(0);

/** Lines of one side. */
export class LineStream {
  readonly #side: Side;
  readonly #sink: LineSink;
  /** Of the byte that is to come next. */
  #next: number;
  #acknowledged: number;
  /** The begin of a line whose end has not come. */
  #line = EMPTY;
  /** Of a line that is too long, or has a gap, all is dropped up to its end. */
  #isDropping = false;
  /** In the order of their numbers. */
  #early = NONE;

  /** @param sequence of the first byte */
  constructor(side: Side, sequence: number, sink: LineSink) {
    this.#side = side;
    this.#next = sequence;
    this.#acknowledged = sequence;
    this.#sink = sink;
  }

  /** The number of the byte that is to come next. */
  get next(): number {
    return this.#next;
  }

  /** Takes a segment, of which fewer bytes may be there than the `length` that was sent. They are valid during the call only. */
  take(sequence: number, bytes: Buffer, start: number, end: number, length: number): void {
    const ahead = (sequence - this.#next) | 0;
    if (ahead > 0 && ((this.#acknowledged - sequence) | 0) >= 0) this.#jump(sequence);
    else if (ahead > 0) return this.#keep({ sequence, bytes: bytes.subarray(start, end), length });
    this.#use(sequence, bytes, start, end, length);
    this.#useEarly();
  }

  /**
   * The other side has got all before `sequence`: what is missing of it was not captured, and will not come. That is said only of what
   * lies before something that did come, because a capture may have two packets in the wrong order.
   */
  acknowledge(sequence: number): void {
    if (((sequence - this.#acknowledged) | 0) > 0) this.#acknowledged = sequence;
    const [first] = this.#early;
    if (first === undefined || ((sequence - first.sequence) | 0) < 0) return;
    this.#jump(first.sequence);
    this.#useEarly();
  }

  #keep(segment: Segment): void {
    const bytes = this.#early.reduce((sum, one) => sum + one.bytes.length, segment.bytes.length);
    // What is too much is dropped: an acknowledgement will tell that it is missing.
    if (this.#early.length >= MAX_EARLY_SEGMENTS || bytes > MAX_EARLY_BYTES) return;
    const early = [...this.#early, { ...segment, bytes: Buffer.from(segment.bytes) }];
    this.#early = early.sort((one, other) => (one.sequence - other.sequence) | 0);
  }

  #useEarly(): void {
    for (let first = this.#early[0]; first !== undefined; first = this.#early[0]) {
      if (((first.sequence - this.#next) | 0) > 0) return;
      this.#early = this.#early.slice(1);
      this.#use(first.sequence, first.bytes, 0, first.bytes.length, first.length);
    }
  }

  /** What of a segment is new: the first copy of a byte counts, as with the receiver. */
  #use(sequence: number, bytes: Buffer, start: number, end: number, length: number): void {
    const known = (this.#next - sequence) | 0;
    if (known >= length) return;
    this.#next = (sequence + length) | 0;
    if (start + known < end) this.#cut(bytes, start + known, end);
    if (end - start < length) this.#gap();
  }

  #jump(sequence: number): void {
    this.#next = sequence;
    this.#gap();
  }

  #gap(): void {
    this.#line = EMPTY;
    this.#isDropping = true;
    this.#sink.onGap(this.#side);
  }

  #cut(bytes: Buffer, from: number, to: number): void {
    let start = from;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== NEWLINE) continue;
      this.#endLine(bytes, start, at);
      start = at + 1;
    }
    if (start < to) this.#hold(bytes, start, to);
  }

  #endLine(bytes: Buffer, start: number, end: number): void {
    if (this.#line.length > 0) {
      this.#hold(bytes, start, end);
      const line = this.#line;
      this.#line = EMPTY;
      if (!this.#isDropping) this.#tell(line, 0, line.length);
    } else if (!this.#isDropping && end - start <= MAX_LINE) this.#tell(bytes, start, end);
    this.#isDropping = false;
  }

  #tell(bytes: Buffer, start: number, end: number): void {
    this.#sink.onLine(this.#side, bytes, start, end > start && bytes[end - 1] === RETURN ? end - 1 : end);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    if (this.#isDropping) return;
    if (this.#line.length + end - start > MAX_LINE) {
      this.#line = EMPTY;
      this.#isDropping = true;
    } else this.#line = Buffer.concat([this.#line, bytes.subarray(start, end)]);
  }
}
