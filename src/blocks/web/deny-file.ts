/** A file that tells a web server whom to deny. Types, and its first line. */

/** The file, and what is not in it. */
export interface DenyFile {
  readonly text: string;
  /** Lines that deny. */
  readonly lines: number;
  readonly leftOut: readonly { readonly network: string; readonly why: string }[];
}

/** Bound of a file. */
export interface DenyFileOptions {
  readonly maxLines: number;
}

export const DENY_HEAD = "# Written by Garrison; changes are lost.\n";
