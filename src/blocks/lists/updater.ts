/** Keeps the block lists up to date: fetches each when it is due, keeps it in the store, and hands it to the warden. */
import { cleanText } from "#src/lib/clean-text.ts";
import { errorText } from "#src/lib/errors.ts";
import type { Json } from "#src/model/json.ts";
import type { BlockListOptions } from "../options.ts";
import { readKeptList, writeKeptList } from "./kept-list.ts";
import type { RefusedLine } from "./parse-list.ts";
import { type KeptList, type ListUpdate, updateList } from "./update-list.ts";

/** Where lists lie while nobody runs. */
export interface ListStore {
  /** `null`: there is none. */
  get(key: string): Json;
  /** `null` removes. */
  put(key: string, value: Json): void;
}

/** What the updater stands on. */
export interface UpdaterOptions {
  readonly lists: readonly BlockListOptions[];
  readonly store: ListStore;
  /** Replaces the list of this name, as `WardenClient.putBlockList` does; an empty one takes it away. */
  readonly put: (name: string, networks: readonly string[]) => Promise<void>;
  /** Told whenever the status of a list has changed. @default nobody */
  readonly onStatus?: (status: BlockListStatus) => void;
  /** @default Date.now */
  readonly now?: () => number;
  /** From 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** How a list stands. */
export interface BlockListStatus {
  readonly name: string;
  readonly from: string;
  /** `waiting`: never fetched. `good`: as its source has it. `stale`: the last ones, because of `failure`. `missing`: none, because of it. */
  readonly state: "waiting" | "good" | "stale" | "missing";
  readonly entries: number;
  /** Networks that the entries come to. */
  readonly networks: number;
  readonly reservedCount: number;
  readonly refusedCount: number;
  readonly refused: readonly RefusedLine[];
  /** When the networks were fetched, and when the source was asked last; `null`: never. */
  readonly fetchedUnixMs: number | null;
  readonly askedUnixMs: number | null;
  readonly nextUnixMs: number;
  readonly failure: string | null;
}

interface Slot {
  readonly options: BlockListOptions;
  status: BlockListStatus;
  failures: number;
  /** Whether the warden has what the store has. */
  isHanded: boolean;
}

const NAMES_KEY = "block-lists";
const RETRY_MS = 60_000;
const MAX_FAILURE = 500;
const SPREAD_MS = 30_000;

/**
 * One list at a time. `start` hands over what the store has, takes away what is configured no longer, and then asks each source when
 * it is due, give or take a tenth, so that thousands of hosts do not ask at the same second. After a failure it asks again in a
 * minute, then two, four and so on, at most as seldom as it is asked anyway.
 */
export class BlockListUpdater implements AsyncDisposable {
  readonly #options: UpdaterOptions;
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: UpdaterOptions) {
    this.#options = options;
    this.#slots = new Map(options.lists.map((list) => [list.name, this.#slotOf(list)]));
  }

  /** How each list stands, in the order of the configuration. */
  get status(): readonly BlockListStatus[] {
    return [...this.#slots.values()].map(({ status }) => status);
  }

  /** Begins to work in the background; it never throws. */
  start(): void {
    this.#schedule(0);
  }

  /**
   * Asks the source of one list now, and takes it however few entries it has.
   * @throws RangeError when there is no list of the name
   */
  async update(name: string): Promise<BlockListStatus> {
    const slot = this.#slots.get(name);
    if (slot === undefined)
      throw new RangeError(`Cannot update list "${cleanText(name, 64)}": there is none of that name`);
    await this.#inTurn(() => this.#ask(slot, true));
    return slot.status;
  }

  /** Hands every list over again, as to a warden that has lost them. */
  handAgain(): void {
    for (const slot of this.#slots.values()) slot.isHanded = slot.status.fetchedUnixMs === null;
    this.#schedule(0);
  }

  /** Does all that is due. @returns milliseconds until something is due again */
  async runDue(): Promise<number> {
    await this.#inTurn(async () => {
      await this.#takeAway();
      for (const slot of this.#slots.values()) {
        if (this.#stop.signal.aborted) return;
        if (!slot.isHanded) await this.#hand(slot);
        if (slot.status.nextUnixMs <= this.#now()) await this.#ask(slot, false);
      }
    });
    const times = [...this.#slots.values()].map((slot) =>
      slot.isHanded ? slot.status.nextUnixMs : this.#now() + RETRY_MS,
    );
    return Math.max(Math.min(...times, this.#now() + 3_600_000) - this.#now(), 1000);
  }

  /** Ends what runs; lists stay as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#work;
  }

  #schedule(delayMs: number): void {
    if (this.#stop.signal.aborted) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // What can fail is told in the status of its list; what is left is a store that fails, as on a full disk.
      void this.runDue().then(
        (nextMs) => this.#schedule(nextMs),
        () => this.#schedule(RETRY_MS),
      );
    }, delayMs);
    this.#timer.unref();
  }

  /** One thing after the other: two updates of one list at once would undo each other. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(work);
    this.#work = turn.catch(() => undefined);
    return turn;
  }

  #slotOf(options: BlockListOptions): Slot {
    const kept = this.#read(options.name);
    const status: BlockListStatus = {
      ...countsOf(kept),
      name: options.name,
      from: options.from,
      state: kept === null ? "waiting" : "good",
      askedUnixMs: kept?.fetchedUnixMs ?? null,
      nextUnixMs:
        kept?.from === options.from
          ? this.#nextAfter(kept.fetchedUnixMs, options.everyMs)
          : this.#now() + this.#random() * SPREAD_MS,
      failure: null,
    };
    return { options, status, failures: 0, isHanded: kept === null };
  }

  async #ask(slot: Slot, anySize: boolean): Promise<void> {
    const nowUnixMs = this.#now();
    try {
      const { signal } = this.#stop;
      const previous = this.#read(slot.options.name);
      const updated = await updateList(slot.options, previous, { signal, nowUnixMs, anySize });
      await this.#keep(slot, updated, nowUnixMs);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const delayMs = Math.min(RETRY_MS * 2 ** Math.min(slot.failures++, 20), slot.options.everyMs);
      const failure = cleanText(errorText(error), MAX_FAILURE);
      const state = slot.status.fetchedUnixMs === null ? "missing" : "stale";
      this.#tell(slot, { state, failure, askedUnixMs: nowUnixMs, nextUnixMs: this.#nextAfter(nowUnixMs, delayMs) });
    }
  }

  async #keep(slot: Slot, updated: ListUpdate, nowUnixMs: number): Promise<void> {
    const { options } = slot;
    slot.failures = 0;
    if (updated.kind !== "unchanged") this.#write(options.name, updated.list);
    if (updated.kind === "new") {
      slot.isHanded = false;
      await this.#hand(slot);
    }
    const isShrunk = updated.kind === "shrunk";
    this.#tell(slot, {
      ...countsOf(updated.list),
      state: isShrunk ? "stale" : "good",
      failure: isShrunk ? updated.failure : slot.isHanded ? null : slot.status.failure,
      askedUnixMs: nowUnixMs,
      nextUnixMs: this.#nextAfter(nowUnixMs, options.everyMs),
    });
  }

  /** Gives the warden what the store has. A failure is told and tried again: what is kept is not lost. */
  async #hand(slot: Slot): Promise<void> {
    const { name } = slot.options;
    try {
      await this.#options.put(name, this.#read(name)?.networks ?? []);
      slot.isHanded = true;
      if (slot.status.failure?.startsWith(NOT_HANDED) === true) this.#tell(slot, { failure: null });
    } catch (error) {
      this.#tell(slot, { failure: cleanText(`${NOT_HANDED}${errorText(error)}`, MAX_FAILURE) });
    }
  }

  /** Lists of an earlier configuration. */
  async #takeAway(): Promise<void> {
    const names = this.#names();
    for (const name of names) {
      if (this.#slots.has(name)) continue;
      try {
        await this.#options.put(name, []);
        this.#options.store.put(`${NAMES_KEY}/${name}`, null);
        this.#options.store.put(
          NAMES_KEY,
          this.#names().filter((one) => one !== name),
        );
      } catch {
        // The warden cannot be had: it is still in the names, and tried again with the next that is due.
      }
    }
  }

  #names(): string[] {
    const names = this.#options.store.get(NAMES_KEY);
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  }

  #read(name: string): KeptList | null {
    return readKeptList(this.#options.store.get(`${NAMES_KEY}/${name}`));
  }

  /** The name first: what the names do not tell of would never be taken away. */
  #write(name: string, list: KeptList): void {
    const names = this.#names();
    if (!names.includes(name)) this.#options.store.put(NAMES_KEY, [...names, name]);
    this.#options.store.put(`${NAMES_KEY}/${name}`, writeKeptList(list));
  }

  #tell(slot: Slot, change: Partial<BlockListStatus>): void {
    slot.status = { ...slot.status, ...change };
    this.#options.onStatus?.(slot.status);
  }

  #nextAfter(fromUnixMs: number, delayMs: number): number {
    return Math.round(fromUnixMs + delayMs * (0.9 + this.#random() * 0.2));
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }
}

const NOT_HANDED = "Cannot hand the list to the warden: ";

function countsOf(kept: KeptList | null) {
  return {
    entries: kept?.entries ?? 0,
    networks: kept?.networks.length ?? 0,
    reservedCount: kept?.reservedCount ?? 0,
    refusedCount: kept?.refusedCount ?? 0,
    refused: kept?.refused ?? [],
    fetchedUnixMs: kept?.fetchedUnixMs ?? null,
  };
}
