/**
 * Puts the blocks of the ledger into the kernel without a running Garrison: at boot, before the network is up, so that nobody who is
 * blocked gets a packet in. It writes nothing on the disk; the warden makes all anew when it starts.
 */
import { join } from "node:path";
import type { WardenBlockOptions } from "#src/blocks/options.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { openFirewall } from "#src/linux/open-firewall.ts";
import { BlockLedger } from "./block-ledger.ts";
import { BlockLists } from "./block-lists.ts";
import { BlockTargets } from "./block-targets.ts";
import { HostFacts } from "./host-facts.ts";
import { ListedNetworks } from "./listed-networks.ts";
import { BLOCKS_FOLDER, LISTS_FOLDER } from "./warden.ts";

/** What is in the kernel now. */
export interface RestoredBlocks {
  readonly backend: string;
  readonly blocked: number;
  readonly listed: number;
  /** Lines of the ledger and names of lists that could not be read. */
  readonly damaged: number;
}

/**
 * @param actionsFolder the warden's folder `actions` in the state folder; one that is not there has no blocks
 * @throws GarrisonError `GARRISON_CANNOT_BLOCK` when no firewall can be had, or of the kernel
 */
export async function restoreBlocks(actionsFolder: string, options: WardenBlockOptions): Promise<RestoredBlocks> {
  using ledger = BlockLedger.open(join(actionsFolder, BLOCKS_FOLDER), { readOnly: true });
  const lists = BlockLists.open(join(actionsFolder, LISTS_FOLDER), { readOnly: true });
  const { firewall, failure } = await openFirewall(options.backend);
  if (firewall === null) throw new GarrisonError("GARRISON_CANNOT_BLOCK", `Cannot restore the blocks: ${failure}`);
  using _open = firewall;
  const nowUnixMs = Date.now();
  ledger.forgetEnded(nowUnixMs);
  const targets = new BlockTargets();
  for (const block of ledger.values()) targets.add(block);
  const blocked = targets.wanted(ledger.values(), nowUnixMs);
  using facts = new HostFacts(options);
  await firewall.replace({ allowed: facts.allowed(), blocked });
  const listed = new ListedNetworks(lists);
  await listed.load(firewall, (step) => step());
  const damaged = ledger.damage.lines + lists.damaged.length;
  return { backend: firewall.kind, blocked: ledger.size, listed: listed.count, damaged };
}
