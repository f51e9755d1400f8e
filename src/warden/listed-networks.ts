/**
 * Lists of networks: which of their networks may be blocked, and the way of the rest into the kernel, part by part in the background.
 */
import { GarrisonError } from "#src/lib/errors.ts";
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { Firewall } from "#src/linux/firewall.ts";
import {
  countNetworks,
  differenceOf,
  groupName,
  type PackedGroup,
  type PackedNetworks,
  packNetworks,
  slicesOf,
  unionOf,
} from "#src/linux/packed-networks.ts";
import type { BlockLimits } from "./block-limits.ts";
import { type BlockLists, MAX_LISTED } from "./block-lists.ts";

/** Networks that go to the kernel at once: 20 to 60 ms, between which others get their turn. */
const PART = 20_000;
const NONE: PackedNetworks = new Map();

/** Runs one step when its turn comes. */
export type InTurn = (step: () => Promise<void>) => Promise<void>;

/** A part of a list as the mind sends it. */
export interface ListPart {
  readonly name: string;
  /** 0 begins the list anew. */
  readonly part: number;
  readonly networks: readonly string[];
}

/** A list that has begun to come. */
interface Incoming {
  readonly name: string;
  readonly parts: PackedNetworks[];
  count: number;
  leftOut: number;
}

/** What lists say, and what the kernel has of it. */
export class ListedNetworks {
  readonly #lists: BlockLists;
  #wanted: PackedNetworks;
  #loaded: PackedNetworks = NONE;
  #incoming: Incoming | null = null;
  #loading: Promise<void> = Promise.resolve();
  /** Counts how often the kernel has lost it all: a load that is under way is useless then. */
  #generation = 0;

  constructor(lists: BlockLists) {
    this.#lists = lists;
    this.#wanted = lists.union;
  }

  /** Networks that the kernel drops, or will in a moment. */
  get count(): number {
    return countNetworks(this.#wanted);
  }

  /**
   * Keeps a part until {@link ListedNetworks.finish}. What is no network, and what the limits refuse, is left out. One list at a time.
   * @throws GarrisonError `GARRISON_ACTION_REFUSED` when it does not follow the part before, or the list has grown too long
   */
  add({ name, part, networks }: ListPart, limits: BlockLimits): void {
    if (part === 0) this.#incoming = { name, parts: [], count: 0, leftOut: 0 };
    const incoming = this.#incoming;
    if (incoming === null || incoming.name !== name || incoming.parts.length !== part) {
      throw refused(`Cannot take part ${part} of a list: it does not follow the part before; begin with part 0`);
    }
    const kept = networks.flatMap((text) => {
      const network = parseNetwork(text);
      return network !== null && limits.refusalOf(network, { isPrivateMeant: false }) === null ? [network] : [];
    });
    incoming.count += kept.length;
    incoming.leftOut += networks.length - kept.length;
    if (incoming.count > MAX_LISTED) {
      this.#incoming = null;
      throw refused(`Cannot take a list: it has more than ${MAX_LISTED} networks`);
    }
    incoming.parts.push(packNetworks(kept));
  }

  /** The whole list whose parts came. @returns its networks, each once, and how many were left out */
  finish(): { packed: PackedNetworks; leftOut: number } {
    const { parts, leftOut } = this.#incoming ?? { parts: [], leftOut: 0 };
    this.#incoming = null;
    return { packed: unionOf(parts), leftOut };
  }

  /** Replaces a list on the disk. @throws GarrisonError, Error of {@link BlockLists.put}: it is as before then */
  put(name: string, packed: PackedNetworks): void {
    this.#lists.put(name, packed);
    this.#wanted = this.#lists.union;
  }

  /** The kernel has nothing of it any more. */
  reset(): void {
    this.#loaded = NONE;
    this.#generation++;
  }

  /** Brings the kernel there, behind the loads that are under way. @throws GarrisonError when the kernel refuses a part */
  load(firewall: Firewall, inTurn: InTurn): Promise<void> {
    const load = this.#loading.then(() => this.#load(firewall, inTurn));
    this.#loading = load.catch(() => {});
    return load;
  }

  async #load(firewall: Firewall, inTurn: InTurn): Promise<void> {
    const generation = this.#generation;
    const wanted = this.#wanted;
    const removed = [...slicesOf(differenceOf(this.#loaded, wanted), PART)].map(asPacked);
    const added = [...slicesOf(differenceOf(wanted, this.#loaded), PART)].map(asPacked);
    const steps = [
      ...removed.map((part) => () => firewall.changeListed(NONE, part)),
      ...added.map((part) => () => firewall.changeListed(part, NONE)),
    ];
    for (const step of steps) {
      await inTurn(async () => {
        if (this.#generation === generation) await step();
      });
    }
    if (this.#generation === generation) this.#loaded = wanted;
  }
}

function asPacked(part: PackedGroup): PackedNetworks {
  return new Map([[groupName(part), part]]);
}

function refused(message: string): GarrisonError {
  return new GarrisonError("GARRISON_ACTION_REFUSED", message);
}
