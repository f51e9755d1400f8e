/** What the child that reads the logs may tell the command. It has read what attackers wrote: everything is checked, and bounded. */
import {
  type Check,
  type Checked,
  flag,
  integer,
  list,
  malformed,
  nullable,
  number,
  object,
  oneOf,
  tagged,
  text,
} from "#src/wire/check.ts";
import { LOG_FORMATS } from "./guess-format.ts";

/** Files of one replay. */
export const MAX_FILES = 2000;
/** Hits of one frame. */
export const MAX_FRAME_HITS = 200;
const MAX_USER = 256;
const MAX_RULE = 200;
const MAX_ADDRESS = 64;
const MAX_TEXT = 1000;
const MAX_TIME = 8.64e15;

/** One offending line: index of the file, line, offset, time, rule, address, user. A tuple, because there may be millions. */
export type HitTuple = readonly [
  file: number,
  line: number,
  offset: number,
  atUnixMs: number | null,
  rule: string,
  address: string | null,
  user: string | null,
];

const file = integer(0, MAX_FILES - 1);
const count = integer(0);
const time = nullable(integer(-MAX_TIME, MAX_TIME));
const rule = text(MAX_RULE);
const address = nullable(text(MAX_ADDRESS));
const user = nullable(text(MAX_USER));

const hit: Check<HitTuple> = (value, path) => {
  if (!Array.isArray(value) || value.length !== 7) throw malformed(path, "a hit");
  return [
    file(value[0], path),
    count(value[1], path),
    count(value[2], path),
    time(value[3], path),
    rule(value[4], path),
    address(value[5], path),
    user(value[6], path),
  ];
};

/** Messages by tag. */
export const replayMessage = tagged("t", {
  hits: object({ t: oneOf(["hits"]), hits: list(hit, MAX_FRAME_HITS) }),
  /** Bytes of the file as it lies on the disk. */
  progress: object({ t: oneOf(["progress"]), file, bytes: count, lines: count }),
  file: object({
    t: oneOf(["file"]),
    file,
    format: oneOf(LOG_FORMATS),
    lines: count,
    /** Unzipped. */
    bytes: count,
    tooLong: count,
    hits: count,
    /** Why it could not be read to its end. */
    problem: nullable(text(MAX_TEXT)),
  }),
  disabled: object({ t: oneOf(["disabled"]), rule, reason: text(MAX_TEXT) }),
  block: object({
    t: oneOf(["block"]),
    atUnixMs: integer(-MAX_TIME, MAX_TIME),
    kind: text(64),
    network: text(MAX_ADDRESS),
    forMs: count,
    rule,
    points: number,
    /** Which block of this network it is, from 1. */
    offence: count,
  }),
  end: object({
    t: oneOf(["end"]),
    lines: count,
    bytes: count,
    hits: count,
    addresses: count,
    /** Hits of networks at a time when they would have been blocked. */
    prevented: count,
    blocks: count,
    /** Networks. */
    blocked: count,
    rules: list(object({ name: rule, hits: count, searches: count, cpuMicros: count, isDisabled: flag }), 20_000),
  }),
  /** Nothing was read. */
  refused: object({ t: oneOf(["refused"]), reason: text(MAX_TEXT), isUse: flag }),
});

/** One message. */
export type ReplayMessage = Checked<typeof replayMessage>;
/** The last one of a replay. */
export type ReplayEnd = Extract<ReplayMessage, { t: "end" }>;

/** Texts as the table takes them: an attacker chose them. */
export const cutUser = (value: string | null): string | null => value?.slice(0, MAX_USER) ?? null;
/** A reason or problem. */
export const cutReason = (value: string): string => value.slice(0, MAX_TEXT);
