/**
 * What logs tell of how much there is: failed logins by service, messages by who sent them, requests by site. Counted by the minute in which
 * the lines came; old ones, read behind a downtime, are of no minute of now and are not counted. Pure.
 * Bounds: 5,000 series a minute; what more there would be is not counted.
 */
import { cutText } from "#src/lib/cut-text.ts";
import type { Levels } from "#src/model/observation.ts";
import type { PlacedHit } from "../contract.ts";
import { parseHead } from "../formats/parse-head.ts";
import { countRequests } from "./access-lines.ts";

const MINUTE_MS = 60_000;
const LATE_MS = 2 * MINUTE_MS;
const MAX_SERIES = 5000;
const MAX_NAME = 160;
const MAX_HEAD_BYTES = 1024;

/** The counters of one host. */
export class LogLevels {
  #counts = new Map<string, number>();
  #sinceUnixMs: number;

  constructor(nowUnixMs: number) {
    this.#sinceUnixMs = nowUnixMs;
  }

  /** @param atUnixMs the time in the line */
  addHit({ outcome, service, user, counts }: PlacedHit, atUnixMs: number, nowUnixMs: number): void {
    if (atUnixMs < nowUnixMs - LATE_MS) return;
    if (outcome === "failure") this.#add(`failed-logins ${service}`, 1);
    if (counts !== undefined && user !== null) this.#add(`${counts} ${cutText(user, MAX_NAME)}`, 1);
  }

  /**
   * Lines of an access log: requests by site, and those that were answered with an error of the client's or of the server's.
   * @param lines whole lines, of which the first says of what time they are
   * @param path of the log, which names the site where its lines do not
   */
  addRequests(lines: Uint8Array, path: string, nowUnixMs: number): void {
    if (timeOf(lines, nowUnixMs) < nowUnixMs - LATE_MS) return;
    for (const [site, { requests, clientErrors, serverErrors }] of countRequests(lines, path)) {
      const name = cutText(site, MAX_NAME);
      this.#add(`requests ${name}`, requests);
      if (clientErrors > 0) this.#add(`client-errors ${name}`, clientErrors);
      if (serverErrors > 0) this.#add(`server-errors ${name}`, serverErrors);
    }
  }

  /** What was counted, as numbers a minute; `null` while the minute is not over. */
  take(nowUnixMs: number): Levels | null {
    const spanMs = nowUnixMs - this.#sinceUnixMs;
    if (spanMs >= 0 && spanMs < MINUTE_MS) return null;
    const counts = this.#counts;
    this.#counts = new Map();
    this.#sinceUnixMs = nowUnixMs;
    // A clock that was set: nobody knows how long it was.
    if (spanMs < 0 || spanMs > 2 * MINUTE_MS) return null;
    const values = [...counts].map(([series, count]) => ({
      series,
      value: (count * MINUTE_MS) / spanMs,
      detail: null,
    }));
    return { sensor: "logs", type: "levels", atUnixMs: nowUnixMs, spanMs, wholeOf: [""], values };
  }

  #add(series: string, count: number): void {
    const known = this.#counts.get(series);
    if (known === undefined && this.#counts.size >= MAX_SERIES) return;
    this.#counts.set(series, (known ?? 0) + count);
  }
}

/** Of the first line; one without a time is of now. */
function timeOf(lines: Uint8Array, nowUnixMs: number): number {
  const newline = lines.indexOf(10);
  const first = lines.subarray(0, Math.min(newline === -1 ? lines.length : newline, MAX_HEAD_BYTES));
  const text = Buffer.from(first.buffer, first.byteOffset, first.length).toString("latin1");
  return parseHead("access", text, nowUnixMs).atUnixMs ?? nowUnixMs;
}
