/** Ends a `switch` over a union: compiles only when every member has its case. @throws TypeError when reached. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle value: ${JSON.stringify(value)} is not a member of its type`);
}
