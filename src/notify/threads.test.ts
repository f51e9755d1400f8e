import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Alert } from "#src/model/alert.ts";
import { SEVERITIES } from "#src/model/severity.ts";
import type { ThreadOptions, ThreadsState } from "./draft.ts";
import type { IncidentMessage, LineMessage, Message, NotifyEvent } from "./message.ts";
import { HOUR, MINUTE, SAMPLE, START } from "./test-host.mts";
import { NO_THREADS, step } from "./threads.ts";

const SECOND = 1000;
const OPTIONS: ThreadOptions = {
  immediateFrom: "high",
  digestEveryMs: 24 * HOUR,
  updateEveryMs: 15 * MINUTE,
  maxPerHour: 20,
};

/** Drives the machine like the notifier does: wakes it when it asked to, and passes the state through JSON each time. */
class Driver {
  readonly options: ThreadOptions;
  readonly messages: Message[] = [];
  readonly lines: LineMessage[] = [];
  state: ThreadsState = NO_THREADS;
  nowUnixMs = START;
  nextAtUnixMs: number | null = null;

  constructor(options: Partial<ThreadOptions> = {}) {
    this.options = { ...OPTIONS, ...options };
  }

  tell(type: NotifyEvent["type"], alert: Partial<Alert>): void {
    this.#step([{ type, alert: { ...SAMPLE, ...alert }, atUnixMs: this.nowUnixMs }]);
  }

  pass(spanMs: number): void {
    const endUnixMs = this.nowUnixMs + spanMs;
    while (this.nextAtUnixMs !== null && this.nextAtUnixMs <= endUnixMs) {
      this.nowUnixMs = this.nextAtUnixMs;
      this.#step([]);
    }
    this.nowUnixMs = endUnixMs;
  }

  /** The messages since the last call. */
  take(): Message[] {
    return this.messages.splice(0);
  }

  #step(events: readonly NotifyEvent[]): void {
    const state = JSON.parse(JSON.stringify(this.state)) as ThreadsState;
    const result = step(state, { events, options: this.options }, this.nowUnixMs);
    assert.ok(result.nextAtUnixMs === null || result.nextAtUnixMs > this.nowUnixMs, "no busy waiting");
    this.state = result.state;
    this.messages.push(...result.messages);
    this.lines.push(...result.lines);
    this.nextAtUnixMs = result.nextAtUnixMs;
  }
}

function incidentMessage(message: Message | undefined): IncidentMessage {
  assert.ok(message?.type === "incident" || message?.type === "update");
  return message;
}

test("step() tells one cause in one message: alerts of two seconds, the gravest first", () => {
  const driver = new Driver();
  driver.tell("new", { id: "a1", severity: "high", kind: "file.content" });
  driver.pass(SECOND);
  driver.tell("new", { id: "a2", severity: "critical" });
  driver.tell("new", { id: "a3", severity: "low" });
  assert.deepEqual(driver.take(), []);
  driver.pass(SECOND);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  const message = incidentMessage(messages[0]);
  assert.equal(message.type, "incident");
  assert.equal(message.atUnixMs, START + 2 * SECOND);
  assert.equal(message.lead?.id, "a2");
  assert.deepEqual(message.others.map(({ id }) => id).toSorted(), ["a1", "a3"]);
  assert.deepEqual(message.headline, { severity: "critical", kind: "file.mode", about: "/etc/passwd" });
  assert.equal(driver.nextAtUnixMs, null);
});

test("step() tells later alerts of an incident in one update, not before updateEvery, with the ids of its thread", () => {
  const driver = new Driver();
  driver.tell("new", { id: "a1" });
  driver.pass(MINUTE);
  const first = incidentMessage(driver.take()[0]);
  driver.tell("new", { id: "a2", severity: "low" });
  driver.pass(MINUTE);
  driver.tell("new", { id: "a3" });
  driver.pass(12 * MINUTE);
  assert.deepEqual(driver.take(), []);
  driver.pass(2 * MINUTE);
  const update = incidentMessage(driver.take()[0]);
  assert.equal(update.type, "update");
  assert.equal(update.atUnixMs, first.atUnixMs + OPTIONS.updateEveryMs);
  assert.deepEqual(update.previousIds, [first.id]);
  assert.deepEqual([update.lead?.id, ...update.others.map(({ id }) => id)], ["a3", "a2"]);
  driver.tell("new", { id: "a4" });
  driver.pass(HOUR);
  const second = incidentMessage(driver.take()[0]);
  assert.deepEqual(second.previousIds, [first.id, update.id]);
});

test("step() does not tell a higher count, nor an alert it knows", () => {
  const driver = new Driver();
  driver.tell("new", { count: 1 });
  driver.pass(MINUTE);
  assert.equal(driver.take().length, 1);
  for (let count = 2; count < 200; count++) {
    driver.tell("repeat", { count });
    driver.tell("new", { count });
    driver.pass(MINUTE);
  }
  driver.pass(48 * HOUR);
  assert.deepEqual(driver.take(), []);
  assert.equal(driver.lines.length, 1);
});

test("step() tells in the thread, at its pace, when what an alert tells of has changed once more", () => {
  const driver = new Driver();
  driver.tell("new", { count: 1 });
  driver.pass(MINUTE);
  driver.take();
  for (let count = 2; count < 10; count++) driver.tell("update", { count });
  driver.pass(HOUR);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  assert.equal(incidentMessage(messages[0]).lead?.count, 9);
});

test("step() puts the latest count into a message that still waits", () => {
  const driver = new Driver();
  driver.tell("new", { count: 1 });
  driver.tell("repeat", { count: 9 });
  driver.pass(MINUTE);
  assert.equal(incidentMessage(driver.take()[0]).lead?.count, 9);
});

test("step() tells a higher severity, and what it was", () => {
  const driver = new Driver();
  driver.tell("new", { severity: "high" });
  driver.pass(MINUTE);
  driver.take();
  driver.tell("update", { severity: "critical" });
  driver.pass(HOUR);
  const update = incidentMessage(driver.take()[0]);
  assert.deepEqual([update.severity, update.severityBefore], ["critical", "high"]);
  driver.tell("repeat", { severity: "high" });
  driver.pass(HOUR);
  assert.deepEqual(driver.take(), []);
});

test("step() tells once that all of a told incident is closed", () => {
  const driver = new Driver();
  driver.tell("new", { id: "a1" });
  driver.tell("new", { id: "a2" });
  driver.pass(HOUR);
  driver.take();
  driver.tell("closed", { id: "a1", state: "closed" });
  driver.pass(HOUR);
  assert.deepEqual(driver.take(), [], "one of two is no news");
  driver.tell("closed", { id: "a2", state: "closed" });
  driver.tell("closed", { id: "a2", state: "closed" });
  driver.pass(48 * HOUR);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  const update = incidentMessage(messages[0]);
  assert.equal(update.isSettled, true);
  assert.deepEqual(update.states, { open: 0, accepted: 0, closed: 2 });
  assert.equal(update.lead, null);
});

test("step() tells an alert that was closed and is there again", () => {
  const driver = new Driver();
  driver.tell("new", {});
  driver.pass(HOUR);
  driver.tell("closed", { state: "closed" });
  driver.pass(HOUR);
  driver.take();
  driver.tell("update", { state: "open" });
  driver.pass(HOUR);
  const update = incidentMessage(driver.take()[0]);
  assert.equal(update.lead?.id, "a17");
  assert.equal(update.isSettled, false);
});

test("step() spreads the updates of an incident that goes on and on", () => {
  const driver = new Driver();
  for (let alert = 0; alert < 7 * 24 * 60; alert++) {
    driver.tell("new", { id: `a${alert}` });
    driver.pass(MINUTE);
  }
  assert.ok(driver.messages.length < 20, `${driver.messages.length} messages in a week of news each minute`);
  assert.ok(driver.messages.length > 10);
});

test("step() tells lesser alerts in one digest by kind with counts, and nothing when there are none", () => {
  const driver = new Driver();
  driver.pass(48 * HOUR);
  assert.equal(driver.nextAtUnixMs, null);
  for (let alert = 0; alert < 30; alert++) {
    driver.tell("new", { id: `a${alert}`, incident: `i${alert}`, severity: "medium", kind: "file.content" });
    driver.pass(MINUTE);
  }
  driver.tell("new", { id: "a90", incident: "i90", severity: "low", kind: "listener.gone" });
  driver.pass(23 * HOUR);
  assert.deepEqual(driver.take(), []);
  driver.pass(HOUR);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  const digest = messages[0];
  assert.ok(digest?.type === "digest");
  assert.deepEqual(
    digest.groups.map(({ kind, count, lines }) => [kind, count, lines.length]),
    [
      ["file.content", 30, 20],
      ["listener.gone", 1, 1],
    ],
  );
  driver.pass(72 * HOUR);
  assert.deepEqual(driver.take(), []);
});

test("step() takes what waits for the digest along when its incident becomes grave", () => {
  const driver = new Driver();
  driver.tell("new", { id: "a1", severity: "low" });
  driver.pass(HOUR);
  driver.tell("update", { id: "a1", severity: "medium" });
  driver.tell("new", { id: "a2", severity: "critical" });
  driver.pass(48 * HOUR);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  const message = incidentMessage(messages[0]);
  assert.equal(message.lead?.id, "a2");
  assert.deepEqual(
    message.others.map(({ id, severity }) => [id, severity]),
    [["a1", "medium"]],
  );
});

test("step() tells acceptances in the digest only, and no more of what waited", () => {
  const driver = new Driver();
  driver.tell("new", { id: "a1" });
  driver.pass(MINUTE);
  driver.take();
  driver.tell("new", { id: "a2" });
  driver.tell("accepted", { id: "a2", state: "accepted" });
  driver.tell("accepted", { id: "a1", state: "accepted" });
  driver.tell("new", { id: "a3", incident: "i3", severity: "low" });
  driver.tell("accepted", { id: "a3", incident: "i3", severity: "low", state: "accepted" });
  driver.pass(48 * HOUR);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  assert.ok(messages[0]?.type === "digest");
  assert.deepEqual(messages[0].groups, []);
  assert.deepEqual(
    messages[0].accepted.lines.map(({ id }) => id),
    ["a2", "a1", "a3"],
  );
});

test("step() never tells an alert of a drill", () => {
  const driver = new Driver();
  for (const type of ["new", "update", "closed", "accepted"] as const) driver.tell(type, { drill: "listener" });
  driver.pass(48 * HOUR);
  assert.deepEqual(driver.messages, []);
  assert.deepEqual(driver.lines, []);
  assert.deepEqual(driver.state.threads, []);
});

test("step() keeps to maxPerHour and tells the rest in one summary when there is room again", () => {
  const driver = new Driver({ maxPerHour: 5 });
  for (let incident = 0; incident < 17; incident++) {
    driver.tell("new", { id: `a${incident}`, incident: `i${incident}`, severity: "high" });
  }
  driver.pass(59 * MINUTE);
  assert.equal(driver.take().length, 5);
  driver.tell("new", { id: "a99", incident: "i16", severity: "critical" });
  driver.pass(2 * MINUTE);
  const messages = driver.take();
  assert.equal(messages.length, 1);
  const summary = messages[0];
  assert.ok(summary?.type === "summary");
  assert.deepEqual([summary.reason, summary.count, summary.alerts, summary.severity], ["limit", 12, 13, "critical"]);
  assert.equal(summary.lines.length, 12);
  driver.pass(48 * HOUR);
  assert.deepEqual(driver.take(), []);
});

test("step() keeps one message in ten for what is critical", () => {
  const driver = new Driver();
  for (let incident = 0; incident < 40; incident++) {
    driver.tell("new", { id: `a${incident}`, incident: `i${incident}`, severity: "high" });
  }
  driver.pass(MINUTE);
  assert.equal(driver.take().length, 18);
  driver.tell("new", { id: "a90", incident: "i90", severity: "critical" });
  driver.pass(MINUTE);
  assert.equal(incidentMessage(driver.take()[0]).incident, "i90");
});

test("step() is bounded: 5,000 incidents at once are some messages and one summary, and the state stays small", () => {
  const long = "x".repeat(100_000);
  const events = Array.from({ length: 5000 }, (_, index): NotifyEvent => {
    const alert = { ...SAMPLE, id: `a${index}`, incident: `i${index}`, observed: long, evidence: { diff: long } };
    return { type: "new", alert, atUnixMs: START };
  });
  const result = step(NO_THREADS, { events, options: OPTIONS }, START);
  assert.equal(result.state.threads.length, 1000);
  assert.equal(result.state.heldBack.count, 4800);
  assert.ok(JSON.stringify(result.state).length < 2_000_000, "state below 2 MB");
  const later = step(result.state, { events: [], options: OPTIONS }, START + 2 * SECOND);
  assert.equal(later.messages.length, 20);
  assert.equal(later.state.heldBack.count, 181);
});

test("step() goes on when the clock is set back: nothing twice, nothing delayed for more than its time", () => {
  const driver = new Driver();
  driver.tell("new", { id: "a1" });
  driver.pass(MINUTE);
  assert.equal(driver.take().length, 1);
  driver.nowUnixMs -= 365 * 24 * HOUR;
  driver.tell("new", { id: "a1" });
  driver.tell("new", { id: "a2" });
  driver.pass(15 * MINUTE);
  assert.equal(incidentMessage(driver.take()[0]).lead?.id, "a2");
});

const arbitraryEvent = fc.record({
  passMs: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 2 * HOUR })),
  type: fc.constantFrom("new", "new", "new", "update", "repeat", "closed", "accepted"),
  alert: fc.integer({ min: 0, max: 60 }),
  severity: fc.constantFrom(...SEVERITIES),
  isDrill: fc.boolean(),
});

test("property: no hour has more than maxPerHour messages, and every alert is told or waits", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryEvent, { maxLength: 120, size: "max" }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom<ThreadOptions["immediateFrom"]>("low", "high"),
      (events, maxPerHour, immediateFrom) => {
        const driver = new Driver({ maxPerHour, immediateFrom, digestEveryMs: 6 * HOUR });
        const told = new Set<string>();
        for (const { passMs, type, alert, severity, isDrill } of events) {
          driver.pass(passMs);
          const id = `a${alert}`;
          const drill = isDrill && alert % 5 === 0 ? "listener" : null;
          driver.tell(type as NotifyEvent["type"], { id, incident: `i${alert % 23}`, severity, drill });
          if (drill === null && (type === "new" || type === "update" || type === "repeat")) told.add(id);
        }
        assertLimit(driver.messages, maxPerHour);
        const { named, counted } = mentions(driver);
        const unnamed = [...told].filter((id) => !named.has(id));
        assert.ok(unnamed.length <= counted, `${unnamed} are nowhere`);
        for (const id of named) assert.ok(told.has(id), `${id} was not told of`);
      },
    ),
    { numRuns: 300 },
  );
});

function assertLimit(messages: readonly Message[], maxPerHour: number): void {
  for (const { atUnixMs } of messages) {
    const inHour = messages.filter((other) => other.atUnixMs >= atUnixMs && other.atUnixMs < atUnixMs + HOUR);
    assert.ok(inHour.length <= maxPerHour, `${inHour.length} messages within an hour, ${maxPerHour} may be`);
  }
}

/** Ids in messages and in what waits, and how many alerts are there by number only. */
function mentions({ messages, state }: Driver): { named: Set<string>; counted: number } {
  const named = new Set<string>();
  let counted = state.heldBack.alerts;
  const parts = [
    ...messages,
    { type: "digest" as const, ...state.digest },
    ...state.threads.flatMap(({ pending }) => (pending === null ? [] : [{ type: "incident" as const, ...pending }])),
  ];
  for (const part of parts) {
    if (part.type === "incident" || part.type === "update") {
      for (const { id } of [...(part.lead === null ? [] : [part.lead]), ...part.others]) named.add(id);
      counted += part.more;
    } else if (part.type === "digest") {
      for (const { lines, count } of [...part.groups, part.accepted]) {
        for (const { id } of lines) named.add(id);
        counted += count - lines.length;
      }
    } else if (part.type === "summary") counted += part.alerts;
  }
  return { named, counted };
}
