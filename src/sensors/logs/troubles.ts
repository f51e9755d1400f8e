/** Troubles of the reading of logs itself: silence is never read as health. */
import type { Verdict } from "#src/judge/contract.ts";
import { formatDuration } from "#src/lib/duration.ts";
import { formatSize } from "#src/lib/size.ts";
import type { JsonObject } from "#src/model/json.ts";

/** @param facts `trouble`: what kind; the rest by kind */
export function judgeTrouble(facts: JsonObject): Verdict | null {
  const { event: _, trouble, ...evidence } = facts;
  const common = { evidence, next: ["garrison logs"], attack: [] };
  switch (trouble) {
    case "silent":
      return {
        ...common,
        kind: "logs.silent",
        severity: "medium",
        ordinary: `something is found in the source ${facts["source"]} every ${formatDuration(Number(facts["medianMs"]))}`,
        observed: `nothing was found in it for ${formatDuration(Number(facts["silentMs"]))}: has its form changed, or is it written no more?`,
        attack: ["T1562"],
      };
    case "behind":
      return {
        ...common,
        kind: "logs.behind",
        severity: "medium",
        ordinary: "logs are read within a second",
        observed: `${formatSize(Number(facts["behindBytes"]))} of the source ${facts["source"]} wait to be read; they are read as fast as can be`,
      };
    case "rule-disabled":
      return {
        ...common,
        kind: "logs.rule-disabled",
        severity: "high",
        ordinary: `the rule ${facts["rule"]} is looked at`,
        observed: `the rule ${facts["rule"]} is not looked at any more: ${facts["reason"]}`,
        attack: ["T1562"],
      };
    default:
      return null;
  }
}
