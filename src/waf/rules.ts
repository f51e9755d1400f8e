/** The audit logs as rules of the log engine. Each rule keeps the state of one log: make one for each file. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { LineRule, LogHit } from "#src/logs/contract.ts";
import { detailOf, formatWafDetail } from "./detail.ts";
import type { WafEntry, WafSeverity } from "./entry.ts";
import { parseIndexLine } from "./index-line.ts";
import { parseJsonEntry } from "./json-entry.ts";
import { WAF_OUTCOMES } from "./rule-names.ts";
import { SerialAssembler } from "./serial.ts";

/**
 * All of one log. Serial logs need every line; the other two kinds are found by a text that no serial log has at that place.
 * @param disabled names of rules, or of what requests are counted as (rule-names.ts), that are not wanted
 */
export function wafRules(disabled: ReadonlySet<string>): LineRule[] {
  const rules = [wafJsonRule(), wafSerialRule(), wafIndexRule()].filter(({ name }) => !disabled.has(name));
  if (!WAF_OUTCOMES.some(({ name }) => disabled.has(name))) return rules;
  return rules.map((rule) => ({
    ...rule,
    conclude: (found, line) => [...rule.conclude(found, line)].filter((hit) => !disabled.has(hit.rule)),
  }));
}

/** Of the JSON audit log, both versions. */
export function wafJsonRule(): LineRule {
  return {
    name: "modsecurity.json",
    literals: ['{"transaction":'],
    search: ({ text }) => parseJsonEntry(text),
    conclude: (found) => hitsOf(found as WafEntry),
  };
}

/**
 * Of the serial audit log. It must see every line, so give it logs of this kind alone.
 * @param onDropped told of each entry that could not be taken
 */
export function wafSerialRule(onDropped: () => void = () => undefined): LineRule {
  const assembler = new SerialAssembler();
  let dropped = 0;
  return {
    name: "modsecurity.serial",
    literals: null,
    search: () => true,
    conclude: (_, { text }) => {
      const entry = assembler.push(text);
      for (; dropped < assembler.dropped; dropped++) onDropped();
      return entry === null ? [] : hitsOf(entry);
    },
  };
}

/**
 * Of the index of a concurrent audit log. The rules are in the entry's own file: what is told here is that the request was refused,
 * by 403 or 406, with no rule's id. Errors of the site, which are audited too, are no hits.
 */
export function wafIndexRule(): LineRule {
  return {
    name: "modsecurity.index",
    literals: [" md5:"],
    search: ({ text }) => parseIndexLine(text),
    conclude: (found) => {
      const { entry } = found as { entry: WafEntry };
      return entry.status === 403 || entry.status === 406 ? [toHit(entry, "modsecurity.refused", 1)] : [];
    },
  };
}

/** None when no rule matched: logs of errors hold those too. */
export function hitsOf(entry: WafEntry): LogHit[] {
  if (entry.rules.length === 0) return [];
  return [toHit(entry, entry.isIntercepted ? "modsecurity.intercepted" : "modsecurity.detected", weightOf(entry))];
}

function toHit(entry: WafEntry, rule: string, weight: number): LogHit {
  return {
    rule,
    service: "modsecurity",
    outcome: "probe",
    atUnixMs: entry.atUnixMs,
    address: entry.address,
    user: null,
    site: entry.site,
    detail: formatWafDetail(detailOf(entry)),
    weight,
    text: shownText(entry),
  };
}

/** The line itself has cookies, credentials and bodies in it, and that of a serial log says nothing. */
function shownText({ uniqueId, address, site, method, uri, status, isIntercepted, rules, score }: WafEntry): string {
  const names = rules.slice(0, 4).map(({ id, message }) => (message === "" ? id : `${id} "${message}"`));
  const outcome = `${status ?? "-"}${isIntercepted ? " stopped" : ""}${score === null ? "" : ` score ${score}`}`;
  const what = `${address ?? "-"} ${site ?? "-"} "${method} ${uri}" ${outcome} ${names.join(", ")}`;
  return `${cleanText(what.trimEnd(), 900)} [${uniqueId}]`;
}

// A rule without a severity that stops a request was written by somebody who meant it: as grave as an error.
const WEIGHT: Readonly<Record<WafSeverity | "none", number>> = {
  emergency: 2,
  alert: 2,
  critical: 2,
  error: 1,
  warning: 0.6,
  notice: 0.4,
  info: 0.4,
  debug: 0.4,
  none: 1,
};
/** An anomaly score of 5, at which CRS stops a request, is as grave as a critical rule. */
const SCORE_WEIGHT = 0.4;
const GRAVEST = 2;

/**
 * 0.4 to 2 for a request that was stopped, by its gravest rule or its anomaly score, whichever is more; a fifth of it for one that
 * was let through. At a limit of 5 points one false positive, or two, block nobody.
 */
export function weightOf(entry: WafEntry): number {
  const gravest = Math.max(...entry.rules.map(({ severity }) => WEIGHT[severity ?? "none"]), WEIGHT.notice);
  const weight = Math.max(gravest, Math.min((entry.score ?? 0) * SCORE_WEIGHT, GRAVEST));
  return entry.isIntercepted ? weight : weight / 5;
}
