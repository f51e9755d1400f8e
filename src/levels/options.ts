/** What the mind is told of levels. Types only. */

/** A hard limit. */
export interface LevelLimit {
  /** Name of a series; `*` and `?` stand for any text and any character. */
  readonly series: string;
  /** A value above it is told, whatever is ordinary. */
  readonly above: number;
}

/** For the mind. */
export interface LevelsOptions {
  readonly limits: readonly LevelLimit[];
}
