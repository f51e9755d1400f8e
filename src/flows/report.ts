/** What is told of a flow. Types, and the closed sets of words. */
import type { FtpRelation } from "./ftp/ftp-relations.ts";
import type { MediaRelation } from "./media/calls.ts";

/** What a flow is. */
export const VERDICTS = ["ftp-data", "media", "ordinary", "unexplained"] as const;
/** See {@link VERDICTS}. */
export type Verdict = (typeof VERDICTS)[number];

/**
 * Why a flow is unexplained: nothing announced it; it is itself an FTP control connection or carries SIP; or its hosts had an encrypted FTP
 * control connection, so that it may be FTP data, which cannot be seen.
 */
export const WHYS = ["not-announced", "ftp-control", "sip", "encrypted-ftp"] as const;
/** See {@link WHYS}. */
export type Why = (typeof WHYS)[number];

/** What explains a flow. */
export type Relation = FtpRelation | MediaRelation;

/** One flow. */
export interface FlowReport {
  readonly proto: "tcp" | "udp";
  /** The end that has opened it where {@link FlowReport.opened}, else that of the first packet. */
  readonly a: string;
  readonly aPort: number;
  readonly b: string;
  readonly bPort: number;
  /** Of both directions. */
  readonly packets: number;
  /** Of both directions, as long as the packets were on the wire, with all headers. */
  readonly bytes: number;
  readonly packetsFromA: number;
  readonly bytesFromA: number;
  readonly firstUnixMs: number;
  readonly lastUnixMs: number;
  /** Its begin was captured: the SYN, or the answer to it. */
  readonly opened: boolean;
  readonly verdict: Verdict;
  /** `null` for what is explained. */
  readonly why: Why | null;
  readonly relation: Relation | null;
}
