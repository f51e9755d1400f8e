/**
 * Rules that an admin wrote, as JSON: shape, bounds, and the same lint that our own rules pass. Nothing of a file is used when one of its
 * rules is refused.
 */
import { GarrisonError } from "#src/lib/errors.ts";
import { type Check, list, nullable, number, object, oneOf, text } from "#src/wire/check.ts";
import type { RuleFile } from "../rule.ts";
import { lintRules } from "./rule-lint.ts";

const MAX_RULES = 200;
const MAX_SAMPLES = 50;
const MAX_PATTERN = 4096;
const MAX_LINE = 16_384;
/** Problems that are told at once. */
const MAX_TOLD = 5;

const name: Check<string> = (value, path) => {
  const checked = text(64)(value, path);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(checked))
    throw refused(`"${path}" is not a name of small letters, digits and dashes`);
  return checked;
};

const weight: Check<number> = (value, path) => {
  const checked = number(value, path);
  if (!(checked > 0 && checked <= 100))
    throw refused(`"${path}" is ${checked}, a number above 0 and up to 100 is wanted`);
  return checked;
};

const hit = object({
  address: optional(text(64)),
  user: optional(text(1024)),
  site: optional(text(1024)),
  detail: optional(text(1024)),
});

const rule = object({
  name,
  sentence: text(500),
  outcome: oneOf(["failure", "success", "probe", "count"]),
  counts: optional(oneOf(["mail-accepted"])),
  weight: optional(weight),
  pattern: text(MAX_PATTERN),
  flags: optional(oneOf(["", "i"])),
  literal: optional(text(256)),
  samples: list(object({ line: text(MAX_LINE), hit: nullable(hit) }), MAX_SAMPLES),
});

const ruleFile = object({
  service: name,
  sentence: text(500),
  sources: list(name, 50),
  format: oneOf(["syslog", "exim", "access", "apache-error", "nginx-error", "modsecurity", "cpanel", "plain"]),
  programs: optional(list(text(128), 100)),
  rules: list(rule, MAX_RULES),
});

/**
 * A rule file from an untrusted value of JSON, linted.
 * @throws GarrisonError `GARRISON_WIRE_MALFORMED` when it has another shape, `GARRISON_RULE_REFUSED` when a rule must not be used, with
 *   the reasons
 */
export function checkRuleFile(value: unknown): RuleFile {
  const checked = withoutUndefined(ruleFile(value, "rule file")) as RuleFile;
  const names = checked.rules.map((one) => one.name);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) throw refused(`"${checked.service}.${twice}" stands there twice`);
  const problems = lintRules(checked);
  if (problems.length === 0) return checked;
  const more = problems.length > MAX_TOLD ? `; and ${problems.length - MAX_TOLD} more` : "";
  throw refused(`${problems.slice(0, MAX_TOLD).join("; ")}${more}`);
}

function refused(reason: string): GarrisonError {
  return new GarrisonError("GARRISON_RULE_REFUSED", `Cannot use rules: ${reason}`);
}

function optional<T>(check: Check<T>): Check<T | undefined> {
  return (value, path) => (value === undefined ? undefined : check(value, path));
}

/** The value without the keys that were left out of it. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.map(([key, one]) => [key, withoutUndefined(one)]));
}
