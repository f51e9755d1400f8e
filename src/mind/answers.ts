/** What each request of a command is answered with. */

import { noSuchAlert } from "#src/judge/acceptances.ts";
import { cleanText } from "#src/lib/clean-text.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { idNumber } from "#src/store/id.ts";
import { unlessFull } from "#src/store/store.ts";
import type { ToMind } from "#src/wire/cli-messages.ts";
import { answerBlock, answerBlocks, answerLogs, answerReport, answerUnblock, answerWafHits } from "./block-answers.ts";
import { explainOrdinary } from "./explain-ordinary.ts";
import type { Mind } from "./mind.ts";
import type { Answerer, Conversation } from "./server.ts";

const MISSED_AT_ONCE = 100;
const MAX_OTHERS = 50;
// Half of the longest frame.
const MAX_OTHERS_BYTES = 512 * 1024;

type Of<T extends ToMind["t"]> = Extract<ToMind, { t: T }>;

/** The answers of one mind. */
export function answerer(mind: Mind): Answerer {
  return async (conversation) => {
    const { request, send } = conversation;
    switch (request.t) {
      case "status":
        await mind.refreshStatus();
        return send(mind.status());
      case "watch":
        return watch(mind, conversation, request);
      case "alerts":
        return conversation.sendAll(listAlerts(mind, request));
      case "explain":
        return explain(mind, conversation, request);
      case "ordinary":
        return ordinary(mind, conversation, request);
      case "accept":
        return accept(mind, conversation, request);
      case "actions":
        return sendAll(conversation, mind.actions.list(request.limit));
      case "act":
        return act(mind, conversation, request);
      case "undo":
        return send(json(await mind.engine.undo(request.action, author(mind, conversation))));
      case "block":
        return send(await answerBlock(mind, request, author(mind, conversation)));
      case "unblock":
        return sendAll(conversation, await answerUnblock(mind, request, author(mind, conversation)));
      case "levels":
        return sendAll(conversation, mind.levels?.describe() ?? []);
      case "blocks":
        return conversation.sendAll(answerBlocks(mind, request));
      case "blocks-report":
        return conversation.sendAll(answerReport(mind, request));
      case "logs":
        return sendAll(conversation, answerLogs(mind));
      case "waf-hits":
        return sendAll(conversation, await answerWafHits(mind, request));
      case "notify-test":
        return sendAll(conversation, await testNotifier(mind));
      case "doctor":
        await mind.refreshStatus();
        return send({
          config: mind.settings.effectiveConfig,
          source: mind.settings.configSource,
          status: mind.status(),
        });
      case "drill":
        return drill(mind, conversation, request);
    }
  };
}

/** Oldest first, read one by one. */
function* listAlerts(mind: Mind, { state, severity, kind, sinceUnixMs, limit }: Of<"alerts">): Generator<Json> {
  const ids = mind.alerts.listIds({
    limit,
    ...(state === null ? {} : { state }),
    ...(severity === null ? {} : { severity }),
    ...(kind === null ? {} : { kind }),
    ...(sinceUnixMs === null ? {} : { sinceUnixMs }),
  });
  for (const id of ids.toReversed()) {
    const alert = mind.alerts.get(id);
    if (alert !== null) yield json(alert);
  }
}

/** Stays open until the command goes. */
async function watch(mind: Mind, { send, sendAll, onClose }: Conversation, request: Of<"watch">): Promise<void> {
  const { afterAlert, sinceUnixMs } = request;
  send(mind.status());
  if (mind.isWatching) send({ event: "watching" });
  const after = afterAlert ?? (sinceUnixMs === null ? null : mind.alerts.lastNumberBefore(sinceUnixMs));
  if (after !== null) await sendMissed(mind, sendAll, after);
  const stop = mind.watchers.add(({ event, value }) => send({ event, ...(value as JsonObject) }));
  return untilClosed(onClose, stop);
}

/** As many as there are when the last of them was read: none is lost between these and the first that is told. */
async function sendMissed(mind: Mind, sendAll: Conversation["sendAll"], afterAlert: number): Promise<void> {
  for (let after = afterAlert; ; ) {
    const missed = mind.alerts.listAfter(after, MISSED_AT_ONCE);
    const last = missed.at(-1);
    if (last === undefined) return;
    await sendAll(missed.map((alert) => ({ event: "alert", type: "new", alert: json(alert) })));
    after = idNumber("a", last.id);
  }
}

async function explain(mind: Mind, { send }: Conversation, { alert: id }: Of<"explain">): Promise<void> {
  const alert = mind.alerts.get(id);
  if (alert === null) throw noSuchAlert(id);
  const others = mind.alerts.listIncident(alert.incident, MAX_OTHERS + 1).filter((other) => other.id !== id);
  send({ alert: json(alert), incident: fitting(others.slice(0, MAX_OTHERS).map(shortened), MAX_OTHERS_BYTES) });
}

/** What one line says of an alert. */
function shortened(alert: Alert): Json {
  const observed = cutText(alert.observed, 1000);
  return json({ ...alert, who: null, ordinary: "", observed, evidence: {}, next: [] });
}

function fitting(items: readonly Json[], maxBytes: number): readonly Json[] {
  let bytes = 0;
  return items.filter((item) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return bytes <= maxBytes;
  });
}

async function ordinary(mind: Mind, { sendAll }: Conversation, { sensor }: Of<"ordinary">): Promise<void> {
  const names = sensor === null ? [...mind.facts.keys()] : [sensor];
  for (const name of names) {
    const facts = mind.facts.get(name);
    if (facts === undefined) {
      const known = [...mind.facts.keys()].join(", ");
      throw new GarrisonError(
        "GARRISON_NO_SUCH_SENSOR",
        `Cannot tell what is ordinary for "${cleanText(name, 64)}": expected one of ${known}`,
      );
    }
    const learnMsOf = (group: string): number => mind.judge.learnMsOf(group);
    await sendAll(explainOrdinary(name, { facts, ordinary: mind.ordinary, learnMsOf, nowUnixMs: Date.now() }));
  }
}

function accept(mind: Mind, conversation: Conversation, { alert, forMs }: Of<"accept">): Promise<void> {
  const by = author(mind, conversation);
  const outcomes = mind.accept(alert, by, forMs ?? mind.settings.acceptForMs);
  return sendAll(
    conversation,
    outcomes.map((outcome) => outcome.alert),
  );
}

async function act(mind: Mind, conversation: Conversation, { kind, alert: id, forMs }: Of<"act">): Promise<void> {
  const alert = mind.alerts.get(id);
  if (alert === null) throw noSuchAlert(id);
  conversation.send(json(await mind.engine.act(kind, alert, author(mind, conversation), forMs)));
}

async function testNotifier(mind: Mind): Promise<readonly unknown[]> {
  if (mind.notifier !== null) return mind.notifier.test();
  throw new GarrisonError(
    "GARRISON_NOBODY_TO_TELL",
    'Cannot test: nobody is to be told; add a "notify" section to the configuration',
  );
}

/** Alerts that come of a drill, until the command ends it by going. */
function drill(mind: Mind, conversation: Conversation, { name, subject, pid }: Of<"drill">): Promise<void> {
  const { send, onClose } = conversation;
  mind.drills.begin({ name, subject, pid }, Date.now());
  const stop = mind.watchers.add(({ event, value }) => {
    const alert = event === "alert" ? ((value as JsonObject)["alert"] as JsonObject) : null;
    if (alert?.["drill"] === name) send(value);
  });
  unlessFull(() => mind.outbox.add("drill", author(mind, conversation), { name, subject: json(subject), pid }));
  send({ ready: true });
  return untilClosed(onClose, () => {
    stop();
    mind.endDrill(name);
  });
}

function untilClosed(onClose: Conversation["onClose"], run: () => void): Promise<void> {
  return new Promise((resolve) => {
    onClose(() => {
      run();
      resolve();
    });
  });
}

function author(mind: Mind, { uid }: Conversation): string {
  return `admin:${mind.users.nameOf(uid) ?? uid}`;
}

function sendAll(conversation: Conversation, items: readonly unknown[]): Promise<void> {
  return conversation.sendAll(items.map(json));
}

/** Our own types are JSON already. */
function json(value: unknown): Json {
  return value as Json;
}
