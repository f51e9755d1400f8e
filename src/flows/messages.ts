/** What the child that reads a capture may tell the command. It has read what strangers sent: everything is checked, and bounded. */
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
import { type FlowReport, type Relation, VERDICTS, WHYS } from "./report.ts";

/** Flows of one frame. */
export const MAX_FRAME_FLOWS = 200;
const MAX_REASON = 1000;
const MAX_CALL_ID = 256;

const address = text(45);
const port = integer(0, 65_535);
const count = integer(0);
const proto = oneOf(["tcp", "udp"]);
const verdict = oneOf(VERDICTS);
const why = nullable(oneOf(WHYS));

const relation: Check<Relation> = tagged("kind", {
  ftp: object({
    kind: oneOf(["ftp"]),
    command: nullable(oneOf(["PASV", "EPSV", "PORT", "EPRT"])),
    client: address,
    clientPort: port,
    server: address,
    serverPort: port,
    announced: nullable(text(64)),
    translated: flag,
    evidence: oneOf(["banner", "port-21", "passive-range"]),
  }),
  sip: object({ kind: oneOf(["sip"]), callId: text(MAX_CALL_ID) }),
});

/** A flow as a list, because there may be millions. */
export type FlowTuple = readonly unknown[];

/** @see flowOf */
export function tupleOf(flow: FlowReport): FlowTuple {
  return [
    flow.proto,
    flow.a,
    flow.aPort,
    flow.b,
    flow.bPort,
    flow.packets,
    flow.bytes,
    flow.packetsFromA,
    flow.bytesFromA,
    flow.firstUnixMs,
    flow.lastUnixMs,
    flow.opened,
    flow.verdict,
    flow.why,
    flow.relation,
  ];
}

const flowOf: Check<FlowReport> = (value, path) => {
  if (!Array.isArray(value) || value.length !== 15) throw malformed(path, "a flow");
  return {
    proto: proto(value[0], path),
    a: address(value[1], path),
    aPort: port(value[2], path),
    b: address(value[3], path),
    bPort: port(value[4], path),
    packets: count(value[5], path),
    bytes: count(value[6], path),
    packetsFromA: count(value[7], path),
    bytesFromA: count(value[8], path),
    firstUnixMs: number(value[9], path),
    lastUnixMs: number(value[10], path),
    opened: flag(value[11], path),
    verdict: verdict(value[12], path),
    why: why(value[13], path),
    relation: value[14] === null ? null : relation(value[14], path),
  };
};

/** Messages by tag. */
export const flowsMessage = tagged("t", {
  flows: object({ t: oneOf(["flows"]), flows: list(flowOf, MAX_FRAME_FLOWS) }),
  progress: object({ t: oneOf(["progress"]), packets: count }),
  end: object({
    t: oneOf(["end"]),
    packets: count,
    bytes: count,
    highPackets: count,
    otherPackets: count,
    strayFragments: count,
    earlyFlows: count,
    ftp: object({ controls: count, encrypted: count, announced: count, bounces: count, dropped: count }),
    /** Why the file could not be read to its end. */
    problem: nullable(text(MAX_REASON)),
  }),
});

/** One message. */
export type FlowsMessage = Checked<typeof flowsMessage>;
/** The last one. */
export type FlowsEnd = Extract<FlowsMessage, { t: "end" }>;

/** What the command tells the child. */
export interface FlowsSettings {
  /** `false`: a pipe. */
  readonly isRegular: boolean;
  /** Services that are ordinary, as `parseOrdinaryEnd` takes them. */
  readonly ordinary: readonly string[];
  readonly passiveRange: readonly [low: number, high: number] | null;
  readonly maxFlows: number;
}

/** A reason as the table takes it. */
export const cutReason = (value: string): string => value.slice(0, MAX_REASON);
