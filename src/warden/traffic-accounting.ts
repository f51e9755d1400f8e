/**
 * Keeps the kernel counting what each account sends, and tells the numbers to the sentry, which may not ask the kernel for them
 * (CAP_NET_ADMIN). It takes no request: on or off is a setting. The table is journaled before it is made, and taken away at the end.
 */
import { errorText } from "#src/lib/errors.ts";
import {
  type AccountCount,
  MAX_ELEMENTS,
  NfAccounting,
  type PortCount,
  TRAFFIC_TABLE,
} from "#src/linux/nf-accounting.ts";
import type { WardenTrafficOptions } from "#src/processes/settings.ts";
import { ACCOUNT_NUMBERS, MAX_ACCOUNTS, MAX_PORTS, writeAccountCounts } from "#src/wire/account-counts.ts";
import { RateLimit } from "./rate-limit.ts";
import type { WardenJournal } from "./warden-journal.ts";

/** How often it looks. With very many elements, of which each takes about 1 µs, it looks so much later that it is 1/500 of a core. */
const LOOK_MS = 1000;
/** While all accounts together send less than this between two looks, it looks each five seconds: that is rest. */
const QUIET_PACKETS = 100;
const QUIET_LOOK_MS = 5000;
const MS_AN_ELEMENT = 0.5;
/** Ports are looked at so often, and at once when an account begins to send this much within a second. */
const PORTS_MS = 10_000;
const MANY_PACKETS = 500;
const MANY_CONNECTIONS = 20;
const PORTS_OF_ACCOUNT = 8;
/** What the kernel has refused is tried again so much later. */
const RETRY_MS = 60_000;
const MAX_FAILURE = 512;
/** Of the restores of a fight with somebody who flushes so many a minute are told to the journal. */
const RESTORES_TOLD = 10;

/** What it works with. */
export interface TrafficAccountingParts {
  readonly journal: WardenJournal;
  readonly options: WardenTrafficOptions;
  /** The same clock in each process. @default CLOCK_MONOTONIC */
  readonly nowMs?: () => number;
}

/** Begins with {@link TrafficAccounting.start}; the owner disposes it, which takes the table away. */
export class TrafficAccounting implements Disposable {
  readonly #parts: TrafficAccountingParts;
  readonly #toldLimit = new RateLimit(RESTORES_TOLD, 60_000);
  readonly #nowMs: () => number;
  #accounting: NfAccounting | null = null;
  #failure: string | null = null;
  #isTold = true;
  #restored = 0;
  #lookMs = LOOK_MS;
  // Another one at each start: counts of an earlier warden were of another table.
  #epoch: number;
  #before = new Map<number, AccountCount>();
  #portsBefore = new Map<string, number>();
  #ports: readonly PortCount[] = [];
  #portsAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: TrafficAccountingParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? monotonicMs;
    this.#epoch = Math.floor(this.#nowMs());
  }

  /** Never throws: what failed is told to the sentry, and tried again. */
  start(): void {
    this.#lookAndTell();
    const delayMs = this.#accounting === null ? RETRY_MS : Math.max(this.#lookMs, pauseBehind(this.#before.size));
    // On whole seconds, so that the sentry's look a moment later finds what is new.
    this.#timer = setTimeout(() => this.start(), delayMs - (Date.now() % LOOK_MS));
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#accounting === null) return;
    const { journal } = this.#parts;
    using accounting = this.#accounting;
    this.#accounting = null;
    try {
      accounting.remove();
      journal.note("traffic.end", "warden", { table: TRAFFIC_TABLE });
    } catch (error) {
      journal.note("traffic.failed", "warden", {
        table: TRAFFIC_TABLE,
        failure: errorText(error).slice(0, MAX_FAILURE),
      });
    }
  }

  #lookAndTell(): void {
    let accounts: readonly AccountCount[] = [];
    try {
      accounts = this.#look();
      this.#failure = null;
    } catch (error) {
      const failure = errorText(error).slice(0, MAX_FAILURE);
      if (failure !== this.#failure) this.#parts.journal.warn("traffic is not counted by account", { failure });
      this.#failure = failure;
    }
    try {
      this.#tell(accounts);
      this.#isTold = true;
    } catch (error) {
      // No room for the file: the sentry notices the silence.
      if (this.#isTold) this.#parts.journal.warn("traffic is not told to the sentry", { failure: errorText(error) });
      this.#isTold = false;
    }
  }

  #look(): readonly AccountCount[] {
    const accounting = this.#accounting ?? this.#begin();
    const accounts = accounting.readAccounts() ?? this.#restore(accounting);
    const isMuch = accounts.some((one) => sendsMuch(one, this.#before.get(one.uid)));
    const pauseMs = Math.max(isMuch ? LOOK_MS : PORTS_MS, pauseBehind(this.#portsBefore.size));
    if (this.#nowMs() - this.#portsAtMs > pauseMs - LOOK_MS / 2) this.#readPorts(accounting);
    const sent = accounts.reduce((sum, one) => sum + one.packets - (this.#before.get(one.uid)?.packets ?? 0), 0);
    this.#lookMs = sent < QUIET_PACKETS ? QUIET_LOOK_MS : LOOK_MS;
    this.#before = new Map(accounts.map((one) => [one.uid, one]));
    return accounts;
  }

  /** Makes the table, once it is written down. */
  #begin(): NfAccounting {
    const { journal, options } = this.#parts;
    if (process.geteuid?.() !== 0) throw new Error("Cannot count packets by account: not run as root");
    const accounting = new NfAccounting(options);
    try {
      journal.require("traffic.begin", "warden", { table: TRAFFIC_TABLE, udpPorts: options.udpPorts });
      accounting.install();
    } catch (error) {
      accounting[Symbol.dispose]();
      throw error;
    }
    this.#accounting = accounting;
    return accounting;
  }

  /** Makes it again when it is not there or not as we left it. */
  #restore(accounting: NfAccounting): readonly AccountCount[] {
    accounting.install();
    this.#restored++;
    this.#epoch++;
    this.#portsBefore.clear();
    this.#portsAtMs = Number.NEGATIVE_INFINITY;
    if (this.#toldLimit.take(performance.now())) {
      this.#parts.journal.note("traffic.restored", "warden", { table: TRAFFIC_TABLE, restored: this.#restored });
    }
    return [];
  }

  #readPorts(accounting: NfAccounting): void {
    const counts = accounting.readPorts();
    this.#ports = busiestPorts(counts, this.#portsBefore);
    this.#portsBefore = new Map(counts.map((one) => [portKey(one), one.count]));
    this.#portsAtMs = this.#nowMs();
  }

  #tell(accounts: readonly AccountCount[]): void {
    const some = accounts.length <= MAX_ACCOUNTS ? accounts : mostPackets(accounts);
    writeAccountCounts(this.#parts.options.countsFd, {
      atMs: this.#nowMs(),
      epoch: this.#epoch,
      failure: this.#failure,
      restored: this.#restored,
      isFull: accounts.length >= Math.min(MAX_ACCOUNTS, MAX_ELEMENTS) || this.#portsBefore.size >= MAX_ELEMENTS,
      accounts: numbersOfAccounts(some),
      ports: this.#ports.flatMap(({ uid, protocol, port, count }) => [uid, protocol === "tcp" ? 6 : 17, port, count]),
    });
  }
}

/** Takes away what a warden that was killed has left. Nothing is asked of a kernel that has no nf_tables. */
export function endTrafficAccounting(journal: WardenJournal): void {
  if (process.geteuid?.() !== 0) return;
  try {
    using accounting = new NfAccounting({ udpPorts: false });
    if (accounting.remove()) journal.note("traffic.end", "warden", { table: TRAFFIC_TABLE });
  } catch (error) {
    journal.warn("no look for a table of traffic", { failure: errorText(error) });
  }
}

/**
 * What was sent to each account's busiest ports since the last look; at most {@link MAX_PORTS} of all accounts together.
 * @param before counts of the last look by {@link portKey}
 */
export function busiestPorts(counts: readonly PortCount[], before: ReadonlyMap<string, number>): PortCount[] {
  const byUid = new Map<number, PortCount[]>();
  for (const one of counts) {
    const last = before.get(portKey(one)) ?? 0;
    // An element that was gone and came back counts from 0.
    const count = one.count >= last ? one.count - last : one.count;
    if (count === 0) continue;
    const ports = byUid.get(one.uid);
    if (ports === undefined) byUid.set(one.uid, [{ ...one, count }]);
    else ports.push({ ...one, count });
  }
  return [...byUid.values()]
    .flatMap((ports) => ports.sort((a, b) => b.count - a.count).slice(0, PORTS_OF_ACCOUNT))
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_PORTS);
}

/** Names a port of an account. */
export function portKey({ uid, protocol, port }: PortCount): string {
  return `${uid} ${protocol} ${port}`;
}

/** How long to wait behind a look at so many elements. */
function pauseBehind(elements: number): number {
  return Math.max(LOOK_MS, elements * MS_AN_ELEMENT);
}

function sendsMuch(now: AccountCount, before: AccountCount | undefined): boolean {
  return (
    now.packets - (before?.packets ?? 0) >= MANY_PACKETS ||
    now.connections - (before?.connections ?? 0) >= MANY_CONNECTIONS
  );
}

function mostPackets(accounts: readonly AccountCount[]): AccountCount[] {
  return [...accounts].sort((a, b) => b.packets - a.packets).slice(0, MAX_ACCOUNTS);
}

function numbersOfAccounts(accounts: readonly AccountCount[]): number[] {
  const numbers: number[] = new Array(accounts.length * ACCOUNT_NUMBERS);
  let at = 0;
  for (const { uid, packets, bytes, connections, mailConnections } of accounts) {
    numbers[at++] = uid;
    numbers[at++] = packets;
    numbers[at++] = bytes;
    numbers[at++] = connections;
    numbers[at++] = mailConnections;
  }
  return numbers;
}

function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
