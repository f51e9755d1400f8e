/** How many messages an hour may still go out. Pure: a sliding hour over the instants of what was sent. */

const HOUR_MS = 3_600_000;

// One message in ten is kept back for what is critical, so that a flood of lesser alerts cannot delay it.
const KEPT_BACK = 10;

/** Instants of the last hour, oldest first. */
export type SentTimes = readonly number[];

/** What still counts at `nowUnixMs`. */
export function lastHour(sent: SentTimes, nowUnixMs: number): SentTimes {
  return sent.filter((atUnixMs) => atUnixMs > nowUnixMs - HOUR_MS);
}

/** When one more may be sent: `nowUnixMs` or later. @param limit most in an hour, at least 1 */
export function roomAtUnixMs(sent: SentTimes, limit: number, nowUnixMs: number): number {
  const counted = lastHour(sent, nowUnixMs);
  return counted.length < limit ? nowUnixMs : (counted[counted.length - limit] ?? nowUnixMs) + HOUR_MS;
}

/** The limit for messages that are not critical. */
export function ordinaryLimit(maxPerHour: number): number {
  return maxPerHour - Math.floor(maxPerHour / KEPT_BACK);
}
