/** Drills that are under way: what they stage is marked, and told to nobody as real. */
import { isDeepStrictEqual } from "node:util";
import type { Observation } from "#src/model/observation.ts";
import type { Subject } from "#src/model/subject.ts";

const LONGEST_DRILL_MS = 60_000;
const MAX_DRILLS = 16;

/** What `garrison drill` says that it is about to do. */
export interface Drill {
  readonly name: string;
  readonly subject: Subject;
  /** The process that will do it, itself or as a parent. */
  readonly pid: number;
}

/** The drills of this moment. */
export class Drills {
  readonly #drills = new Map<string, Drill & { readonly untilUnixMs: number }>();

  begin(drill: Drill, nowUnixMs: number): void {
    for (const [name, { untilUnixMs }] of this.#drills) if (untilUnixMs <= nowUnixMs) this.#drills.delete(name);
    if (this.#drills.size >= MAX_DRILLS) throw new RangeError(`Cannot begin drill: ${MAX_DRILLS} are under way`);
    this.#drills.set(drill.name, { ...drill, untilUnixMs: nowUnixMs + LONGEST_DRILL_MS });
  }

  end(name: string): void {
    this.#drills.delete(name);
  }

  /** The drill that staged this, or `null`: same subject, and the announced process where the actor is known. */
  match({ subject, who }: Observation, nowUnixMs: number): string | null {
    for (const drill of this.#drills.values()) {
      const isSubject = isDeepStrictEqual(drill.subject, subject);
      const isActor = who === null || who.pid === drill.pid || who.parents.some(({ pid }) => pid === drill.pid);
      if (nowUnixMs < drill.untilUnixMs && isSubject && isActor) return drill.name;
    }
    return null;
  }
}
