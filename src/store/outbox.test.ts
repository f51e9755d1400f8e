import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#src/model/json.ts";
import { toWarden } from "#src/wire/warden-messages.ts";
import { Outbox, readValue, writeValue } from "./outbox.ts";
import { Store } from "./store.ts";

function openOutbox(): { store: Store; outbox: Outbox } & Disposable {
  const { store } = Store.open(":memory:", { maxBytes: 16 * 1024 * 1024 });
  return { store, outbox: new Outbox(store), [Symbol.dispose]: () => store[Symbol.dispose]() };
}

const kinds = (outbox: Outbox) => outbox.after(0, 1000).map(({ ref, kind }) => `${ref} ${kind}`);

/** Adds entries of these kinds. */
function add(outbox: Outbox, ...list: readonly string[]): void {
  for (const kind of list) outbox.add(kind, "garrison", {});
}

describe("Outbox", () => {
  test("gives entries in their order until they are confirmed", () => {
    using place = openOutbox();
    add(place.outbox, "one", "two", "three");
    assert.deepEqual(kinds(place.outbox), ["1 one", "2 two", "3 three"]);
    assert.deepEqual(
      place.outbox.after(1, 1).map(({ kind }) => kind),
      ["two"],
    );
    place.outbox.confirm(2);
    assert.deepEqual(kinds(place.outbox), ["3 three"]);
    assert.equal(place.outbox.size, 1);
  });

  test("never gives a number twice, also when all before it are confirmed", () => {
    using place = openOutbox();
    add(place.outbox, "one");
    place.outbox.confirm(1);
    add(place.outbox, "two");
    assert.deepEqual(kinds(place.outbox), ["2 two"]);
  });

  test("forgets with the transaction that it was added in", () => {
    using place = openOutbox();
    place.store.rehearse(() => add(place.outbox, "one"));
    assert.equal(place.outbox.size, 0);
    add(place.outbox, "two");
    assert.deepEqual(kinds(place.outbox), ["1 two"]);
  });

  test("gives as many as fit into a frame, and one at least", () => {
    using place = openOutbox();
    for (let index = 0; index < 10; index++) place.outbox.add("big", "garrison", { text: "x".repeat(10_000) });
    assert.equal(place.outbox.after(0, 100, 35_000).length, 3);
    assert.equal(place.outbox.after(0, 100, 10).length, 1);
    assert.equal(place.outbox.after(0, 2, 35_000).length, 2);
    assert.deepEqual(place.outbox.after(10, 100, 10), []);
  });

  test("drops the oldest when there is no room for them, and says so", () => {
    using place = openOutbox();
    add(place.outbox, "a", "b", "c", "d", "e");
    assert.equal(place.outbox.shrink(2), 3);
    assert.deepEqual(kinds(place.outbox), ["4 d", "5 e", "6 journal.dropped"]);
    assert.deepEqual(place.outbox.after(5, 1)[0]?.data, { dropped: 3 });
    assert.equal(place.outbox.shrink(10), 0);
  });
});

describe("Outbox.add() keeps from the warden what it would refuse", () => {
  const deep: JsonObject = { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } };
  const wide: JsonObject = { list: Array.from({ length: 600 }, () => 1) };
  const long: JsonObject = { text: "\x1b".repeat(20_000) };
  for (const [title, data] of Object.entries({ deep, wide, long })) {
    test(`data that is too ${title}`, () => {
      using place = openOutbox();
      place.outbox.add("k", "garrison", data);
      assert.deepEqual(place.outbox.after(0, 1)[0]?.data, { cut: true, bytes: JSON.stringify(data).length });
    });
  }

  test("a name of an admin that is too long", () => {
    using place = openOutbox();
    place.outbox.add("k", "x".repeat(300), {});
    assert.equal(place.outbox.after(0, 1)[0]?.by.length, 256);
  });

  test("any JSON that a fact may hold", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 8 })), (data) => {
        using place = openOutbox();
        place.outbox.add("k", "garrison", data as JsonObject);
        const entries = place.outbox.after(0, 100);
        assert.doesNotThrow(() => toWarden(JSON.parse(JSON.stringify({ t: "record", id: 1, entries })), "message"));
      }),
    );
  });
});

describe("Outbox.meet()", () => {
  test("of a new store and a new journal changes nothing", () => {
    using place = openOutbox();
    add(place.outbox, "one", "two");
    place.outbox.meet(0);
    add(place.outbox, "three");
    assert.deepEqual(kinds(place.outbox), ["1 one", "2 two", "3 three"]);
  });

  test("of a new store beside an old journal begins behind it, and loses nothing", () => {
    using place = openOutbox();
    add(place.outbox, "one", "two");
    place.outbox.meet(500);
    add(place.outbox, "three");
    assert.deepEqual(kinds(place.outbox), ["501 one", "502 two", "503 three"]);
  });

  test("of a new store whose numbers overlap those of the journal moves them without a clash", () => {
    using place = openOutbox();
    add(place.outbox, "a", "b", "c", "d");
    place.outbox.meet(2);
    assert.deepEqual(kinds(place.outbox), ["3 a", "4 b", "5 c", "6 d"]);
    add(place.outbox, "e");
    assert.equal(kinds(place.outbox).at(-1), "7 e");
  });

  test("of a new and empty store begins behind the journal", () => {
    using place = openOutbox();
    place.outbox.meet(500);
    add(place.outbox, "one");
    assert.deepEqual(kinds(place.outbox), ["501 one"]);
  });

  test("after a mind that died before the answer drops what the journal has", () => {
    using place = openOutbox();
    place.outbox.meet(0);
    add(place.outbox, "one", "two", "three");
    place.outbox.meet(2);
    assert.deepEqual(kinds(place.outbox), ["3 three"]);
  });

  test("of a journal that is younger than the store, because it was begun anew, keeps what waits", () => {
    using place = openOutbox();
    place.outbox.meet(0);
    add(place.outbox, "one", "two");
    place.outbox.confirm(2);
    add(place.outbox, "three");
    place.outbox.meet(0);
    assert.deepEqual(kinds(place.outbox), ["3 three"]);
  });

  test("of a store that was put back from a backup does not take its entries for those of the journal", () => {
    using place = openOutbox();
    place.outbox.meet(0);
    add(place.outbox, "one", "two");
    // Meanwhile the lost store had written up to 90.
    place.outbox.meet(90);
    add(place.outbox, "three");
    assert.deepEqual(kinds(place.outbox), ["91 one", "92 two", "93 three"]);
    place.outbox.meet(92);
    assert.deepEqual(kinds(place.outbox), ["93 three"]);
  });

  test("is a transaction of its own", () => {
    using place = openOutbox();
    assert.throws(() => place.store.transaction(() => place.outbox.meet(1)), /within a transaction/);
  });

  test("loses no entry and repeats no number, whatever the journal says", () => {
    const step = fc.oneof(
      fc.record({ is: fc.constant("add" as const) }),
      fc.record({ is: fc.constant("deliver" as const), count: fc.nat(3) }),
      fc.record({ is: fc.constant("restart" as const) }),
    );
    fc.assert(
      fc.property(fc.nat(20), fc.array(step), (first, steps) => {
        using place = openOutbox();
        // The journal takes what is above its highest number.
        let highest = first;
        const journal: string[] = [];
        let added = 0;
        place.outbox.meet(highest);
        for (const one of steps) {
          if (one.is === "add") add(place.outbox, `k${added++}`);
          else if (one.is === "restart") place.outbox.meet(highest);
          else {
            for (const { ref, kind } of place.outbox.after(0, one.count).filter((entry) => entry.ref > highest)) {
              journal.push(kind);
              highest = ref;
            }
          }
        }
        const waiting = place.outbox
          .after(0, 1000)
          .filter(({ ref }) => ref > highest)
          .map(({ kind }) => kind);
        assert.deepEqual(
          [...journal, ...waiting],
          Array.from({ length: added }, (_, index) => `k${index}`),
        );
      }),
    );
  });
});

test("readValue() gives null for a name that was never written, and the last of what was", () => {
  using place = openOutbox();
  assert.equal(readValue(place.store, "a"), null);
  writeValue(place.store, "a", 1);
  writeValue(place.store, "a", ["\ud800"]);
  assert.deepEqual(readValue(place.store, "a"), ["\ud800"]);
});
