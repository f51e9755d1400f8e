/** Names of errno(3) numbers, as node:os has them. No kernel interface of its own. */
import { constants } from "node:os";

// Of two names of one number the first counts: EAGAIN, not EWOULDBLOCK.
const NAMES = new Map(
  Object.entries(constants.errno)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

/** The name of an errno number: `errnoName(13)` is `"EACCES"`; an unknown number is `"errno 999"`. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `errno ${number}`;
}
