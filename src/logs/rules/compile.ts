/** Makes of rules as data what the engine runs. */
import { canonicalAddress } from "#src/lib/ip-network.ts";
import type { LineRule, LineView, LogHit } from "../contract.ts";
import { literalsOf } from "../match/literals.ts";
import type { Rule, RuleFile } from "../rule.ts";

/** Longest text of a user, site or detail in a hit, in UTF-16 units. */
const MAX_TEXT = 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Rules in the order of the files. They share no state; a line may be found by rules of several files.
 * @throws SyntaxError when a pattern is no regular expression
 */
export function compileRules(files: readonly RuleFile[]): readonly LineRule[] {
  return files.flatMap((file) => file.rules.map((rule) => compileRule(file, rule)));
}

function compileRule(file: RuleFile, rule: Rule): LineRule {
  const flags = rule.flags ?? "";
  // "s": a dot takes a carriage return as well, by which names would hide otherwise.
  const pattern = new RegExp(rule.pattern, `s${flags}`);
  const seesProgram = programTest(file.programs);
  const name = `${file.service}.${rule.name}`;
  return {
    name,
    literals: rule.literal === undefined ? literalsOf(rule.pattern, flags) : [rule.literal],
    search: ({ text, messageAt, program }) =>
      seesProgram(program) ? pattern.exec(messageAt === 0 ? text : text.slice(messageAt)) : null,
    conclude: (found, line) => [hitOf(name, file.service, rule, found as RegExpExecArray, line)],
  };
}

/** Whether lines of a program are seen; a line that names none always is. */
function programTest(programs: readonly string[] | undefined): (program: string) => boolean {
  if (programs === undefined) return () => true;
  const names = new Set(["", ...programs]);
  const globs = programs.filter((one) => one.includes("*"));
  if (globs.length === 0) return (program) => names.has(program);
  const sources = globs.map((glob) => glob.split("*").map(RegExp.escape).join("[^ ]*"));
  const anyGlob = new RegExp(`^(?:${sources.join("|")})$`);
  return (program) => names.has(program) || anyGlob.test(program);
}

function hitOf(name: string, service: string, rule: Rule, { groups = {} }: RegExpExecArray, line: LineView): LogHit {
  return {
    rule: name,
    service,
    outcome: rule.outcome,
    atUnixMs: line.atUnixMs,
    address: groups["address"] === undefined ? null : readAddress(groups["address"]),
    user: readText(groups["user"]),
    site: readText(groups["site"]),
    detail: readText(groups["detail"]),
    weight: rule.weight ?? 1,
    ...(rule.counts === undefined ? {} : { counts: rule.counts }),
  };
}

/** `null` for a host name. The zone of a link-local address says which of our interfaces it came by: it is no part of the address. */
function readAddress(text: string): string | null {
  const percent = text.indexOf("%");
  return canonicalAddress(percent < 0 ? text : text.slice(0, percent));
}

/** Bytes as UTF-8 where they are that, else as they stand; `null` for none. */
function readText(latin1: string | undefined): string | null {
  if (latin1 === undefined || latin1 === "") return null;
  const cut = latin1.slice(0, MAX_TEXT);
  if (/^[\x00-\x7f]*$/.test(cut)) return cut;
  try {
    return UTF8.decode(Buffer.from(cut, "latin1"));
  } catch {
    return cut;
  }
}
