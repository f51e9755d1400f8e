/**
 * The warden: performs the actions of one fixed table and keeps the journal, as root. It takes nothing but what
 * wire/warden-messages.ts lists, parses nothing hostile, opens no network connection, and fails closed: what cannot be checked or
 * written down is not done.
 */
import type { ActionLimits } from "#src/actions/contract.ts";
import { ACTION_KINDS } from "#src/actions/table.ts";
import { parseWatchedPatterns } from "#src/actions/watched-paths.ts";
import { JournalWriter } from "#src/journal/writer.ts";
import { readGroupId } from "#src/linux/group-file.ts";
import type { Child } from "#src/processes/child.ts";
import { isMindPeer } from "#src/processes/peer.ts";
import type { WardenSettings } from "#src/processes/settings.ts";
import { ActionLedger } from "./ledger.ts";
import { MindServer } from "./mind-server.ts";
import { Performer } from "./performer.ts";
import { Requests } from "./requests.ts";
import { WardenJournal } from "./warden-journal.ts";

/**
 * Runs until the child is told to stop.
 * @throws GarrisonError when journal or ledger cannot be opened: the process must end, `up` starts another one
 */
export function runWarden(child: Child<WardenSettings>): void {
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
  const requests = new Requests(journal, performer);
  const server = new MindServer(child.listenFd, {
    isAllowed: (socket) => isMindPeer(socket, settings.mindUid),
    hello: () => ({ t: "hello", pid: process.pid, journal: journal.head, lastAction: ledger.lastNumber }),
    answer: (request) => requests.answer(request),
    onRefused: (reason) => child.log.warn("link to the mind ended", { reason }),
  });
  child.onStop(async () => {
    await server.close();
    writer[Symbol.dispose]();
  });
}
