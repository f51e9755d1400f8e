/** Exit codes of the command line: a stable contract (DESIGN section 6). */
export const EXIT = { done: 0, found: 1, wrongUse: 2, couldNot: 3 } as const;

/** Ends a command with an exit code and, unless it is empty, a message on standard error. */
export class Exit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message = "") {
    super(message);
    this.name = "Exit";
    this.exitCode = exitCode;
  }
}

/** Wrong use: exit code 2. */
export function wrongUse(message: string): Exit {
  return new Exit(EXIT.wrongUse, message);
}
