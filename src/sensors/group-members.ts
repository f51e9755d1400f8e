/** Which paths of each pattern were told: the census of a sensor. Pure. */
import type { Census } from "#src/model/observation.ts";
import { MAX_PATHS } from "./path-list.ts";

// A census is one item of one frame (wire/frames.ts: 1 MiB, of which quotes and escapes take their part).
const MAX_GROUP_BYTES = 400 * 1024;

/** Paths by the pattern that names them. */
export class GroupMembers {
  readonly #groups: Map<string, Set<string>>;
  readonly #bytes = new Map<string, number>();
  #size = 0;

  constructor(groups: readonly string[]) {
    this.#groups = new Map(groups.map((group) => [group, new Set()]));
  }

  /** @returns `false` when there are too many, in all or in this group */
  add(path: string, group: string): boolean {
    const members = this.#groups.get(group);
    if (members === undefined || members.has(path)) return members !== undefined;
    const bytes = (this.#bytes.get(group) ?? 0) + sizeBytes(path);
    if (this.#size >= MAX_PATHS || bytes > MAX_GROUP_BYTES) return false;
    members.add(path);
    this.#bytes.set(group, bytes);
    this.#size++;
    return true;
  }

  delete(path: string, group: string): void {
    if (this.#groups.get(group)?.delete(path) !== true) return;
    this.#bytes.set(group, (this.#bytes.get(group) ?? 0) - sizeBytes(path));
    this.#size--;
  }

  /** All there is, group by group; a group without members has an empty one. */
  censuses(sensor: string, atUnixMs: number): Census[] {
    return [...this.#groups].map(([group, members]) => ({
      sensor,
      group,
      type: "census",
      keys: [...members],
      atUnixMs,
    }));
  }
}

function sizeBytes(path: string): number {
  return Buffer.byteLength(JSON.stringify(path)) + 1;
}
