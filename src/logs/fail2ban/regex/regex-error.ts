import { GarrisonError } from "#src/lib/errors.ts";

/** The error of the converter of regular expressions: `what` says what is, and what is wanted. */
export function regexError(what: string): GarrisonError {
  return new GarrisonError("GARRISON_FAIL2BAN_REGEX", `Cannot convert the regular expression: ${what}`);
}
