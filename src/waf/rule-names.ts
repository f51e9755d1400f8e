/** What the audit logs are found by, in words: for `garrison logs rules` and the check of `disabledRules`. */

/** One name, and what is lost when it is switched off. */
export interface WafRuleName {
  readonly name: string;
  readonly sentence: string;
  /** Points of one request. */
  readonly points: string;
}

/** What a request is counted as. */
export const WAF_OUTCOMES: readonly WafRuleName[] = [
  { name: "modsecurity.intercepted", sentence: "A request that a rule has stopped.", points: "0.4 to 2" },
  { name: "modsecurity.detected", sentence: "A request that a rule has matched and let through.", points: "up to 0.4" },
  { name: "modsecurity.refused", sentence: "A request that was refused, without the rule.", points: "1 point" },
];

/** The forms of the log: without one its entries are not read at all. */
export const WAF_FORMS: readonly WafRuleName[] = [
  { name: "modsecurity.json", sentence: "Entries of JSON audit logs.", points: "a form" },
  { name: "modsecurity.serial", sentence: "Entries of serial audit logs.", points: "a form" },
  { name: "modsecurity.index", sentence: "The index of concurrent audit logs.", points: "a form" },
];
