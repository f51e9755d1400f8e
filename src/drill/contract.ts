/** What a sensor's `drill.ts` gives to `garrison drill`. Types only. */

import type { Subject } from "#src/model/subject.ts";
import type { Canaries } from "#src/processes/folders.ts";

/** Where a drill takes place. */
export interface DrillPlace {
  /** Files of our own that nobody ordinarily touches. */
  readonly canaries: Canaries;
  /** A real watched file whose mode may be changed and put back; `null`: none was offered. */
  readonly realFile: string | null;
  /** Folder for notes of what must be put back should the drill be killed. */
  readonly runFolder: string;
}

/** A harmless version of an attack. */
export interface DrillPlan {
  /** Kebab-case, such as `listener-4444`. */
  readonly name: string;
  /** What it does, in words. */
  readonly sentence: string;
  /** The alert that must come of it. */
  readonly kind: string;
  /** What the alert will be about; `null`: this drill has no place here. */
  subject(place: DrillPlace): Subject | null;
  /** Does it. @returns what puts everything back */
  stage(place: DrillPlace): Promise<() => Promise<void>>;
}
