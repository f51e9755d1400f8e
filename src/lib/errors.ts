/**
 * An error that a caller may react to. `code` is stable and listed in docs/reference/errors.md.
 * Messages follow "Cannot <act> <object>: <what is>, <what is wanted>".
 */
export class GarrisonError extends Error {
  readonly code: string;

  constructor(code: `GARRISON_${string}`, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "GarrisonError";
    this.code = code;
  }
}

/** The message of anything thrown, with the messages of its causes behind it. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`;
}

/** The errno name of a system error (`"ENOENT"`), or `undefined`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
