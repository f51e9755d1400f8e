/**
 * Parser of trace_pipe lines of `sock/inet_sock_set_state`. Pure.
 * The line begins with the comm of the thread, 15 bytes that any process chooses, newlines among them: the thread id is taken
 * from behind it, anchored at the event's name, and comm is too short to hold a whole forged line.
 */

/** One change of a TCP socket into or out of LISTEN. */
export interface ListenChange {
  /** The thread that made the call: /proc/TID is there for threads too. */
  readonly threadId: number;
  readonly family: 4 | 6;
  /** 0 when `listen()` came without `bind()`: ask sock_diag. */
  readonly port: number;
  readonly address: string;
  readonly listening: boolean;
}

const MAX_LINE = 512;
const LINE =
  /-(\d{1,10}) +\[\d+\] [^ ]+ +[\d.]+: inet_sock_set_state: family=AF_INET(6?) protocol=IPPROTO_(?:MP)?TCP sport=(\d{1,5}) dport=\d+ saddr=([\d.]{7,15}) daddr=[\d.]+ saddrv6=([\da-f:.]{2,45}) daddrv6=[\da-f:.]+ oldstate=\w+ newstate=(\w+)$/;

/** @returns `undefined` for any other line, such as one of SCTP, or `CPU:0 [LOST 12 EVENTS]` */
export function parseListenChange(line: string): ListenChange | undefined {
  const match = line.length > MAX_LINE ? null : LINE.exec(line);
  if (match === null || Number(match[3]) > 65_535) return undefined;
  const [, threadId, six, port, address4 = "", address6 = "", state] = match;
  return {
    threadId: Number(threadId),
    family: six === "6" ? 6 : 4,
    port: Number(port),
    address: six === "6" ? address6 : address4,
    listening: state === "TCP_LISTEN",
  };
}

/** Number of events the kernel says it dropped, 0 for other lines. */
export function parseLostEvents(line: string): number {
  return Number(/^CPU:\d{1,5} \[LOST (\d{1,10}) EVENTS\]$/.exec(line)?.[1] ?? 0);
}
