/**
 * Every kind of action that the warden performs: anything else is refused. Adding one is its folder, one line here and one in
 * plans.ts. They are loaded at start: a root process loads no code on the word of a request.
 */
import type { ActionKind } from "./contract.ts";
import { restoreFileAttributes } from "./restore-file-attributes/perform.ts";

/** The kinds, by name. */
export const ACTION_KINDS: ReadonlyMap<string, ActionKind> = new Map(
  [restoreFileAttributes as unknown as ActionKind].map((kind) => [kind.kind, kind]),
);
