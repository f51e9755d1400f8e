/** What `garrison mail queue` prints: how much lies in each queue, and whose it is. */
import { formatDuration } from "#src/lib/duration.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import type { MailQueueEnd, ToldGroup } from "#src/mail/queue/messages.ts";
import { addSums, emptySums, type Grouping, type Sums } from "#src/mail/queue/tally.ts";
import type { OpenedQueue } from "#src/mail/spool/open-messages.ts";
import type { Blind, Spool } from "#src/mail/spool/walk.ts";
import type { Output } from "./output.ts";

/** A spool that was looked at. */
export interface LookedAt {
  readonly spool: Spool;
  /** `number`: by which its sums are told; `null`: it has no messages. */
  readonly queues: readonly (OpenedQueue & { readonly number: number | null })[];
  readonly blind: readonly Blind[];
}

/** All that was found. */
export interface MailQueues {
  readonly by: Grouping;
  readonly nowUnixMs: number;
  readonly spools: readonly LookedAt[];
  /** Of spools that could not be looked at. */
  readonly blind: readonly Blind[];
  readonly groups: readonly ToldGroup[];
  readonly end: MailQueueEnd;
  /** Postfix knows accounts by their number only. */
  readonly userNames: ReadonlyMap<number, string>;
}

const COLUMNS = ["messages", "frozen", "bounces", "recipients", "last hour"] as const;
const SHOWN_KEYS = 2;

/** @returns whether all could be read */
export function printMailQueues(found: MailQueues, output: Output): boolean {
  const problems = problemsOf(found);
  for (const { path, reason } of problems)
    process.stderr.write(`garrison: Cannot read "${path}": ${output.clean(reason)}\n`);
  if (output.isJson) printJson(found, output);
  else printText(found, output);
  return problems.length === 0;
}

function problemsOf({ spools, blind }: MailQueues): Blind[] {
  return [...blind, ...spools.flatMap((one) => [...one.blind, ...one.queues.flatMap((queue) => queue.blind)])];
}

function printJson({ by, nowUnixMs, spools, blind, groups, end, userNames }: MailQueues, output: Output): void {
  output.jsonLines(
    groups.map(({ type, key, uid, scripts, senders, clients, ...sums }) => ({
      by,
      type,
      key: type === "account" ? accountName(key, uid, userNames) : key,
      uid,
      ...sumsJson(sums, nowUnixMs),
      scripts,
      senders,
      clients,
    })),
  );
  const told = spools.map(({ spool, queues, blind: spoolBlind }) => ({
    mta: spool.mta,
    path: showRawPath(spool.path),
    ...sumsJson(sumOf(queues, end), nowUnixMs),
    messages: queues.every(({ isComplete }) => isComplete) && spoolBlind.length === 0 ? sum(queues) : null,
    queues: queues.map((queue) => ({
      queue: queue.queue,
      ...sumsJson(sumsOf(queue.number, end), nowUnixMs),
      messages: queue.isComplete ? present(queue) : null,
    })),
    blind: [...spoolBlind, ...queues.flatMap((queue) => queue.blind)].map(({ path, reason }) => ({ path, reason })),
  }));
  const unseen = blind.map(({ path, reason }) => ({ path: showRawPath(path), reason }));
  output.json({
    summary: { at: iso(nowUnixMs), spools: told, blind: unseen, malformed: end.malformed, groups: end.groups },
  });
}

function sumsJson({ oldestUnixMs, newestUnixMs, ...counts }: Sums, nowUnixMs: number): object {
  return {
    ...counts,
    oldestAt: iso(oldestUnixMs),
    oldestSeconds: oldestUnixMs === null ? null : Math.max(0, Math.round((nowUnixMs - oldestUnixMs) / 1000)),
    newestAt: iso(newestUnixMs),
  };
}

function printText(found: MailQueues, output: Output): void {
  const { spools, blind, end, nowUnixMs } = found;
  for (const one of spools) {
    const path = output.clean(showRawPath(one.spool.path), 300);
    output.line(`${output.style("bold", one.spool.mta)} ${path}: ${describeSpool(one, end, nowUnixMs)}`);
    const filled = one.queues.filter((queue) => queue.queue !== "" && (present(queue) > 0 || !queue.isComplete));
    for (const queue of filled)
      output.line(
        `  ${output.clean(queue.queue, 100).padEnd(10)} ${describe(sumsOf(queue.number, end), queue, nowUnixMs)}`,
      );
  }
  if (spools.length === 0 && blind.length === 0)
    output.line("no mail queue: neither Exim nor Postfix has a spool here");
  if (end.malformed > 0) output.line(`${count(end.malformed)} files are no message in a form that is known`);
  if (found.groups.length > 0) printGroups(found, output);
}

function describeSpool({ spool, queues, blind }: LookedAt, end: MailQueueEnd, nowUnixMs: number): string {
  const isComplete = blind.length === 0 && queues.every(({ isComplete: one }) => one);
  const whole = { messages: queues.reduce((total, one) => total + one.messages, 0), gone: 0, isComplete };
  const gone = queues.reduce((total, one) => total + one.gone, 0);
  return describe(sumOf(queues, end), { ...whole, gone }, nowUnixMs, spool.mta === "exim" ? "frozen" : "on hold");
}

function describe(
  sums: Sums,
  listed: Pick<OpenedQueue, "messages" | "gone" | "isComplete">,
  nowUnixMs: number,
  frozen = "",
): string {
  const messages = listed.messages - listed.gone;
  if (!listed.isComplete && messages === 0) return "blind";
  return [
    `${listed.isComplete ? "" : "at least "}${count(messages)} ${messages === 1 ? "message" : "messages"}`,
    ...(sums.frozen > 0 && frozen !== "" ? [`${share(sums.frozen, messages)} ${frozen}`] : []),
    ...(sums.bounces > 0 ? [`${share(sums.bounces, messages)} bounces`] : []),
    ...(sums.oldestUnixMs === null ? [] : [`oldest ${age(sums.oldestUnixMs, nowUnixMs)}`]),
    ...(messages === 0 ? [] : [`${count(sums.lastHour)} came within the hour`]),
  ].join(", ");
}

function printGroups({ by, groups, end, nowUnixMs, userNames }: MailQueues, output: Output): void {
  const width = Math.min(50, Math.max(24, ...groups.map((group) => output.clean(nameOf(group, userNames), 80).length)));
  output.line();
  output.line(
    output.style("dim", `${`by ${by}`.padEnd(width)} ${COLUMNS.map((name) => name.padStart(10)).join(" ")}  oldest`),
  );
  for (const group of groups) {
    const { messages, frozen, bounces, recipients, lastHour, oldestUnixMs } = group;
    const numbers = [messages, frozen, bounces, recipients, lastHour].map((value) => count(value).padStart(10));
    const oldest = oldestUnixMs === null ? "-" : age(oldestUnixMs, nowUnixMs);
    output.line(`${output.clean(nameOf(group, userNames), 80).padEnd(width)} ${numbers.join(" ")}  ${oldest}`);
    for (const [name, keys] of [
      ["scripts", group.scripts],
      ["senders", group.senders],
      ["clients", group.clients],
    ] as const) {
      if (keys.length === 0 || name === `${by}s` || name === `${group.type}s`) continue;
      const shown = keys
        .slice(0, SHOWN_KEYS)
        .map((one) => `${output.clean(senderName(one.key), 120)} (${count(one.messages)})`);
      output.line(output.style("dim", `  ${name} ${shown.join(", ")}`));
    }
  }
  if (end.groups > groups.length)
    output.line(output.style("dim", `and ${count(end.groups - groups.length)} more: --json has them`));
}

function nameOf({ type, key, uid }: ToldGroup, userNames: ReadonlyMap<number, string>): string {
  switch (type) {
    case "account":
      return accountName(key, uid, userNames);
    case "own":
      return "(the mail program itself)";
    case "none":
      return "(no script named)";
    case "unknown":
      return "(not known: too long)";
    case "others":
      return "(others)";
    case "client":
      return `from ${key}`;
    case "mailbox":
      return `mailbox ${key}`;
    default:
      return key === "" ? "<>" : key;
  }
}

function accountName(key: string, uid: number | null, userNames: ReadonlyMap<number, string>): string {
  return (uid !== null && key === `uid ${uid}` ? userNames.get(uid) : undefined) ?? key;
}

function senderName(key: string): string {
  return key === "" ? "<>" : key;
}

/** Without those that were gone when they were opened. */
function present({ messages, gone }: Pick<OpenedQueue, "messages" | "gone">): number {
  return messages - gone;
}

function sum(queues: readonly OpenedQueue[]): number {
  return queues.reduce((total, queue) => total + present(queue), 0);
}

function sumsOf(number: number | null, { queues }: MailQueueEnd): Sums {
  return (number === null ? undefined : queues[number]) ?? emptySums();
}

function sumOf(queues: LookedAt["queues"], end: MailQueueEnd): Sums {
  return queues.reduce((total, { number }) => addSums(total, sumsOf(number, end)), emptySums());
}

function share(part: number, whole: number): string {
  return `${count(part)} (${Math.round((100 * part) / Math.max(1, whole))} %)`;
}

function age(unixMs: number, nowUnixMs: number): string {
  return formatDuration(Math.max(0, nowUnixMs - unixMs));
}

function iso(unixMs: number | null): string | null {
  return unixMs === null ? null : new Date(unixMs).toISOString();
}

function count(value: number): string {
  return value.toLocaleString("en");
}
