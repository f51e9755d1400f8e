/** What every reader of CSF's files gives with its values. Types, and the bounds they share. */

/** A line of a file. */
export interface CsfPlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A line that could not be read: nothing of it was taken over. */
export interface CsfProblem {
  readonly place: CsfPlace;
  /** What is, and what is wanted. The line's own text is escaped. */
  readonly message: string;
}

/** What was read and understood, but has no counterpart in Garrison. */
export interface CsfLeftOut {
  readonly place: CsfPlace;
  /** The entry, escaped, at most 200 characters. */
  readonly text: string;
  readonly why: string;
}

/** Reads the files of the host, or of a copy of it. */
export interface CsfReader {
  /** The text of a file; `null` when there is none. @throws Error when it is there and cannot be read */
  read(path: string): string | null;
}

/** Longest file and longest line that are read. */
export const MAX_FILE_LENGTH = 32 * 2 ** 20;
export const MAX_LINE_LENGTH = 2048;
