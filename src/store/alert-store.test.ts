import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { AlertState } from "#src/model/alert.ts";
import { SEVERITIES, type Severity } from "#src/model/severity.ts";
import { type AlertFilter, AlertStore, type NewAlert } from "./alert-store.ts";
import { idNumber } from "./id.ts";
import { fromKeyText, toKeyText } from "./key-text.ts";
import { OrdinaryStore } from "./ordinary-store.ts";
import { Store } from "./store.ts";

const START = Date.UTC(2026, 10, 3);
const MINUTE = 60_000;

function openAlerts(): { store: Store; alerts: AlertStore } & Disposable {
  const { store } = Store.open(":memory:", { maxBytes: 64 * 1024 * 1024 });
  return { store, alerts: new AlertStore(store, "web1"), [Symbol.dispose]: () => store[Symbol.dispose]() };
}

function alert(given: Partial<NewAlert> & { readonly atUnixMs?: number } = {}): NewAlert {
  const { atUnixMs = START, ...rest } = given;
  const at = new Date(atUnixMs).toISOString();
  return {
    incident: 1,
    sensor: "plain",
    kind: "plain.new",
    key: "k",
    severity: "medium",
    subject: { type: "account", name: "x" },
    who: null,
    ordinary: "nothing",
    observed: "something",
    evidence: { a: 1 },
    next: ["ls"],
    attack: ["T1000"],
    count: 1,
    at,
    firstAt: at,
    lastAt: at,
    state: "open",
    drill: null,
    ...rest,
  };
}

const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id);

describe("AlertStore", () => {
  test("gives back what was inserted, with its number and its host", () => {
    using place = openAlerts();
    const { key, incident, ...rest } = alert({ drill: "d" });
    const inserted = place.alerts.insert({ key, incident, ...rest });
    assert.deepEqual(inserted, { ...rest, id: "a1", incident: "i1", host: "web1" });
    assert.deepEqual(place.alerts.get("a1"), inserted);
    assert.equal(place.alerts.keyOf("a1"), "k");
  });

  test("writes back what may change", () => {
    using place = openAlerts();
    const inserted = place.alerts.insert(alert());
    const lastAt = new Date(START + MINUTE).toISOString();
    const changed = { ...inserted, severity: "high", state: "closed", count: 2, lastAt, observed: "more" } as const;
    place.alerts.update(changed);
    assert.deepEqual(place.alerts.get("a1"), changed);
  });

  test("never gives a number twice", () => {
    using place = openAlerts();
    place.alerts.insert(alert({ state: "closed" }));
    place.alerts.forgetOlder(START + 1);
    assert.equal(place.alerts.insert(alert()).id, "a2");
  });

  test("counts open alerts without those of drills", () => {
    using place = openAlerts();
    for (const given of [{}, { drill: "d" }, { state: "closed" as const }]) place.alerts.insert(alert(given));
    assert.equal(place.alerts.countOpen(), 1);
  });

  test("lists alerts behind a number, oldest first", () => {
    using place = openAlerts();
    for (let index = 0; index < 5; index++) place.alerts.insert(alert());
    assert.deepEqual(ids(place.alerts.listAfter(2, 2)), ["a3", "a4"]);
    assert.deepEqual(ids(place.alerts.listAfter(5, 2)), []);
    assert.equal(place.alerts.lastNumber, 5);
  });

  test("lists the first alerts of an incident", () => {
    using place = openAlerts();
    for (const incident of [1, 2, 1, 1]) place.alerts.insert(alert({ incident }));
    assert.deepEqual(ids(place.alerts.listIncident("i1", 2)), ["a1", "a3"]);
    assert.deepEqual(ids(place.alerts.listIncident("a1", 2)), []);
  });
});

describe("AlertStore.list()", () => {
  const all = [
    alert({ atUnixMs: START, severity: "low" }),
    alert({ atUnixMs: START + 3, severity: "critical", state: "closed", kind: "plain.gone" }),
    alert({ atUnixMs: START + 2, severity: "high", state: "accepted" }),
    alert({ atUnixMs: START + 2, severity: "medium" }),
  ];
  const CASES: readonly [title: string, filter: Partial<AlertFilter>, expected: readonly string[]][] = [
    ["everything, the latest first", {}, ["a2", "a4", "a3", "a1"]],
    ["at most so many", { limit: 2 }, ["a2", "a4"]],
    ["one state", { state: "open" }, ["a4", "a1"]],
    ["one kind", { kind: "plain.gone" }, ["a2"]],
    ["a kind that nothing has", { kind: "plain" }, []],
    ["from a severity on", { severity: "high" }, ["a2", "a3"]],
    ["since a moment, which counts", { sinceUnixMs: START + 2 }, ["a2", "a4", "a3"]],
    ["all of these", { state: "open", severity: "medium", kind: "plain.new", sinceUnixMs: START + 1 }, ["a4"]],
  ];
  for (const [title, filter, expected] of CASES) {
    test(`gives ${title}`, () => {
      using place = openAlerts();
      for (const one of all) place.alerts.insert(one);
      assert.deepEqual(place.alerts.listIds({ limit: 10, ...filter }), expected);
      assert.deepEqual(place.alerts.listIds({ limit: 10, ...filter }), expected);
    });
  }

  test("gives what a filter over all of them would, for any combination", () => {
    const state = fc.constantFrom<AlertState>("open", "accepted", "closed");
    const severity = fc.constantFrom<Severity>(...SEVERITIES);
    const given = fc.record({ state, severity, kind: fc.constantFrom("a", "b"), atUnixMs: fc.nat(5) });
    const filter = fc.record(
      { state, severity, kind: fc.constantFrom("a", "b"), sinceUnixMs: fc.nat(5) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(given, { maxLength: 12 }), filter, (alerts, wanted) => {
        using place = openAlerts();
        for (const one of alerts) place.alerts.insert(alert(one));
        const expected = alerts.filter(
          (one) =>
            (wanted.state === undefined || one.state === wanted.state) &&
            (wanted.kind === undefined || one.kind === wanted.kind) &&
            (wanted.severity === undefined ||
              SEVERITIES.indexOf(one.severity) >= SEVERITIES.indexOf(wanted.severity)) &&
            one.atUnixMs >= (wanted.sinceUnixMs ?? 0),
        );
        assert.equal(place.alerts.listIds({ limit: 100, ...wanted }).length, expected.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("AlertStore retention", () => {
  test("forgets what is over and old, never what is open", () => {
    using place = openAlerts();
    for (const state of ["open", "closed", "accepted"] as const) {
      for (const atUnixMs of [START, START + MINUTE]) place.alerts.insert(alert({ state, atUnixMs }));
    }
    assert.equal(place.alerts.forgetOlder(START + MINUTE), 2);
    assert.deepEqual(ids(place.alerts.listAfter(0, 10)), ["a1", "a2", "a4", "a6"]);
  });

  test("forgets so many at once, the oldest first", () => {
    using place = openAlerts();
    for (const atUnixMs of [START + 2, START + 1, START + 3]) place.alerts.insert(alert({ state: "closed", atUnixMs }));
    assert.equal(place.alerts.forgetOlder(START + 9, 2), 2);
    assert.deepEqual(ids(place.alerts.listAfter(0, 10)), ["a3"]);
  });

  test("forgets open alerts the least grave and oldest first, when there is room for nothing else", () => {
    using place = openAlerts();
    const severities = ["critical", "low", "high", "low"] as const;
    for (const [index, severity] of severities.entries())
      place.alerts.insert(alert({ severity, atUnixMs: START - index }));
    assert.equal(place.alerts.forgetLeastGrave(1), 1);
    assert.deepEqual(ids(place.alerts.listAfter(0, 10)), ["a1", "a2", "a3"]);
    assert.equal(place.alerts.forgetLeastGrave(2), 2);
    assert.deepEqual(ids(place.alerts.listAfter(0, 10)), ["a1"]);
  });

  test("forgets incidents that nothing belongs to", () => {
    using place = openAlerts();
    const incident = place.alerts.incidentOf(["t"], START, MINUTE);
    place.alerts.insert(alert({ incident, state: "closed" }));
    place.alerts.forgetTraits(START + 1);
    place.alerts.forgetOlder(START + 1);
    assert.equal(place.store.get("SELECT count(*) AS n FROM incident")?.["n"], 0);
  });

  test("keeps an incident that an alert may still join", () => {
    using place = openAlerts();
    const incident = place.alerts.incidentOf(["t"], START, MINUTE);
    place.alerts.forgetOlder(START + MINUTE);
    assert.equal(place.alerts.incidentOf(["t"], START + 1, MINUTE), incident);
  });
});

describe("AlertStore.incidentOf()", () => {
  test("finds the latest incident with any of the traits in the time, before or behind", () => {
    using place = openAlerts();
    const first = place.alerts.incidentOf(["a", "b"], START, MINUTE);
    assert.equal(place.alerts.incidentOf(["b", "c"], START + MINUTE, MINUTE), first);
    assert.equal(place.alerts.incidentOf(["c"], START, MINUTE), first);
    const second = place.alerts.incidentOf(["x"], START + MINUTE, MINUTE);
    assert.notEqual(second, first);
    assert.equal(place.alerts.incidentOf(["a", "x"], START + MINUTE, MINUTE), second);
    assert.notEqual(place.alerts.incidentOf(["b"], START + 9 * MINUTE, MINUTE), first);
  });

  test("takes hostile traits as they are", () => {
    using place = openAlerts();
    const nasty = ['"', "'", "\0", "\ud800", "%", "[]", "null"];
    const first = place.alerts.incidentOf(nasty, START, MINUTE);
    for (const trait of nasty) assert.equal(place.alerts.incidentOf([trait], START, MINUTE), first);
    assert.notEqual(place.alerts.incidentOf(["another"], START, MINUTE), first);
  });
});

describe("AlertStore acceptances", () => {
  const acceptance = { sensor: "plain", key: "\ud800", alert: "a7", expiresAtUnixMs: START, before: null };

  test("one for a thing: the latest", () => {
    using place = openAlerts();
    place.alerts.putAcceptance(acceptance);
    const later = { ...acceptance, alert: "a8", expiresAtUnixMs: START + 1, before: { mode: 1 } };
    place.alerts.putAcceptance(later);
    assert.deepEqual(place.alerts.acceptance("plain", "\ud800"), later);
    assert.equal(place.alerts.acceptance("plain", "\ud801"), null);
    assert.deepEqual(place.alerts.takeExpiredAcceptances(START), []);
    assert.deepEqual(place.alerts.takeExpiredAcceptances(START + 1), [later]);
    assert.deepEqual(place.alerts.takeExpiredAcceptances(START + 1), []);
  });

  test("end with a decision for ever", () => {
    using place = openAlerts();
    assert.equal(place.alerts.nextExpiryUnixMs(), null);
    place.alerts.putAcceptance(acceptance);
    assert.equal(place.alerts.nextExpiryUnixMs(), START);
    place.alerts.forgetAcceptance("plain", "\ud800");
    assert.equal(place.alerts.nextExpiryUnixMs(), null);
  });
});

describe("OrdinaryStore", () => {
  const thing = { sensor: "plain", group: "", key: "m", subject: { type: "account", name: "x" } as const };
  const member = {
    facts: {},
    standing: "unusual",
    how: "learnt",
    firstAtUnixMs: 1,
    lastAtUnixMs: 5,
    count: 1,
    isAway: true,
  } as const;

  test("forgets what is unusual and has left, so many at once, and nothing else", () => {
    using place = openAlerts();
    const ordinary = new OrdinaryStore(place.store);
    for (const key of ["a", "b", "c"]) ordinary.putMember({ ...thing, key }, member);
    ordinary.putMember({ ...thing, key: "there" }, { ...member, isAway: false });
    ordinary.putMember({ ...thing, key: "ordinary" }, { ...member, standing: "ordinary" });
    ordinary.putMember({ ...thing, key: "later" }, { ...member, lastAtUnixMs: 6 });
    assert.equal(ordinary.forgetLeft(6, 2), 2);
    assert.equal(ordinary.forgetLeft(6, 2), 1);
    assert.deepEqual(
      ordinary.members("plain").map(({ key }) => key),
      ["later", "ordinary", "there"],
    );
    assert.deepEqual(ordinary.sizeOf("plain"), { members: 3, records: 0 });
  });

  test("gives a group, a member and a record back as they were put", () => {
    using place = openAlerts();
    const ordinary = new OrdinaryStore(place.store);
    const group = { sinceUnixMs: START, latestUnixMs: START + 1, isScanned: true };
    ordinary.putGroup("plain", "g", group);
    ordinary.putMember(thing, member);
    const record = { ordinary: null, seen: { a: null }, firstAtUnixMs: 1, lastAtUnixMs: 2 };
    ordinary.putRecord(thing, record);
    assert.deepEqual(ordinary.group("plain", "g"), group);
    assert.deepEqual(ordinary.member("plain", "m"), { ...thing, ...member });
    assert.deepEqual(ordinary.record("plain", "m"), { ...thing, ...record });
    ordinary.putMember(thing, null);
    ordinary.putRecord(thing, null);
    assert.deepEqual(ordinary.sizeOf("plain"), { members: 0, records: 0 });
  });
});

test("idNumber() reads the number behind its own letter, and nothing else", () => {
  assert.equal(idNumber("a", "a17"), 17);
  for (const id of ["x17", "a017", "a", "17", "a-1", "a1.5", "a1e3", "a17 ", " a17", "a9999999999999999", ""]) {
    assert.equal(idNumber("a", id), 0, id);
  }
});

test("toKeyText() keeps any key apart from any other, as well-formed text", () => {
  const key = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(key, key, (one, other) => {
      assert.equal(fromKeyText(toKeyText(one)), one);
      assert.ok(toKeyText(one).isWellFormed());
      assert.equal(toKeyText(one) === toKeyText(other), one === other);
    }),
  );
  for (const text of ["\ud800", '"\ud800"', '"\\ud800"', '"', ""]) assert.equal(fromKeyText(toKeyText(text)), text);
});
