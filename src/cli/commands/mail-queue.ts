import { closeSync } from "node:fs";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import { type LookedAt, printMailQueues } from "#src/cli/mail-queue-report.ts";
import { ProgressLine } from "#src/cli/progress-line.ts";
import { readFrames } from "#src/cli/read-frames.ts";
import { readUserNames } from "#src/cli/user-names.ts";
import { cleanText } from "#src/lib/clean-text.ts";
import { errnoOf } from "#src/lib/errors.ts";
import { toRawPath } from "#src/lib/raw-path.ts";
import { openPipe } from "#src/linux/pipe.ts";
import { Feeder } from "#src/mail/queue/feeder.ts";
import { type MailQueueEnd, mailQueueMessage, type ToldGroup } from "#src/mail/queue/messages.ts";
import type { Grouping } from "#src/mail/queue/tally.ts";
import { findSpools, usualSpools } from "#src/mail/spool/find-spools.ts";
import { MessageOpener, type OpenedQueue } from "#src/mail/spool/open-messages.ts";
import type { Blind, Spool } from "#src/mail/spool/walk.ts";
import { startReader } from "#src/up/start-reader.ts";

const JSON_GROUPS = 10_000;
const TEXT_GROUPS = 20;

/** Options of the command. */
export interface MailQueueOptions {
  /** @default "account" */
  readonly by: Grouping;
  /** A spool. @default those at the usual places */
  readonly spool?: string;
}

/**
 * `garrison mail queue`, also without a running garrison. Exit code 3 when a part of a spool cannot be read, or a spool was named and there
 * is none: what could be read is told all the same.
 */
export async function mailQueue(context: Context, { by, spool }: MailQueueOptions): Promise<void> {
  const { output, folders, root } = context;
  const paths = spool === undefined ? usualSpools(toRawPath(root)) : [toRawPath(resolve(spool))];
  const { spools, blind } = findSpools(paths);
  if (spool !== undefined && spools.length === 0 && blind.length === 0)
    throw new Exit(
      EXIT.couldNot,
      `Cannot read "${cleanText(spool)}": it is no mail spool, a folder with Exim's "input" or Postfix's "deferred" and "active" is wanted`,
    );
  const nowUnixMs = Date.now();
  const { looked, groups, end } =
    spools.length === 0
      ? { looked: [], groups: [], end: NOTHING }
      : await readSpools(
          spools,
          { by, nowUnixMs, maxGroups: output.isJson ? JSON_GROUPS : TEXT_GROUPS },
          folders.state,
        );
  const isComplete = printMailQueues(
    { by, nowUnixMs, spools: looked, blind, groups, end, userNames: readUserNames(root) },
    output,
  );
  if (!isComplete) throw new Exit(EXIT.couldNot);
}

const NOTHING: MailQueueEnd = { t: "end", queues: [], malformed: 0, groups: 0 };

interface Reading {
  readonly looked: readonly LookedAt[];
  readonly groups: readonly ToldGroup[];
  readonly end: MailQueueEnd;
}

/** Opens every message and has it read by a process without privileges. */
async function readSpools(
  spools: readonly Spool[],
  settings: { by: Grouping; nowUnixMs: number; maxGroups: number },
  stateFolder: string,
): Promise<Reading> {
  const pipe = openPipe();
  const running = startReader(
    { entry: "garrison-mail-queue", words: [], maxHeapMiB: 256, settings, fds: [pipe.readFd] },
    stateFolder,
  );
  closeSync(pipe.readFd);
  const looked = feedSpools(spools, pipe.writeFd);
  const { groups, end } = await readAnswer(running.messages);
  const failure = await running.ended();
  if (failure !== null || end === null)
    throw new Exit(
      EXIT.couldNot,
      `Cannot read the messages: the reader has ended (${cleanText(failure ?? "too early")})`,
    );
  return { looked, groups, end };
}

/** Blocks while the reader is behind. @returns what was listed, each queue with its number */
function feedSpools(spools: readonly Spool[], fd: number): LookedAt[] {
  const progress = new ProgressLine();
  const looked: LookedAt[] = [];
  let queues = 0;
  let messages = 0;
  try {
    for (const spool of spools) {
      const numbers = new Map<string, number>();
      const numberOf = (queue: string): number => {
        const number = numbers.get(queue) ?? queues++;
        numbers.set(queue, number);
        return number;
      };
      const feeder = new Feeder(fd, numberOf);
      const opener = new MessageOpener(spool, {
        place: () => feeder.place(),
        take: (head) => {
          feeder.take(head);
          if (++messages % 1000 === 0) progress.show(() => `${messages.toLocaleString("en")} messages`);
        },
      });
      opener.run();
      feeder.flush();
      looked.push({
        spool,
        queues: opener.queues.map((queue: OpenedQueue) => ({ ...queue, number: numbers.get(queue.queue) ?? null })),
        blind: opener.spoolBlind as readonly Blind[],
      });
    }
  } catch (error) {
    // The reader has ended: how, it is asked behind this.
    if (errnoOf(error) !== "EPIPE") throw error;
  } finally {
    closeSync(fd);
    progress.clear();
  }
  return looked;
}

async function readAnswer(stream: Readable): Promise<{ groups: ToldGroup[]; end: MailQueueEnd | null }> {
  const groups: ToldGroup[] = [];
  let end: MailQueueEnd | null = null;
  for await (const message of readFrames(stream, mailQueueMessage)) {
    if (message.t === "end") end = message;
    else if (groups.length < JSON_GROUPS) groups.push(...message.groups);
  }
  return { groups, end };
}
