/**
 * Parser of trace_pipe lines of `sock/inet_sock_set_state`. Pure.
 * The line begins with the comm of the process, which any process chooses: the pid is taken from behind it, anchored at the
 * event's name, and comm (15 bytes) is too short to hold a whole forged line.
 */

/** One change of a TCP socket into or out of LISTEN. */
export interface ListenChange {
  readonly pid: number;
  readonly family: 4 | 6;
  /** 0 when `listen()` came without `bind()`: ask sock_diag. */
  readonly port: number;
  readonly address: string;
  readonly listening: boolean;
}

const LINE =
  /-(\d{1,10})\s+\[\d+\]\s+\S+\s+[\d.]+: inet_sock_set_state: family=AF_INET(6?) protocol=IPPROTO_\w+ sport=(\d{1,5}) dport=\d+ saddr=([\d.]+) daddr=\S+ saddrv6=(\S+) daddrv6=\S+ oldstate=(\w+) newstate=(\w+)$/;

/** @returns `undefined` for any other line, such as `CPU:0 [LOST 12 EVENTS]` */
export function parseListenChange(line: string): ListenChange | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const family = match[2] === "6" ? 6 : 4;
  return {
    pid: Number(match[1]),
    family,
    port: Number(match[3]),
    address: (family === 6 ? match[5] : match[4]) ?? "",
    listening: match[7] === "TCP_LISTEN",
  };
}

/** Number of events the kernel says it dropped, 0 for other lines. */
export function parseLostEvents(line: string): number {
  return Number(/\[LOST (\d{1,10}) EVENTS\]$/.exec(line)?.[1] ?? 0);
}
