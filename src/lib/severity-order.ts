/** How severities compare. Pure. */
import { SEVERITIES, type Severity } from "#src/model/severity.ts";

/** 0 for the least grave. */
export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

/** Whether the first is graver. */
export function isGraver(one: Severity, other: Severity): boolean {
  return severityRank(one) > severityRank(other);
}

/** The graver of two. */
export function graverOf(one: Severity, other: Severity): Severity {
  return isGraver(other, one) ? other : one;
}
