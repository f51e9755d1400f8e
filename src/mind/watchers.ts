/** Who wants to be told as it happens: `up`, `alerts --follow`, drills. */
import type { Json } from "#src/model/json.ts";

/** One kind of thing that happens. */
export interface Happening {
  readonly event: "alert" | "status" | "watching";
  readonly value: Json;
}

/** Tells all who are subscribed. */
export class Watchers {
  readonly #watchers = new Set<(happening: Happening) => void>();

  /** @returns what ends the subscription */
  add(watcher: (happening: Happening) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** What one of them throws is no matter of the others: it is told no more. */
  tell(happening: Happening): void {
    for (const watcher of this.#watchers) {
      try {
        watcher(happening);
      } catch {
        this.#watchers.delete(watcher);
      }
    }
  }
}
