/** Ordinary sets: what exists on this host. Pure. */
import type { JsonObject } from "#src/model/json.ts";

/** What is remembered of one member. */
export interface Member {
  readonly facts: JsonObject;
  /** `ordinary`: learnt or accepted. `unusual`: seen, told, and accepted by nobody. */
  readonly standing: "ordinary" | "unusual";
  readonly how: "learnt" | "accepted";
  readonly firstAtUnixMs: number;
  readonly lastAtUnixMs: number;
  readonly count: number;
  /** `true` while it is not there. */
  readonly isAway: boolean;
}

/** What a sighting means. */
export interface SetOutcome {
  /** What to remember from now on; `null`: nothing, it was never there. */
  readonly next: Member | null;
  /**
   * `new`: not ordinary, and was not there before. `learnt`: taken in while learning. `again`: still not ordinary. `gone`, `left`:
   * an ordinary, an unusual member is away. `back`: an ordinary member has come back.
   */
  readonly change: "new" | "learnt" | "again" | "gone" | "left" | "back" | null;
}

/** What is known when a member is seen. */
export interface SetMoment {
  readonly isLearning: boolean;
  readonly atUnixMs: number;
}

/** A member is there. */
export function seeMember(known: Member | null, facts: JsonObject, { isLearning, atUnixMs }: SetMoment): SetOutcome {
  if (known === null) {
    const standing = isLearning ? "ordinary" : "unusual";
    const times = { firstAtUnixMs: atUnixMs, lastAtUnixMs: atUnixMs };
    const next: Member = { facts, standing, how: "learnt", ...times, count: 1, isAway: false };
    return { next, change: isLearning ? "learnt" : "new" };
  }
  const next = { ...known, facts, lastAtUnixMs: atUnixMs, count: known.count + 1, isAway: false };
  if (known.standing === "unusual") return { next, change: known.isAway ? "new" : "again" };
  return { next, change: known.isAway ? "back" : null };
}

/** A member is not there. An unusual one is remembered too: it can be accepted once it has left. */
export function missMember(known: Member | null): SetOutcome {
  if (known === null) return { next: null, change: null };
  const change = known.standing === "unusual" ? "left" : "gone";
  return { next: { ...known, isAway: true }, change: known.isAway ? null : change };
}

/** A member becomes ordinary by decision. */
export function acceptMember(known: Member): Member {
  return { ...known, standing: "ordinary", how: "accepted" };
}

/** An acceptance has run out. */
export function unacceptMember(known: Member): Member {
  return { ...known, standing: "unusual" };
}
