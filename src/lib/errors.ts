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

// Deeper causes are left out: a chain may be a ring.
const MAX_CAUSES = 8;

/**
 * The message of anything thrown, with the messages of its causes behind it, at most 8. Of an AggregateError without a message
 * (Node gives one when no address of a host answers) the messages of its errors.
 */
export function errorText(error: unknown): string {
  return textOf(error, MAX_CAUSES);
}

function textOf(error: unknown, causesLeft: number): string {
  if (!(error instanceof Error)) return plainText(error);
  const message = plainText(error.message) || aggregatedText(error, causesLeft) || plainText(error.name);
  return error.cause === undefined || causesLeft === 0 ? message : `${message}: ${textOf(error.cause, causesLeft - 1)}`;
}

function aggregatedText(error: Error, causesLeft: number): string {
  if (!(error instanceof AggregateError) || causesLeft === 0) return "";
  return error.errors
    .slice(0, MAX_CAUSES)
    .map((one) => textOf(one, causesLeft - 1))
    .join("; ");
}

function plainText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value that has no text";
  }
}

/** The errno name of a system error (`"ENOENT"`), or `undefined`: other codes, such as `ERR_INVALID_ARG_TYPE`, are none. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return /^E(?!RR_)[A-Z0-9_]{1,30}$/.test(error.code) ? error.code : undefined;
}
