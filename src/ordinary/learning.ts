/** How long the members of a set are learnt. Pure. */
import { formatDuration } from "#src/lib/duration.ts";

// Facts of several processes come a little out of order.
const SKEW_MS = 60_000;

/** One learning group: the listeners of this host, the readers of one secret. */
export interface Group {
  /** When it began to be learnt, Unix milliseconds. */
  readonly sinceUnixMs: number;
  /** The latest moment seen in it, about: a clock that is set back does not begin the learning anew. */
  readonly latestUnixMs: number;
  /** Whether a scan has found members. Acts, such as a read, are seen but never there: no census can miss them. */
  readonly isScanned: boolean;
}

/** Whether a newcomer is taken in rather than told. @param learnMs how long a group is learnt; 0: never */
export function isLearning({ sinceUnixMs, latestUnixMs }: Group, learnMs: number, atUnixMs: number): boolean {
  const isBefore = atUnixMs < sinceUnixMs - SKEW_MS;
  return !isBefore && Math.max(atUnixMs, latestUnixMs, sinceUnixMs) < sinceUnixMs + learnMs;
}

/** The group after a sighting. The same object while nothing worth a write has changed. */
export function seeGroup(group: Group, atUnixMs: number, scanned: boolean): Group {
  const isLater = atUnixMs > group.latestUnixMs + SKEW_MS;
  if (!isLater && (group.isScanned || !scanned)) return group;
  return {
    ...group,
    latestUnixMs: Math.max(group.latestUnixMs, atUnixMs),
    isScanned: group.isScanned || scanned,
  };
}

/** Where a group stands, in words. */
export function explainLearning(group: Group, learnMs: number, nowUnixMs: number): string {
  const known = formatDuration(Math.max(0, nowUnixMs - group.sinceUnixMs));
  if (isLearning(group, learnMs, nowUnixMs)) {
    const leftMs = group.sinceUnixMs + learnMs - nowUnixMs;
    return `still learning: known for ${known}, newcomers are taken in for ${formatDuration(leftMs)} more`;
  }
  return `learnt: known for ${known}, anything new is an alert`;
}
