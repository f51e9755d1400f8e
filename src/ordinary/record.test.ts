import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#src/model/json.ts";
import {
  acceptRecord,
  differingFields,
  isOrdinaryRecord,
  isSameLook,
  lookAtRecord,
  type RecordOutcome,
  type RecordState,
  unacceptRecord,
} from "./record.ts";

const AT = 1000;
const listed = { isListed: true, atUnixMs: AT, informative: ["mtime"] };
const unlisted = { ...listed, isListed: false };
const times = { firstAtUnixMs: 1, lastAtUnixMs: 2 };
const known = (ordinary: JsonObject | null, seen: JsonObject | null): RecordState => ({ ordinary, seen, ...times });

interface Row {
  readonly title: string;
  readonly outcome: RecordOutcome;
  readonly expected: Partial<RecordOutcome>;
}

const TABLE: readonly Row[] = [
  {
    title: "takes what is found before its group was listed as the baseline",
    outcome: lookAtRecord(null, { mode: "0644" }, unlisted),
    expected: {
      change: null,
      next: { ordinary: { mode: "0644" }, seen: { mode: "0644" }, firstAtUnixMs: AT, lastAtUnixMs: AT },
    },
  },
  {
    title: "tells what comes afterwards",
    outcome: lookAtRecord(null, { mode: "0644" }, listed),
    expected: {
      change: "created",
      next: { ordinary: null, seen: { mode: "0644" }, firstAtUnixMs: AT, lastAtUnixMs: AT },
    },
  },
  {
    title: "remembers nothing of a stranger that is not there",
    outcome: lookAtRecord(null, null, listed),
    expected: { change: null, next: null, isBack: false },
  },
  {
    title: "tells which compared fields differ from the last look",
    outcome: lookAtRecord(known({ mode: "0644", uid: 0 }, { mode: "0666", uid: 0 }), { mode: "0666", uid: 5 }, listed),
    expected: { change: "changed", fields: ["uid"], isBack: false },
  },
  {
    title: "is silent about what is only kept, and keeps the latest",
    outcome: lookAtRecord(
      known({ mode: "0644", mtime: 1 }, { mode: "0644", mtime: 1 }),
      { mode: "0644", mtime: 9 },
      listed,
    ),
    expected: {
      change: null,
      isBack: false,
      next: {
        ordinary: { mode: "0644", mtime: 9 },
        seen: { mode: "0644", mtime: 9 },
        firstAtUnixMs: 1,
        lastAtUnixMs: AT,
      },
    },
  },
  {
    title: "keeps what is only kept of an unusual look too, but not as ordinary",
    outcome: lookAtRecord(known({ mode: "0644" }, { mode: "0666", mtime: 1 }), { mode: "0666", mtime: 9 }, listed),
    expected: {
      change: null,
      isBack: false,
      next: { ordinary: { mode: "0644" }, seen: { mode: "0666", mtime: 9 }, firstAtUnixMs: 1, lastAtUnixMs: AT },
    },
  },
  {
    title: "says that a thing is back to its ordinary look",
    outcome: lookAtRecord(known({ mode: "0644" }, { mode: "0666" }), { mode: "0644" }, listed),
    expected: { change: null, isBack: true },
  },
  {
    title: "says deleted when it is gone",
    outcome: lookAtRecord(known({ mode: "0644" }, { mode: "0644" }), null, listed),
    expected: { change: "deleted", fields: [] },
  },
  {
    title: "says that a thing is back which was deleted and made again the same",
    outcome: lookAtRecord(known({ mode: "0644", mtime: 1 }, null), { mode: "0644", mtime: 2 }, listed),
    expected: { change: null, isBack: true },
  },
  {
    title: "says created when it was deleted and made again with another look",
    outcome: lookAtRecord(known({ mode: "0644" }, null), { mode: "0666" }, listed),
    expected: { change: "created", isBack: false },
  },
  {
    title: "forgets a thing that came and went again",
    outcome: lookAtRecord(known(null, { mode: "0644" }), null, listed),
    expected: { change: null, isBack: true, next: null },
  },
];

for (const { title, outcome, expected } of TABLE) {
  test(`lookAtRecord() ${title}`, () => assert.partialDeepStrictEqual(outcome, expected));
}

test("differingFields() does not depend on the order of keys, at any depth", () => {
  const one = { a: { x: 1, y: [1, { p: 1, q: 2 }] }, b: 2 };
  const other = { b: 2, a: { y: [1, { q: 2, p: 1 }], x: 1 } };
  assert.deepEqual(differingFields(one, other, []), []);
  assert.deepEqual(differingFields(one, { ...other, a: { x: 1, y: [{ q: 2, p: 1 }, 1] } }, []), ["a"]);
});

test("differingFields() tells a missing field from any value, also from null and from names that objects inherit", () => {
  assert.deepEqual(differingFields({ a: null }, {}, []), ["a"]);
  assert.deepEqual(differingFields({}, { toString: "x", constructor: "y" }, []), ["constructor", "toString"]);
  assert.deepEqual(differingFields({ a: "1" }, { a: 1 }, []), ["a"]);
});

test("acceptRecord() and unacceptRecord() remember nothing of what is neither there nor ordinary", () => {
  assert.equal(acceptRecord(known({ a: 1 }, null)), null);
  assert.equal(unacceptRecord(known(null, null), null), null);
  assert.deepEqual(unacceptRecord(known({ a: 2 }, { a: 2 }), { a: 1 }), known({ a: 1 }, { a: 2 }));
});

/** Small looks, so that they meet again; `note` is only kept. */
const look = fc.option(
  fc.record({ mode: fc.constantFrom("0644", "0666"), uid: fc.constantFrom(0, 1), note: fc.nat(3) }),
  { nil: null },
);
const moment = { isListed: true, atUnixMs: AT, informative: ["note"] };
const same = (one: JsonObject | null, other: JsonObject | null): boolean => isSameLook(one, other, ["note"]);

test("lookAtRecord() reports a change exactly when the compared fields differ from the last look and from the ordinary", () => {
  fc.assert(
    fc.property(look, fc.array(look), (baseline, looks) => {
      let state = lookAtRecord(null, baseline, { ...moment, isListed: false }).next;
      for (const now of looks) {
        const ordinary = state?.ordinary ?? null;
        const seen = state?.seen ?? null;
        const { next, change, isBack, fields } = lookAtRecord(state, now, moment);
        assert.equal(change !== null, !same(now, seen) && !same(now, ordinary));
        assert.equal(isBack, !same(now, seen) && same(now, ordinary));
        assert.equal(fields.length > 0, change === "changed");
        assert.ok(!fields.includes("note"));
        assert.deepEqual(next?.seen ?? null, now);
        state = next;
      }
    }),
  );
});

test("lookAtRecord() closes whatever was told once a thing looks as it ordinarily does", () => {
  fc.assert(
    fc.property(look, fc.array(look), (baseline, looks) => {
      let state = lookAtRecord(null, baseline, { ...moment, isListed: false }).next;
      let isTold = false;
      for (const now of [...looks, baseline]) {
        const { next, change, isBack } = lookAtRecord(state, now, moment);
        if (change !== null) isTold = true;
        if (isBack) isTold = false;
        state = next;
      }
      assert.equal(isTold, false);
    }),
  );
});

test("lookAtRecord() is silent about a look that was accepted, whatever is only kept", () => {
  fc.assert(
    fc.property(look, fc.array(look), fc.array(fc.nat()), (baseline, looks, notes) => {
      let state = lookAtRecord(null, baseline, { ...moment, isListed: false }).next;
      for (const now of looks) state = lookAtRecord(state, now, moment).next;
      const accepted = state?.seen ?? null;
      state = state === null ? null : acceptRecord(state);
      assert.ok(state === null || isOrdinaryRecord(state, ["note"]));
      for (const note of notes) {
        const outcome = lookAtRecord(state, accepted === null ? null : { ...accepted, note }, moment);
        assert.partialDeepStrictEqual(outcome, { change: null, isBack: false });
        state = outcome.next;
      }
    }),
  );
});
