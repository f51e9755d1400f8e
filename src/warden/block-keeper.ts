/**
 * Keeps the blocks: checks each request by itself, writes the journal first, then the kernel, then its ledger, and answers. The kernel
 * ends a block by its own time-out. When somebody has taken our tables away they are made again from the ledger.
 *
 * A crash between journal and kernel: nothing is blocked, the mind asks again. Between kernel and ledger: the kernel's tables are
 * made anew from the ledger at the next start, the mind asks again. The time from request to kernel is one flush of the journal.
 */
import type { NewEntry } from "#src/journal/chain.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { formatNetwork } from "#src/lib/ip-network.ts";
import type { Firewall } from "#src/linux/firewall.ts";
import { countNetworks } from "#src/linux/packed-networks.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { FromWarden } from "#src/wire/warden-messages.ts";
import { type BlockLedger, MAX_BLOCKS, type StoredBlock } from "./block-ledger.ts";
import { BlockLimits, type Protected } from "./block-limits.ts";
import {
  type BlockRequest,
  isByHand,
  REHEARSED,
  rehearseBlock,
  type SortedBlocks,
  sortBlocks,
} from "./block-requests.ts";
import { BlockTargets } from "./block-targets.ts";
import type { HostFacts } from "./host-facts.ts";
import type { ListedNetworks, ListPart } from "./listed-networks.ts";
import { LiveConnections } from "./live-connections.ts";
import { RateLimit } from "./rate-limit.ts";
import type { WardenJournal } from "./warden-journal.ts";

const RULE_BLOCKS = 5000;
const RULE_SPAN_MS = 60_000;
/** Nothing of a rehearsal is written down: nobody is to learn by many of them, unseen, who is logged in. */
const REHEARSALS = 60;
/** How often blocks that are longer than the kernel's longest time-out are made again, and how long before they end. */
const RENEW_MS = 6 * 3_600_000;
const MAX_CANNOT = 4;
/** Restored at most so often: someone who fights us costs no more than this. */
const RESTORE_MS = 200;
/** Of the many restores of such a fight so many a minute are told to the journal. */
const RESTORES_TOLD = 10;
/** Room for one more request of the longest. */
const NEARLY_ALL_BLOCKS = MAX_BLOCKS - 1000;
/** Well below the longest line of the journal. */
const MAX_ENTRY_CHARACTERS = 24_000;

/** How blocking stands. */
export type FirewallStatus = Extract<FromWarden, { t: "firewall" }>;
/** How one block or unblock ended. */
export type BlockResult = NonNullable<Extract<FromWarden, { t: "answer" }>["results"]>[number];

/** What a keeper works with. */
export interface KeeperParts {
  readonly journal: WardenJournal;
  readonly ledger: BlockLedger;
  readonly listed: ListedNetworks;
  readonly facts: HostFacts;
  /** `null`: none can be had, as `failure` says. */
  readonly firewall: Firewall | null;
  readonly failure: string | null;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** How blocking stands has changed. */
  onStatus(): void;
}

/** One request at a time from outside; what it does by itself takes turns with them. The owner disposes it. */
export class BlockKeeper implements AsyncDisposable {
  readonly #parts: KeeperParts;
  readonly #targets = new BlockTargets();
  readonly #connections: LiveConnections;
  readonly #ruleLimit = new RateLimit(RULE_BLOCKS, RULE_SPAN_MS);
  readonly #rehearsalLimit = new RateLimit(REHEARSALS, RULE_SPAN_MS);
  readonly #toldLimit = new RateLimit(RESTORES_TOLD, RULE_SPAN_MS);
  #limits: { kept: Protected; limits: BlockLimits } | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #watch: AsyncDisposable | null = null;
  #timer: NodeJS.Timeout | null = null;
  #restoreTimer: NodeJS.Timeout | null = null;
  #allowed = "";
  /** Whether our tables are there: only while something is blocked. */
  #isMade = false;
  #restored = 0;
  #dropped = 0;
  #failure: string | null;
  /** What the kernel has refused of what is not needed for a block. */
  readonly #cannot = new Set<string>();
  #isDisposed = false;
  #renewedAtMs = performance.now();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#failure = parts.failure;
    for (const block of parts.ledger.values()) this.#targets.add(block);
    this.#connections = new LiveConnections((error) => {
      const text = `live connections of blocked addresses are not ended: ${errorText(error)}`.slice(0, 512);
      if (this.#cannot.has(text) || this.#cannot.size >= MAX_CANNOT) return;
      this.#cannot.add(text);
      parts.onStatus();
    });
  }

  /** How blocking stands. */
  get status(): FirewallStatus {
    const { firewall, ledger, listed } = this.#parts;
    return {
      t: "firewall",
      backend: firewall?.kind ?? null,
      failure: this.#failure?.slice(0, 1024) ?? null,
      blocked: firewall === null ? 0 : ledger.size,
      listed: listed.count,
      restored: this.#restored,
      dropped: this.#dropped,
      blindTo: firewall === null ? [] : [...this.#parts.facts.blindTo, ...this.#cannot],
    };
  }

  /** Puts what the ledger has into the kernel, and keeps it there. Never throws: what failed is in the status, and tried again. */
  async start(): Promise<void> {
    const { firewall } = this.#parts;
    if (firewall === null) return;
    await this.#inTurn(() => this.#fill(firewall));
    this.#watch = firewall.watch(() => this.#restoreSoon());
    this.#timer = setInterval(() => void this.#look(firewall), firewall.lookMs);
    this.#parts.onStatus();
  }

  /** @throws GarrisonError when none of them is in effect */
  block(requests: readonly BlockRequest[]): Promise<BlockResult[]> {
    return this.#inTurn(async () => {
      const firewall = this.#firewall();
      this.#takeRate(requests);
      const sorted = sortBlocks(requests, this.#context());
      this.#tellBlocks(sorted);
      if (sorted.accepted.length > 0) await this.#carryOut(firewall, sorted);
      const failures = new Map(sorted.refused.map(({ request, failure }) => [request.action, failure]));
      return requests.map(({ action }) => ({ action, failure: failures.get(action) ?? null }));
    });
  }

  /** The checks of {@link block} alone: nothing is done, nothing is written down. @throws GarrisonError when it was asked too often */
  rehearse(request: Parameters<typeof rehearseBlock>[0]): Promise<BlockResult[]> {
    return this.#inTurn(async () => {
      if (!this.#rehearsalLimit.take(performance.now())) {
        throw new GarrisonError(
          "GARRISON_ACTION_REFUSED",
          `Cannot rehearse a block: ${REHEARSALS} within a minute are allowed; ask again later`,
        );
      }
      return [{ action: REHEARSED, failure: this.#whyNoFirewall() ?? rehearseBlock(request, this.#context()) }];
    });
  }

  /** A block that is not in force, or over, is passed over. @throws GarrisonError when all of them are still in effect */
  unblock(actions: readonly string[], by: string): Promise<BlockResult[]> {
    return this.#inTurn(async () => {
      const firewall = this.#firewall();
      const blocks = [...new Set(actions)].flatMap((action) => this.#parts.ledger.get(action) ?? []);
      if (blocks.length > 0) {
        this.#parts.journal.record(entriesOf("blocks.undo", by, "blocks", blocks.map(toStored)));
        this.#parts.ledger.end(blocks.map(({ action }) => action));
        for (const block of blocks) this.#targets.delete(block);
        await this.#orNote(by, { undo: true }, () => this.#letThrough(firewall, blocks));
        // Tried again at the next look.
        await this.#removeUnneeded(firewall).catch(() => {});
        this.#parts.onStatus();
      }
      return actions.map((action) => ({ action, failure: null }));
    });
  }

  /**
   * Takes a part of a list; the last one replaces the list. It is loaded into the kernel behind the answer.
   * @throws GarrisonError when the list is as it was before
   */
  putListPart(part: ListPart & { readonly isLast: boolean; readonly by: string }): Promise<void> {
    return this.#inTurn(async () => {
      const firewall = this.#firewall();
      const { listed, journal } = this.#parts;
      listed.add(part, this.#blockLimits());
      if (!part.isLast) return;
      const { packed, leftOut } = listed.finish();
      journal.require("blocks.list", part.by, { name: part.name, networks: countNetworks(packed), leftOut });
      await this.#orNote(part.by, { name: part.name }, async () => listed.put(part.name, packed));
      if (!this.#isMade) return this.#fill(firewall);
      await this.#refreshAllowed(firewall);
      this.#loadLists(firewall);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#restoreTimer !== null) clearTimeout(this.#restoreTimer);
    this.#connections[Symbol.dispose]();
    await this.#watch?.[Symbol.asyncDispose]();
    await this.#turn;
    this.#parts.firewall?.[Symbol.dispose]();
    this.#parts.ledger[Symbol.dispose]();
  }

  async #carryOut(firewall: Firewall, { accepted }: SortedBlocks): Promise<void> {
    for (const block of accepted) this.#targets.add(block);
    const elements = this.#targets.wanted(accepted, this.#parts.now());
    const actions = accepted.map(({ action }) => action);
    await this.#orNote(accepted[0]!.by, { actions }, async () => {
      await this.#orTakeBack(accepted, () =>
        this.#isMade ? this.#orRestore(firewall, () => firewall.block(elements)) : this.#make(firewall, accepted),
      );
      await this.#orTakeBack(accepted, async () => this.#writeDown(firewall, accepted));
    });
    this.#connections.end(elements);
    this.#parts.onStatus();
  }

  async #orTakeBack(accepted: readonly StoredBlock[], run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      for (const block of accepted) this.#targets.delete(block);
      throw error;
    }
  }

  /** What cannot be written down does not stay in the kernel. */
  async #writeDown(firewall: Firewall, accepted: SortedBlocks["accepted"]): Promise<void> {
    try {
      this.#parts.ledger.begin(accepted.map(toStored));
    } catch (error) {
      for (const block of accepted) this.#targets.delete(block);
      await this.#change(firewall, accepted);
      throw error;
    }
  }

  /** What cannot be let through is still in force. */
  async #letThrough(firewall: Firewall, blocks: readonly StoredBlock[]): Promise<void> {
    try {
      await this.#orRestore(firewall, () => this.#change(firewall, blocks));
    } catch (error) {
      this.#parts.ledger.begin(blocks);
      for (const block of blocks) this.#targets.add(block);
      throw error;
    }
  }

  /** Writes down that what the journal has announced has failed. */
  async #orNote(by: string, told: JsonObject, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#parts.journal.note("blocks.failed", by, { ...told, failure: errorText(error).slice(0, 2048) });
      throw error;
    }
  }

  /** Makes the kernel hold what is in force of what these blocks hold or held. */
  async #change(firewall: Firewall, blocks: readonly StoredBlock[]): Promise<void> {
    const nowUnixMs = this.#parts.now();
    const unwanted = this.#targets.unwanted(blocks, nowUnixMs);
    const wanted = this.#targets.wanted(blocks, nowUnixMs);
    if (unwanted.length > 0) await firewall.unblock(unwanted);
    if (wanted.length > 0) await firewall.block(wanted);
  }

  /** Runs it; when somebody has taken our tables away they are made again, which does it too. */
  async #orRestore(firewall: Firewall, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (await firewall.isIntact()) throw error;
      await this.#restore(firewall);
      if (this.#failure !== null) throw error;
    }
  }

  /** Nothing of ours is in the kernel of a host where nothing is blocked. */
  get #isNeeded(): boolean {
    return this.#parts.ledger.size > 0 || this.#parts.listed.count > 0;
  }

  async #removeUnneeded(firewall: Firewall): Promise<void> {
    if (this.#isNeeded) return;
    await firewall.remove();
    this.#isMade = false;
  }

  /** Makes our tables with what is in force, and with what is about to be. @throws GarrisonError */
  async #make(firewall: Firewall, more: readonly StoredBlock[] = []): Promise<void> {
    const allowed = this.#parts.facts.allowed();
    const blocked = this.#targets.wanted([...this.#inForce(), ...more], this.#parts.now());
    this.#parts.listed.reset();
    await firewall.replace({ allowed, blocked });
    this.#isMade = true;
    this.#allowed = String(allowed.map(formatNetwork).sort());
    this.#loadLists(firewall);
  }

  async #fill(firewall: Firewall): Promise<void> {
    try {
      this.#inForce();
      if (this.#isNeeded) await this.#make(firewall);
      else await this.#removeUnneeded(firewall);
      this.#failure = null;
    } catch (error) {
      this.#failure = errorText(error);
      this.#parts.journal.warn("blocks not in the kernel", { failure: this.#failure });
    }
  }

  #inForce(): IterableIterator<StoredBlock> {
    for (const ended of this.#parts.ledger.forgetEnded(this.#parts.now())) this.#targets.delete(ended);
    return this.#parts.ledger.values();
  }

  /** In the background: requests get their turn between its parts. */
  #loadLists(firewall: Firewall): void {
    void this.#parts.listed
      .load(firewall, (run) => this.#inTurn(async () => (this.#isDisposed ? undefined : run())))
      .catch((error: unknown) => {
        this.#failure = errorText(error);
      })
      .finally(() => this.#parts.onStatus());
  }

  #restoreSoon(): void {
    const firewall = this.#parts.firewall;
    if (firewall === null || this.#isDisposed) return;
    this.#restoreTimer ??= setTimeout(
      () => {
        this.#restoreTimer = null;
        void this.#inTurn(async () => {
          if (!this.#isDisposed && this.#isMade && !(await firewall.isIntact())) await this.#restore(firewall);
        });
      },
      this.#restored === 0 ? 0 : RESTORE_MS,
    );
  }

  async #restore(firewall: Firewall): Promise<void> {
    await this.#fill(firewall);
    this.#restored++;
    if (this.#toldLimit.take(performance.now())) {
      const { backend, blocked, failure } = this.status;
      this.#parts.journal.note("blocks.restored", "warden", { backend, blocked, failure });
    }
    this.#parts.onStatus();
  }

  /** What nobody tells us of. */
  async #look(firewall: Firewall): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#isDisposed) return;
      try {
        if (this.#failure !== null) await this.#fill(firewall);
        else if (this.#isMade && !(await firewall.isIntact())) await this.#restore(firewall);
        const before = this.status;
        this.#inForce();
        if (this.#isMade) await this.#lookAtOurs(firewall);
        if (this.#dropped !== before.dropped || this.status.blocked !== before.blocked) this.#parts.onStatus();
      } catch (error) {
        this.#parts.journal.warn("blocks not looked after", { failure: errorText(error) });
      }
    });
  }

  async #lookAtOurs(firewall: Firewall): Promise<void> {
    await this.#refreshAllowed(firewall);
    await this.#renewLong(firewall);
    const { blocked, ports, listed } = await firewall.readDropped();
    this.#dropped = blocked + ports + listed;
  }

  /** Only where the kernel's longest time-out is short. */
  async #renewLong(firewall: Firewall): Promise<void> {
    const { longestMs } = firewall;
    if (longestMs === null || performance.now() - this.#renewedAtMs < RENEW_MS) return;
    this.#renewedAtMs = performance.now();
    const soonUnixMs = this.#parts.now() + longestMs - 2 * RENEW_MS;
    const long = [...this.#parts.ledger.values()].filter(({ untilUnixMs }) => (untilUnixMs ?? 0) > soonUnixMs);
    if (long.length > 0) await firewall.block(this.#targets.wanted(long, this.#parts.now()));
  }

  /** Addresses of this host and of admins come and go. */
  async #refreshAllowed(firewall: Firewall): Promise<void> {
    const allowed = this.#parts.facts.allowed();
    const text = String(allowed.map(formatNetwork).sort());
    if (text === this.#allowed) return;
    await firewall.allow(allowed);
    this.#allowed = text;
  }

  #firewall(): Firewall {
    const { firewall } = this.#parts;
    if (firewall !== null) return firewall;
    throw new GarrisonError("GARRISON_CANNOT_BLOCK", this.#whyNoFirewall() ?? "");
  }

  #whyNoFirewall(): string | null {
    if (this.#parts.firewall !== null) return null;
    return `Cannot block: ${this.#failure ?? "no firewall can be had"}`;
  }

  #takeRate(requests: readonly BlockRequest[]): void {
    const count = requests.filter(({ by }) => !isByHand(by)).length;
    if (count === 0 || this.#ruleLimit.take(performance.now(), count)) return;
    throw new GarrisonError(
      "GARRISON_ACTION_REFUSED",
      `Cannot block: rules asked for more than ${RULE_BLOCKS} blocks within a minute; ask again later`,
    );
  }

  #context(): Parameters<typeof sortBlocks>[1] {
    const nowUnixMs = this.#parts.now();
    // A walk through all of them, which nobody is to wait for: those that are over go at the next look.
    if (this.#parts.ledger.size >= NEARLY_ALL_BLOCKS) this.#inForce();
    return {
      limits: this.#blockLimits(),
      adminPeers: (networks) => this.#parts.facts.adminPeers(networks),
      known: (action) => this.#parts.ledger.inForce(action, nowUnixMs),
      nowUnixMs,
      room: MAX_BLOCKS - this.#parts.ledger.size,
    };
  }

  #blockLimits(): BlockLimits {
    const kept = this.#parts.facts.protected;
    if (this.#limits?.kept !== kept) this.#limits = { kept, limits: new BlockLimits(kept) };
    return this.#limits.limits;
  }

  /** One append to the journal for the batch: what is done now, and what is not. @throws GarrisonError: nothing may be done then */
  #tellBlocks({ accepted, refused }: SortedBlocks): void {
    const entries: NewEntry[] = [];
    for (const by of new Set(accepted.map((block) => block.by))) {
      const blocks = accepted
        .filter((block) => block.by === by)
        .map((block) => ({ ...toStored(block), reason: block.reason }));
      entries.push(...entriesOf("blocks.begin", by, "blocks", blocks));
    }
    for (const by of new Set(refused.map(({ request }) => request.by))) {
      const some = refused
        .filter(({ request }) => request.by === by)
        .map(({ request: { action, network }, failure }) => ({ action, network, failure }));
      entries.push(...entriesOf("blocks.refused", by, "blocks", some));
    }
    if (entries.length > 0) this.#parts.journal.record(entries);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** What of a block is written down. */
function toStored({ action, network, ports, untilUnixMs }: StoredBlock): StoredBlock & JsonObject {
  return { action, network, ports, untilUnixMs };
}

/** Entries of the journal that together hold all items, each short enough for a line. */
function entriesOf(kind: string, by: string, key: string, items: readonly Json[]): NewEntry[] {
  const entries: Json[][] = [];
  let room = 0;
  for (const item of items) {
    const characters = JSON.stringify(item).length;
    if (characters > room) {
      entries.push([]);
      room = MAX_ENTRY_CHARACTERS;
    }
    entries.at(-1)!.push(item);
    room -= characters;
  }
  return entries.map((some) => ({ kind, by, ref: null, data: { [key]: some } }));
}
