/**
 * Packets and bytes of each network interface since it was made.
 * Kernel interface: /proc/net/dev, held open and read anew. Since: always. Needs: nothing. Without: nothing is known of interfaces.
 * Cost: two system calls a look; 0.03 ms with 1 interface, 0.5 ms with 200. A dump of RTM_GETLINK takes as long before it is parsed.
 * It stays with the network namespace in which it was opened. Blinded by: other namespaces; packets that a driver or XDP takes before
 * they are counted. Counters begin at 0 when an interface is made again under its name; those of some drivers wrap at 2^32.
 */
import { closeSync, openSync, readSync } from "node:fs";

const FIRST_BYTES = 16 * 1024;
const MAX_BYTES = 4 * 1024 * 1024;
/** Most interfaces that are told; the kernel lists older ones first. */
export const MAX_INTERFACES = 4096;
const WRAP = 2 ** 32;

/** Counters that an interface has. */
export interface InterfaceCounters {
  readonly bytesIn: number;
  readonly packetsIn: number;
  readonly bytesOut: number;
  readonly packetsOut: number;
}
/** Names of the counters. */
export const INTERFACE_COUNTERS = ["bytesIn", "packetsIn", "bytesOut", "packetsOut"] as const;

/** Keeps the file open; the owner disposes it. */
export class InterfaceCountersFile implements Disposable {
  readonly #fd: number;
  #buffer = Buffer.alloc(FIRST_BYTES);

  /** @throws Error of the system when there is none */
  constructor(path = "/proc/net/dev") {
    this.#fd = openSync(path, "r");
  }

  /** Counters by name, loopback left out. */
  read(): Map<string, InterfaceCounters> {
    for (;;) {
      const length = this.#fill();
      if (length < this.#buffer.length || length >= MAX_BYTES) {
        return parseInterfaceCounters(this.#buffer.toString("latin1", 0, length));
      }
      this.#buffer = Buffer.alloc(this.#buffer.length * 2);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** The kernel gives at most a page a call, whole lines. */
  #fill(): number {
    let length = 0;
    while (length < this.#buffer.length) {
      const read = readSync(this.#fd, this.#buffer, length, this.#buffer.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return length;
  }
}

/**
 * Counters by name; `lo` is left out, lines of another form are passed over.
 * @see linux v6.18 net/core/net-procfs.c, dev_seq_printf_stats: name, 8 numbers in, 8 numbers out
 */
export function parseInterfaceCounters(text: string): Map<string, InterfaceCounters> {
  const found = new Map<string, InterfaceCounters>();
  for (const line of text.split("\n")) {
    // A name may hold anything but a space, "/" and ":".
    const colon = line.lastIndexOf(":");
    if (colon === -1 || found.size >= MAX_INTERFACES) continue;
    const name = line.slice(0, colon).trim();
    const numbers = line
      .slice(colon + 1)
      .trim()
      .split(/ +/);
    if (numbers.length !== 16 || name === "" || name === "lo") continue;
    const [bytesIn, packetsIn, bytesOut, packetsOut] = [0, 1, 8, 9].map((index) => Number(numbers[index]));
    const counters = { bytesIn: bytesIn!, packetsIn: packetsIn!, bytesOut: bytesOut!, packetsOut: packetsOut! };
    if (INTERFACE_COUNTERS.every((one) => counters[one] >= 0)) found.set(name, counters);
  }
  return found;
}

/**
 * What was counted between two looks.
 * A counter that fell alone, from just below 2^32, has wrapped. Else the interface was made again: what it has counted since is told,
 * which may be less than what was sent, and never more.
 */
export function countedBetween(before: InterfaceCounters, now: InterfaceCounters): InterfaceCounters {
  const fallen = INTERFACE_COUNTERS.filter((one) => now[one] < before[one]);
  const isWrap = fallen.length === 1 && before[fallen[0]!] < WRAP && before[fallen[0]!] - now[fallen[0]!] > WRAP / 2;
  if (fallen.length > 0 && !isWrap) return now;
  const differences = INTERFACE_COUNTERS.map((one) => [
    one,
    now[one] - before[one] + (fallen.includes(one) ? WRAP : 0),
  ]);
  return Object.fromEntries(differences) as Record<keyof InterfaceCounters, number>;
}
