/** The rarest that was found about one value. Pure. */
import type { Stream } from "./layout.ts";

/** Why a value is worth a word. */
export type LevelReason = Stream | "silence" | "above-max" | "below-min";

/** Rarest so far; starts with nothing. */
export interface Finding {
  /** Negative decimal logarithm of the part of the past that was as far off. */
  rarity: number;
  reason: LevelReason | null;
  /** What the value was compared with. */
  compared: number;
  /** 98 of 100 distances are no larger; 0 when that is not known. */
  usualDistance: number;
}

/** Nothing yet. */
export function nothingFound(): Finding {
  return { rarity: 0, reason: null, compared: 0, usualDistance: 0 };
}
