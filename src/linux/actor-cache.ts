/**
 * Actors of the last moments by pid. A burst of events by one process reads /proc once, and a process that ended right behind
 * its first event is still known at its second.
 * Cost of a hit: one readlink. Memory: at most 256 actors.
 */
import type { Actor } from "#src/model/actor.ts";
import { readActor, readExe } from "./proc.ts";

const MAX_ACTORS = 256;
const KEEP_MS = 1000;

/** Reads actors; one per sensor. */
export class ActorCache {
  readonly #entries = new Map<number, { actor: Actor; atMs: number }>();

  /** Who a process is now: an entry counts only while the process has ended or still runs the same program. */
  read(pid: number): Actor | null {
    const now = performance.now();
    const cached = this.#entries.get(pid);
    if (cached !== undefined && now - cached.atMs < KEEP_MS) {
      const exe = readExe(pid);
      if (exe === null || exe === cached.actor.exe) return cached.actor;
    }
    const actor = readActor(pid);
    this.#entries.delete(pid);
    if (actor !== null) this.#entries.set(pid, { actor, atMs: now });
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > MAX_ACTORS && oldest.value !== undefined) this.#entries.delete(oldest.value);
    return actor;
  }
}
