/**
 * The warden: performs the actions of one fixed table and keeps the journal, as root. It takes nothing but what
 * wire/warden-messages.ts lists, parses nothing hostile, opens no network connection, and fails closed: what cannot be checked or
 * written down is not done.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ActionLimits } from "#src/actions/contract.ts";
import { ACTION_KINDS } from "#src/actions/table.ts";
import { parseWatchedPatterns } from "#src/actions/watched-paths.ts";
import { JournalWriter } from "#src/journal/writer.ts";
import { errorText } from "#src/lib/errors.ts";
import { readGroupId } from "#src/linux/group-file.ts";
import { openFirewall } from "#src/linux/open-firewall.ts";
import type { Child } from "#src/processes/child.ts";
import { isMindPeer } from "#src/processes/peer.ts";
import type { WardenSettings } from "#src/processes/settings.ts";
import { BlockKeeper } from "./block-keeper.ts";
import { BlockLedger } from "./block-ledger.ts";
import { BlockLists } from "./block-lists.ts";
import { HostFacts } from "./host-facts.ts";
import { ActionLedger } from "./ledger.ts";
import { ListedNetworks } from "./listed-networks.ts";
import { MindServer } from "./mind-server.ts";
import { Performer } from "./performer.ts";
import { Requests } from "./requests.ts";
import { WardenJournal } from "./warden-journal.ts";

/** Folders below the actions folder. */
export const BLOCKS_FOLDER = "blocks";
export const LISTS_FOLDER = "blocks/lists";
/** How blocking stands is told at most so often. */
const STATUS_MS = 200;

/**
 * Runs until the child is told to stop.
 * The blocks of its ledger are in the kernel before it answers the first request.
 * @throws GarrisonError when journal or ledger cannot be opened: the process must end, `up` starts another one
 */
export async function runWarden(child: Child<WardenSettings>): Promise<void> {
  const { settings } = child;
  const limits: ActionLimits = {
    watchedFiles: parseWatchedPatterns(settings.watchedFiles),
    mindGid: settings.mindGid,
    groupId: (name) => readGroupId(name),
  };
  const writer = JournalWriter.open(settings.journalFolder, { gid: settings.mindGid });
  const journal = new WardenJournal(writer, child.log);
  const ledger = ActionLedger.open(settings.actionsFolder);
  const performer = new Performer({ journal, ledger, kinds: ACTION_KINDS, limits, now: () => Date.now() });
  const blockLedger = BlockLedger.open(join(settings.actionsFolder, BLOCKS_FOLDER));
  const lists = BlockLists.open(join(settings.actionsFolder, LISTS_FOLDER));
  tellDamage(journal, blockLedger, lists);
  const { firewall, failure } = await openFirewall(settings.blocks.backend);
  const facts = new HostFacts(settings.blocks);
  const web = settings.blocks.web
    ? new (await import("./web-deny.ts")).WebDeny({
        folder: settings.webFolder,
        // What the kernel does not drop, nobody denies.
        blocks: () => (firewall === null ? [] : blockLedger.values()),
        allowed: () => facts.allowed(),
        now: () => Date.now(),
        warn: (message, fields) => journal.warn(message, fields),
      })
    : null;
  if (web === null) await emptyWeb(settings.webFolder, journal);
  const keeper = new BlockKeeper({
    journal,
    ledger: blockLedger,
    listed: new ListedNetworks(lists),
    facts,
    firewall,
    failure,
    now: () => Date.now(),
    onStatus: () => {
      tellStatus();
      web?.change();
    },
  });
  const requests = new Requests(journal, performer, keeper);
  const server = new MindServer(child.listenFd, {
    isAllowed: (socket) => isMindPeer(socket, settings.mindUid),
    hello: () => [
      {
        t: "hello",
        pid: process.pid,
        journal: journal.head,
        lastAction: Math.max(ledger.lastNumber, blockLedger.lastNumber),
      },
      keeper.status,
    ],
    answer: (request) => requests.answer(request),
    onRefused: (reason) => child.log.warn("link to the mind ended", { reason }),
  });
  const tellStatus = gathered(() => server.tell(keeper.status));
  await keeper.start();
  const traffic = await countTraffic(journal, settings.traffic);
  web?.change();
  child.onStop(async () => {
    web?.[Symbol.dispose]();
    traffic?.[Symbol.dispose]();
    await server.close();
    await keeper[Symbol.asyncDispose]();
    facts[Symbol.dispose]();
    writer[Symbol.dispose]();
  });
}

/** Switched off, what is left of before is taken away. */
async function countTraffic(journal: WardenJournal, options: WardenSettings["traffic"]): Promise<Disposable | null> {
  const { endTrafficAccounting, TrafficAccounting } = await import("./traffic-accounting.ts");
  if (options === null) {
    endTrafficAccounting(journal);
    return null;
  }
  const traffic = new TrafficAccounting({ journal, options });
  traffic.start();
  return traffic;
}

/** Nothing is denied any more by files that nobody keeps. */
async function emptyWeb(folder: string, journal: WardenJournal): Promise<void> {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return;
  try {
    (await import("./web-deny.ts")).emptyWebDeny(folder);
  } catch (error) {
    journal.warn("blocks for the web server not emptied", { folder, failure: errorText(error) });
  }
}

/** What was damaged on the disk is passed over, and never silently. */
function tellDamage(journal: WardenJournal, { damage }: BlockLedger, { damaged }: BlockLists): void {
  if (damage.lines === 0 && damage.cutBytes === 0 && damaged.length === 0) return;
  journal.note("blocks.repaired", "warden", { ...damage, lists: damaged });
  journal.warn("blocks on the disk were damaged", { ...damage, lists: damaged });
}

/** Runs once for many calls of a moment. */
function gathered(run: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      run();
    }, STATUS_MS).unref();
  };
}
