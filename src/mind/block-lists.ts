/** Block lists in the mind: what keeps them up to date is loaded only where there are some. */
import type { BlockListStatus, BlockListUpdater } from "#src/blocks/lists/updater.ts";
import type { BlockListOptions } from "#src/blocks/options.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Log } from "#src/processes/log.ts";
import { readValue, removeValue, writeValue } from "#src/store/outbox.ts";
import type { Store } from "#src/store/store.ts";
import type { FirewallStatus, WardenClient } from "./warden-client.ts";

const NAMES_KEY = "block-lists";
const BY = "garrison: list";

/** What the lists stand on. */
export interface BlockListParts {
  readonly lists: readonly BlockListOptions[];
  readonly store: Store;
  readonly warden: () => Pick<WardenClient, "putBlockList">;
  readonly log: Log;
}

/** The lists of one host. */
export class BlockLists implements AsyncDisposable {
  readonly #updater: BlockListUpdater;
  /** Whether the warden that is there now has said how many networks it has of lists. */
  #hasSaid = false;

  private constructor(updater: BlockListUpdater) {
    this.#updater = updater;
  }

  /** @returns `null` when none is configured, and none of an earlier configuration is to be taken away */
  static async open({ lists, store, warden, log }: BlockListParts): Promise<BlockLists | null> {
    const kept = readValue(store, NAMES_KEY);
    if (lists.length === 0 && !(Array.isArray(kept) && kept.length > 0)) return null;
    const { BlockListUpdater } = await import("#src/blocks/lists/updater.ts");
    const failures = new Map<string, string | null>();
    const updater = new BlockListUpdater({
      lists,
      store: {
        get: (key) => readValue(store, key),
        put: (key, value) => (value === null ? removeValue(store, key) : writeValue(store, key, value)),
      },
      put: (name, networks) => warden().putBlockList(name, networks, BY),
      onStatus: ({ name, failure }) => {
        if (failure !== null && failure !== failures.get(name))
          log.warn("a block list is not as its source has it", { list: name, failure });
        failures.set(name, failure);
      },
    });
    return new BlockLists(updater);
  }

  /** A warden is there: begins, or goes on at once with what could not be handed over. */
  onConnect(): void {
    this.#hasSaid = false;
    this.#updater.start();
  }

  /** A warden that has lost what it had is given it again: once a connection, since it may refuse all of it. */
  onFirewall({ listed }: Pick<FirewallStatus, "listed">): void {
    const isFirst = !this.#hasSaid;
    this.#hasSaid = true;
    if (isFirst && listed === 0 && this.#updater.status.some(({ networks }) => networks > 0)) this.#updater.handAgain();
  }

  /** For `garrison blocks`: its shape is checked by cli/block-text.ts. */
  describe(): readonly JsonObject[] {
    return this.#updater.status.map(describeList);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#updater[Symbol.asyncDispose]();
  }
}

function describeList(status: BlockListStatus): JsonObject {
  const { name, from, state, entries, networks, reservedCount, refusedCount, failure } = status;
  return {
    item: "list",
    name,
    from,
    state,
    entries,
    networks,
    reserved: reservedCount,
    refused: refusedCount,
    fetchedAt: isoOf(status.fetchedUnixMs),
    askedAt: isoOf(status.askedUnixMs),
    nextAt: isoOf(status.nextUnixMs),
    failure,
  };
}

function isoOf(unixMs: number | null): string | null {
  return unixMs === null ? null : new Date(unixMs).toISOString();
}
