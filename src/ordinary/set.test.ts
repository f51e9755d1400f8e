import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { acceptMember, type Member, missMember, type SetOutcome, seeMember, unacceptMember } from "./set.ts";

const AT = 1000;
const learning = { isLearning: true, atUnixMs: AT };
const learnt = { isLearning: false, atUnixMs: AT };

const ordinary: Member = {
  facts: { a: 1 },
  standing: "ordinary",
  how: "learnt",
  firstAtUnixMs: 1,
  lastAtUnixMs: 2,
  count: 3,
  isAway: false,
};
const unusual: Member = { ...ordinary, standing: "unusual" };
const away = (member: Member): Member => ({ ...member, isAway: true });

interface Row {
  readonly title: string;
  readonly outcome: SetOutcome;
  readonly change: SetOutcome["change"];
  readonly next: Partial<Member> | null;
}

const TABLE: readonly Row[] = [
  {
    title: "seeMember() takes a newcomer in while learning",
    outcome: seeMember(null, { b: 2 }, learning),
    change: "learnt",
    next: {
      standing: "ordinary",
      how: "learnt",
      facts: { b: 2 },
      firstAtUnixMs: AT,
      lastAtUnixMs: AT,
      count: 1,
      isAway: false,
    },
  },
  {
    title: "seeMember() tells a newcomer afterwards",
    outcome: seeMember(null, {}, learnt),
    change: "new",
    next: { standing: "unusual", count: 1 },
  },
  {
    title: "seeMember() is silent about an ordinary member and keeps its latest facts",
    outcome: seeMember(ordinary, { b: 2 }, learnt),
    change: null,
    next: { facts: { b: 2 }, firstAtUnixMs: 1, lastAtUnixMs: AT, count: 4 },
  },
  {
    title: "seeMember() says that an ordinary member is back",
    outcome: seeMember(away(ordinary), {}, learnt),
    change: "back",
    next: { isAway: false, standing: "ordinary" },
  },
  {
    title: "seeMember() says that an unusual member is still there",
    outcome: seeMember(unusual, {}, learnt),
    change: "again",
    next: { standing: "unusual", count: 4 },
  },
  {
    title: "seeMember() tells an unusual member anew that had left",
    outcome: seeMember(away(unusual), {}, learnt),
    change: "new",
    next: { standing: "unusual", isAway: false, firstAtUnixMs: 1, count: 4 },
  },
  {
    title: "seeMember() does not take in while learning what was told already",
    outcome: seeMember(away(unusual), {}, learning),
    change: "new",
    next: { standing: "unusual" },
  },
  { title: "missMember() knows nothing of a stranger", outcome: missMember(null), change: null, next: null },
  {
    title: "missMember() tells an ordinary member that is gone",
    outcome: missMember(ordinary),
    change: "gone",
    next: { isAway: true },
  },
  { title: "missMember() tells it once", outcome: missMember(away(ordinary)), change: null, next: { isAway: true } },
  {
    title: "missMember() remembers an unusual member that left, so that it can still be accepted",
    outcome: missMember(unusual),
    change: "left",
    next: { isAway: true, standing: "unusual" },
  },
  {
    title: "missMember() says once that it left",
    outcome: missMember(away(unusual)),
    change: null,
    next: { isAway: true },
  },
];

for (const { title, outcome, change, next } of TABLE) {
  test(title, () => {
    assert.equal(outcome.change, change);
    if (next === null) assert.equal(outcome.next, null);
    else assert.partialDeepStrictEqual(outcome.next, next);
  });
}

test("acceptMember() makes it ordinary by decision, unacceptMember() takes that back", () => {
  assert.partialDeepStrictEqual(acceptMember(unusual), { standing: "ordinary", how: "accepted" });
  assert.equal(unacceptMember(acceptMember(unusual)).standing, "unusual");
});

const step = fc.oneof(
  fc.record({ is: fc.constant("see" as const), isLearning: fc.boolean() }),
  fc.record({ is: fc.constantFrom("miss" as const, "accept" as const, "unaccept" as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Runs a life of one member. */
function live(steps: readonly Step[]): { member: Member | null; changes: SetOutcome["change"][] } {
  let member: Member | null = null;
  const changes = steps.map((one, index): SetOutcome["change"] => {
    if (one.is === "accept" || one.is === "unaccept") {
      if (member !== null) member = one.is === "accept" ? acceptMember(member) : unacceptMember(member);
      return null;
    }
    const moment = { isLearning: "isLearning" in one && one.isLearning, atUnixMs: index };
    const { next, change } = one.is === "see" ? seeMember(member, {}, moment) : missMember(member);
    member = next;
    return change;
  });
  return { member, changes };
}

test("an accepted member is silent for as long as it stays", () => {
  fc.assert(
    fc.property(fc.array(step), fc.array(fc.boolean()), (before, sightings) => {
      const life = [...before, { is: "see" as const, isLearning: false }, { is: "accept" as const }];
      const { changes } = live([...life, ...sightings.map((isLearning) => ({ is: "see" as const, isLearning }))]);
      assert.deepEqual(
        changes.slice(life.length),
        sightings.map(() => null),
      );
    }),
  );
});

test("coming and going alternate: nothing is gone or left twice without having been there in between", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { changes } = live(steps);
      let isThere = false;
      for (const [index, change] of changes.entries()) {
        if (change === "gone" || change === "left") assert.equal(isThere, true);
        if (change === "back" || change === "learnt") assert.equal(isThere, false);
        if (steps[index]?.is === "see") isThere = true;
        if (steps[index]?.is === "miss") isThere = false;
      }
    }),
  );
});

test("a member that is neither learnt nor accepted is told at each of its comings", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("see" as const, "miss" as const)), (steps) => {
      const { changes } = live(steps.map((is) => (is === "see" ? { is, isLearning: false } : { is })));
      const comings = steps.filter((is, index) => is === "see" && steps[index - 1] !== "see").length;
      assert.equal(changes.filter((change) => change === "new").length, comings);
    }),
  );
});
