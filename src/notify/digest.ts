/** What waits for the next digest: alerts below the immediate severity by kind, and what was accepted. Pure. */
import type { AlertLine, DigestGroup, DigestMessage } from "./message.ts";

const MAX_GROUPS = 60;
const MAX_LINES = 20;
const OTHER_KINDS = "other";

/** The waiting digest, as it is saved. */
export interface Digest {
  /** When the first of it came; `null` while there is nothing. */
  readonly sinceUnixMs: number | null;
  readonly groups: readonly DigestGroup[];
  readonly accepted: DigestGroup;
}

/** Nothing waits. */
export const EMPTY_DIGEST: Digest = {
  sinceUnixMs: null,
  groups: [],
  accepted: { kind: "accepted", count: 0, lines: [] },
};

/** The digest with one more alert. Beyond 60 kinds they share a group; beyond 20 lines a group only counts. */
export function addToDigest(waiting: Digest, line: AlertLine, nowUnixMs: number): Digest {
  const digest = withoutAlert(waiting, line.id);
  const isKnown = digest.groups.some((group) => group.kind === line.kind);
  const kind = isKnown || digest.groups.length < MAX_GROUPS ? line.kind : OTHER_KINDS;
  const groups = digest.groups.some((group) => group.kind === kind)
    ? digest.groups.map((group) => (group.kind === kind ? addLine(group, line) : group))
    : [...digest.groups, addLine({ kind, count: 0, lines: [] }, line)];
  return { ...digest, sinceUnixMs: digest.sinceUnixMs ?? nowUnixMs, groups };
}

/** The digest with an acceptance; the alert itself needs no more telling. */
export function addAccepted(digest: Digest, line: AlertLine, nowUnixMs: number): Digest {
  const rest = withoutAlert(digest, line.id);
  return { ...rest, sinceUnixMs: rest.sinceUnixMs ?? nowUnixMs, accepted: addLine(rest.accepted, line) };
}

/** Takes the waiting alerts of an incident out, because they are told with it. Lines beyond 20 of a kind stay counted. */
export function takeIncident(digest: Digest, incident: string): { digest: Digest; lines: readonly AlertLine[] } {
  const lines = digest.groups.flatMap((group) => group.lines.filter((line) => line.incident === incident));
  const rest = mapLines(digest, (kept) => kept.filter((line) => line.incident !== incident));
  const isEmpty = rest.groups.length === 0 && rest.accepted.count === 0;
  return { digest: isEmpty ? EMPTY_DIGEST : rest, lines };
}

/** The message of the waiting digest. */
export function digestMessage(digest: Digest, id: string, nowUnixMs: number): DigestMessage {
  const { groups, accepted } = digest;
  return { type: "digest", id, atUnixMs: nowUnixMs, sinceUnixMs: digest.sinceUnixMs ?? nowUnixMs, groups, accepted };
}

function addLine(group: DigestGroup, line: AlertLine): DigestGroup {
  const lines = group.lines.length < MAX_LINES ? [...group.lines, line] : group.lines;
  return { ...group, count: group.count + 1, lines };
}

function withoutAlert(digest: Digest, id: string): Digest {
  return mapLines(digest, (lines) => lines.filter((line) => line.id !== id));
}

function mapLines(digest: Digest, keep: (lines: readonly AlertLine[]) => readonly AlertLine[]): Digest {
  const groups = digest.groups.map((group) => {
    const lines = keep(group.lines);
    return { ...group, lines, count: group.count - (group.lines.length - lines.length) };
  });
  return { ...digest, groups: groups.filter(({ count }) => count > 0) };
}
