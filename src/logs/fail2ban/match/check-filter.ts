/** Tells the expressions of a filter that can be used from those that cannot. */
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import type { FilterSpec, RefusedRegex, RegexSpec } from "../spec.ts";
import { FailureRegex } from "./failure-regex.ts";

/** What a look at a filter found. */
export interface CheckedFilter {
  /** Without the expressions that are refused. */
  readonly spec: FilterSpec;
  readonly refused: readonly RefusedRegex[];
  /** Expressions that may match in the midst of a line: whoever writes part of a line may write such a match into it. */
  readonly unanchored: readonly RegexSpec[];
}

/**
 * Tries each expression. Without one of several failregexes a filter sees less, and that is told.
 * @throws GarrisonError GARRISON_FAIL2BAN_REGEX for the prefregex, or an ignoreregex: without it a filter would see more than is meant
 */
export function checkFilter(spec: FilterSpec): CheckedFilter {
  const { useDns } = spec;
  const prefregex = spec.prefregex === null ? null : new FailureRegex(spec.prefregex, { useDns });
  for (const one of spec.ignoreregex) new FailureRegex(one, { useDns });
  const refused: RefusedRegex[] = [];
  const unanchored: RegexSpec[] = [];
  const failregex = spec.failregex.filter((one) => {
    try {
      const regex = new FailureRegex(one, { useDns, multiLine: spec.maxLines > 1 });
      if (!regex.hasId && !prefregex?.hasId) {
        refused.push({ ...one, reason: "it names nothing that failed, <HOST> or another id is wanted" });
        return false;
      }
      if (!regex.converted.isAnchored && !prefregex?.converted.isAnchored) unanchored.push(one);
      return true;
    } catch (error) {
      if (!(error instanceof GarrisonError)) throw error;
      refused.push({ ...one, reason: reasonOf(error) });
      return false;
    }
  });
  return { spec: { ...spec, failregex }, refused, unanchored };
}

/** The reason alone: the place is told beside it. */
function reasonOf(error: GarrisonError): string {
  const { cause } = error;
  return errorText(cause instanceof GarrisonError ? cause : error).replace(
    /^Cannot convert the regular expression: /,
    "",
  );
}
