/** The tree of a Python regular expression. Types only. */

/** What matches one character: a class, or `.` with the flag that it was written under. */
export type ClassItem =
  /** A range of code points, one of them when both are equal. */
  | { readonly from: number; readonly to: number }
  /** `\d`, `\W` and the like. */
  | { readonly category: Category };

/** `d` digits, `w` word characters, `s` white space; upper case: all others. */
export type Category = "d" | "D" | "w" | "W" | "s" | "S";

/** Flags in force where a node was written. */
export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
  readonly ascii: boolean;
  readonly verbose: boolean;
}

/** A part of a regular expression. */
export type RegexNode =
  | { readonly type: "char"; readonly code: number; readonly ignoreCase: boolean }
  | { readonly type: "any"; readonly dotAll: boolean }
  | {
      readonly type: "class";
      readonly negated: boolean;
      readonly items: readonly ClassItem[];
      readonly ignoreCase: boolean;
      readonly ascii: boolean;
    }
  /** `^ $ \A \Z \b \B`, told apart by the flags. */
  | { readonly type: "at"; readonly where: Place; readonly ascii: boolean }
  | { readonly type: "concat"; readonly parts: readonly RegexNode[] }
  | { readonly type: "either"; readonly branches: readonly RegexNode[] }
  /** Captures as group `index`; `name` is `null` for one that is only numbered. */
  | { readonly type: "group"; readonly index: number; readonly name: string | null; readonly body: RegexNode }
  | { readonly type: "look"; readonly behind: boolean; readonly negated: boolean; readonly body: RegexNode }
  | { readonly type: "atomic"; readonly body: RegexNode }
  | {
      readonly type: "repeat";
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
      readonly body: RegexNode;
    }
  | { readonly type: "reference"; readonly index: number; readonly ignoreCase: boolean }
  | { readonly type: "condition"; readonly index: number; readonly yes: RegexNode; readonly no: RegexNode };

/** Where an assertion without characters holds. */
export type Place = "start" | "line-start" | "end" | "last-line-end" | "line-end" | "boundary" | "no-boundary";

/** A whole expression. */
export interface PythonRegex {
  readonly root: RegexNode;
  /** Names by the number of their group. */
  readonly names: ReadonlyMap<number, string>;
}

/** Matches nothing but the empty text. */
export const EMPTY: RegexNode = { type: "concat", parts: [] };
