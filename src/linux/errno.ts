import { constants } from "node:os";

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The name of an errno number: `errnoName(13)` is `"EACCES"`; an unknown number is `"errno 999"`. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `errno ${number}`;
}
