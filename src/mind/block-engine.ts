/**
 * Blocks as the mind sees them: planned in the store and sent to the warden in the same tick, many at once. The kernel ends a block by
 * its own time-out; the mind only marks it. What has no outcome stays `planned` and is sent again at each meeting with a warden:
 * the warden does each action once.
 *
 * A crash behind the sending and before the commit: the warden blocks an action that the store does not know. Its number is never
 * given again (hello names the last), its lines are read again, and another action blocks the network once more: both end by themselves.
 */
import { cutText } from "#src/lib/cut-text.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { containsNetwork, formatNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import type { Action } from "#src/model/action.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { ActionStore } from "#src/store/action-store.ts";
import type { BlockRecord, BlockStore } from "#src/store/block-store.ts";
import { idNumber } from "#src/store/id.ts";
import { unlessFull } from "#src/store/store.ts";
import type { BlockRequest, BlockResult, WardenClient } from "./warden-client.ts";

/** The kind of these actions. */
export const BLOCK = "block";
const AT_ONCE = 500;
const MAX_REASON = 500;
/** Blocks around what is to be unblocked that are told. */
const MAX_NEAR = 8;

/** What the engine works with. */
export interface BlockEngineParts {
  readonly actions: ActionStore;
  readonly blocks: BlockStore;
  readonly warden: () => Pick<WardenClient, "block" | "unblock">;
  readonly now: () => number;
  /** What a warden did not do, with its reason. */
  onFailed(action: Action): void;
  /** A network was let go by hand. */
  onUnblocked(network: string): void;
}

/** A block to be planned. */
export interface WantedBlock {
  /** CIDR. */
  readonly network: string;
  /** Of ours; none: all. */
  readonly ports: readonly number[];
  /** `null`: for ever. */
  readonly untilUnixMs: number | null;
  readonly reason: string;
  /** `rule:NAME` or `admin:NAME`. */
  readonly by: string;
  readonly isPrivateMeant: boolean;
  readonly points: number;
}

/** Blocks and unblocks for one host. */
export class BlockEngine {
  readonly #parts: BlockEngineParts;
  /** The highest number that a warden may have heard of: a transaction that was undone must not give it again. */
  #sentUpTo = 0;

  constructor(parts: BlockEngineParts) {
    this.#parts = parts;
  }

  /**
   * Plans blocks and sends them. The caller runs it in the transaction that stores what they came of.
   * @returns the actions, `planned`, in order
   */
  plan(wanted: readonly WantedBlock[]): readonly Action[] {
    this.#parts.actions.startBehind(this.#sentUpTo);
    const actions = wanted.map((one) => this.#insertAction(one));
    this.#sentUpTo = Math.max(this.#sentUpTo, ...actions.map(({ id }) => idNumber("x", id)));
    for (let at = 0; at < actions.length; at += AT_ONCE) void this.#send(actions.slice(at, at + AT_ONCE));
    // Nothing of this is sent: the warden is at work meanwhile.
    for (const [index, action] of actions.entries()) this.#insertRecord(action, wanted[index]!);
    return actions;
  }

  /**
   * Plans one block, and waits for the warden.
   * @throws GarrisonError `GARRISON_ACTION_FAILED`, `GARRISON_WARDEN_AWAY`: then it is done as soon as there is one
   */
  async blockNow(wanted: WantedBlock, run: <T>(work: () => T) => T): Promise<Action> {
    const action = run(() => {
      this.#parts.actions.startBehind(this.#sentUpTo);
      const action = this.#insertAction(wanted);
      this.#insertRecord(action, wanted);
      return action;
    });
    this.#sentUpTo = Math.max(this.#sentUpTo, idNumber("x", action.id));
    return this.#expect(await this.#send([action]));
  }

  /**
   * Takes blocks away: one by its action, or all of exactly this network.
   * @param what `x17`, an address or a CIDR
   * @throws GarrisonError `GARRISON_NO_SUCH_ACTION`, `GARRISON_NOT_DONE`, `GARRISON_NOT_BLOCKED`, and those of {@link WardenClient.unblock}
   */
  async unblock(what: string, by: string): Promise<readonly Action[]> {
    const actions = this.#find(what);
    const results = await this.#parts.warden().unblock(
      actions.map(({ id }) => id),
      by,
    );
    const failures = new Map(results.map(({ action, failure }) => [action, failure]));
    const undone = actions.map((action) => {
      const failure = failures.get(action.id) ?? null;
      return this.#settle(action, failure === null ? { state: "undone", failure } : { failure });
    });
    for (const action of undone) if (action.state === "undone") this.#letGo(action);
    return undone;
  }

  /** Sends again what has no outcome: at each meeting with a warden. */
  async resume(): Promise<void> {
    const now = this.#parts.now();
    const planned = this.#parts.actions.inState("planned").filter(({ kind }) => kind === BLOCK);
    const isOver = ({ expiresAt }: Action): boolean => expiresAt !== null && Date.parse(expiresAt) <= now;
    unlessFull(() => {
      for (const action of planned.filter(isOver)) {
        this.#settle(action, { state: "expired" });
        this.#parts.blocks.fail(networkOf(action), action.id);
      }
    });
    const lasting = planned.filter((action) => !isOver(action));
    for (let at = 0; at < lasting.length; at += AT_ONCE) await this.#send(lasting.slice(at, at + AT_ONCE));
  }

  /** Marks what the kernel has ended. */
  expire(): void {
    const expired = this.#parts.actions.expired(this.#parts.now()).filter(({ kind }) => kind === BLOCK);
    for (const action of expired) this.#settle(action, { state: "expired" });
  }

  #insertAction({ network, ports, untilUnixMs, by, isPrivateMeant, reason }: WantedBlock): Action {
    return this.#parts.actions.insert({
      kind: BLOCK,
      subject: { type: "address", address: subjectOf(network) },
      reason: cutText(reason, MAX_REASON),
      by,
      at: new Date(this.#parts.now()).toISOString(),
      expiresAt: untilUnixMs === null ? null : new Date(untilUnixMs).toISOString(),
      state: "planned",
      plan: { network, ports, isPrivateMeant },
      undo: null,
      failure: null,
    });
  }

  #insertRecord({ id, reason, at }: Action, { network, untilUnixMs, by, points }: WantedBlock): void {
    const rule = by.startsWith("rule:") ? by.slice("rule:".length) : null;
    this.#parts.blocks.insert({ action: id, network, rule, points, reason, atUnixMs: Date.parse(at), untilUnixMs });
  }

  /** Never throws: what the outcome is not known of stays planned. @returns what is known of them behind it */
  async #send(actions: readonly Action[]): Promise<readonly Action[]> {
    if (actions.length === 0) return [];
    let results: readonly BlockResult[];
    try {
      results = await this.#parts.warden().block(actions.map(toRequest));
    } catch (error) {
      if (!hasFailed(error)) return actions;
      const failure = cutText(errorText(error), MAX_REASON);
      results = actions.map(({ id }) => ({ action: id, failure }));
    }
    const failures = new Map(results.map(({ action, failure }) => [action, failure]));
    return actions.map((action) => {
      const failure = failures.get(action.id);
      return failure === undefined ? action : this.#conclude(action, failure);
    });
  }

  #conclude(action: Action, failure: string | null): Action {
    // Behind the answer it may have been undone by hand, or expired.
    const now = this.#parts.actions.get(action.id) ?? action;
    if (now.state !== "planned") return now;
    const settled: Action = { ...now, state: failure === null ? "done" : "failed", failure };
    // Without room it stays planned, and is sent again.
    unlessFull(() => {
      this.#parts.actions.update(settled);
      if (failure !== null) this.#parts.blocks.fail(networkOf(settled), settled.id);
    });
    if (failure !== null) this.#parts.onFailed(settled);
    return settled;
  }

  #expect([action]: readonly Action[]): Action {
    if (action?.state === "done") return action;
    if (action?.state === "failed") throw new GarrisonError("GARRISON_ACTION_FAILED", action.failure ?? "Cannot block");
    throw new GarrisonError(
      "GARRISON_WARDEN_AWAY",
      `Cannot block now: the warden is away; ${action?.id} is planned and is done when it is back`,
    );
  }

  #find(what: string): readonly Action[] {
    const { actions, blocks, now } = this.#parts;
    if (/^x\d+$/.test(what)) return [this.#findAction(what)];
    const network = canonicalNetwork(what);
    const ids = network === null ? [] : blocks.actionsOf(network, now());
    const found = ids
      .flatMap((id) => actions.get(id) ?? [])
      .filter(({ state }) => state === "done" || state === "planned");
    if (found.length > 0) return found.slice(0, AT_ONCE);
    const why = network === null ? "it is no address and no network" : nearText(network, this.#near(network));
    throw new GarrisonError("GARRISON_NOT_BLOCKED", `Cannot unblock "${cutText(what, 64)}": ${why}`);
  }

  /** Blocks in force that hold the network, or lie in it. */
  #near(network: string): readonly BlockRecord[] {
    const { blocks, now } = this.#parts;
    return blocks.lasting(now()).filter((block) => isNear(block, network));
  }

  #findAction(id: string): Action {
    const action = this.#parts.actions.get(id);
    if (action?.kind !== BLOCK) {
      throw new GarrisonError(
        "GARRISON_NO_SUCH_ACTION",
        `Cannot unblock "${cutText(id, 40)}": no block has this id; garrison blocks lists them`,
      );
    }
    if (action.state !== "done" && action.state !== "planned") {
      throw new GarrisonError("GARRISON_NOT_DONE", `Cannot unblock ${id}: it is ${action.state} already`);
    }
    return action;
  }

  #letGo(action: Action): void {
    const network = networkOf(action);
    unlessFull(() => this.#parts.blocks.letGo(network, action.id, this.#parts.now()));
    this.#parts.onUnblocked(network);
  }

  #settle(action: Action, change: Partial<Pick<Action, "state" | "failure">>): Action {
    const settled = { ...action, ...change };
    this.#parts.actions.update(settled);
    return settled;
  }
}

/** An address or a CIDR as the store and the warden know it: IPv6 addresses as they are; `null` when it is neither. */
export function canonicalNetwork(text: string): string | null {
  const network = parseNetwork(text);
  return network === null ? null : formatNetwork(network);
}

function networkOf({ plan }: Action): string {
  return String(plan["network"]);
}

/** An address alone is shown without its length. */
function subjectOf(network: string): string {
  return network.replace(/\/32$|\/128$/, "");
}

/** Whether a block holds the network, or lies in it. */
function isNear(block: BlockRecord, network: string): boolean {
  const one = parseNetwork(block.network);
  const other = parseNetwork(network);
  return one !== null && other !== null && overlaps(one, other);
}

/** Which blocks hold the network or lie in it, and what is to be typed to have them away. */
function nearText(network: string, near: readonly BlockRecord[]): string {
  if (near.length === 0) return "it is not blocked; garrison blocks lists what is";
  const byNetwork = Map.groupBy(near, (block) => block.network);
  const isIn = (block: string): boolean => containsNetwork(parseNetwork(network)!, parseNetwork(block)!);
  const shown = [...byNetwork].slice(0, MAX_NEAR).map(([block, records]) => {
    const ids = records.map(({ action }) => action).join(", ");
    return `${block} (${ids}), which ${isIn(block) ? "lies in it" : "holds it"}`;
  });
  const more = byNetwork.size - shown.length;
  const blocked = [...shown, ...(more > 0 ? [`${more} more`] : [])].join("; ");
  const type = [...byNetwork.keys()].slice(0, MAX_NEAR).join(" ");
  return `no block is of exactly that; blocked is ${blocked}; to let that in: garrison unblock ${type}`;
}

function toRequest({ id, plan, expiresAt, reason, by }: Action): BlockRequest {
  const { network, ports, isPrivateMeant } = plan as JsonObject & { ports: number[] };
  return {
    action: id,
    network: String(network),
    ports,
    untilUnixMs: expiresAt === null ? null : Date.parse(expiresAt),
    reason,
    by: cutText(by, 256),
    isPrivateMeant: isPrivateMeant === true,
  };
}

/** Whether the warden said that it could not; of any other error the outcome is not known. */
function hasFailed(error: unknown): boolean {
  return error instanceof GarrisonError && error.code === "GARRISON_ACTION_FAILED";
}
