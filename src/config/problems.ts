/** What is wrong with a configuration, in words with lines: from the issues of zod to one error. Pure. */
import type { z } from "zod";
import { cleanText } from "#src/lib/clean-text.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { suggest } from "#src/lib/suggest.ts";
import type { Json } from "#src/model/json.ts";
import { isSecretKey, REDACTED, redact } from "./redact.ts";
import { isSection, keysOf, type Path, type Shape, shapeAt } from "./shape.ts";
import type { Problem, YamlText } from "./yaml-text.ts";

type Issue = z.core.$ZodIssue;

const MAX_SHOWN = 20;
const MAX_VALUE_LENGTH = 80;

/** The one error for all problems of a configuration: a line of text for each, in the order of the file. */
export function configError(path: string, problems: readonly Problem[], options?: ErrorOptions): GarrisonError {
  const ordered = problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const sentences = ordered.slice(0, MAX_SHOWN).map(({ line, text }) => {
    return `Cannot load "${cleanText(path)}"${line === null ? "" : ` line ${line}`}: ${text}`;
  });
  const more = ordered.length - sentences.length;
  return new GarrisonError(
    "GARRISON_CONFIG",
    [...sentences, ...(more > 0 ? [`(${more} more)`] : [])].join("\n"),
    options,
  );
}

/** The problems behind the issues of zod. */
export function describeIssues(issues: readonly Issue[], file: YamlText, shape: Shape): Problem[] {
  return issues.flatMap((issue) => describeIssue(issue, [], file, shape));
}

function describeIssue(issue: Issue, around: Path, file: YamlText, shape: Shape): Problem[] {
  const path: Path = [...around, ...(issue.path as (string | number)[])];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => describeUnknown(path, key, file, shape));
  if (issue.code === "invalid_union") {
    const meant = meantAlternative(issue.errors);
    if (meant !== undefined) return meant.flatMap((one) => describeIssue(one, path, file, shape));
  }
  const fault = wanted(issue);
  // A check of a whole section says by itself what is and what is wanted.
  const text = fault.startsWith("expected ")
    ? `${describeValue(valueAt(file.value, path), path)}, ${fault}`
    : `${describePlace(path)}: ${fault}`;
  return [{ line: file.lineOf(path), text }];
}

function describeUnknown(path: Path, key: string, file: YamlText, shape: Shape): Problem {
  const place = shapeAt(shape, path);
  const known = place === undefined ? [] : keysOf(place).map(([name]) => name);
  const text = `"${namePath([...path, key])}" is not known, ${nearKey(key, known)}`;
  return { line: file.lineOf([...path, key]), text };
}

function nearKey(key: string, known: readonly string[]): string {
  const near = suggest(key, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? "expected no key here" : `expected one of ${known.map((name) => `"${name}"`).join(", ")}`;
}

/** The alternative of a union that the admin had in mind: the only one whose kind of value was written. */
function meantAlternative(alternatives: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = alternatives.filter(
    (issues) => !issues.some(({ path, code }) => path.length === 0 && isOtherKind(code)),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

function isOtherKind(code: string): boolean {
  return code === "invalid_type" || code === "invalid_value";
}

/** Our own parsers throw "Cannot <act> <object>: expected ...": what they expected is the part that the admin needs here. */
function wanted(issue: Issue): string {
  if (issue.code === "invalid_union") {
    const choices = issue.errors.flat().map((one) => wanted(one).replace(/^expected /, ""));
    if (choices.length > 0) return `expected ${[...new Set(choices)].join(" or ")}`;
  }
  const start = issue.message.lastIndexOf(": expected ");
  return cleanText(start === -1 ? issue.message : issue.message.slice(start + 2), 500);
}

function describeValue(value: Json | undefined, path: Path): string {
  const name = describePlace(path);
  if (value === undefined) return `${name} is missing`;
  if (value === null) return `${name} is empty`;
  if (Array.isArray(value)) return `${name} is a list`;
  if (isSection(value)) return `${name} is a section`;
  if (path.length === 0) return `${name} is a ${typeof value === "string" ? "text" : typeof value}`;
  return `${name} is ${path.some(isSecretKey) ? REDACTED : showScalar(redact("", value))}`;
}

function describePlace(path: Path): string {
  return path.length === 0 ? "the file" : `"${namePath(path)}"`;
}

function showScalar(value: Json): string {
  return typeof value === "string" ? `"${cleanText(value, MAX_VALUE_LENGTH)}"` : String(value);
}

/** @example namePath(["sensors", "files", "paths", 2]) // "sensors.files.paths[2]" */
function namePath(path: Path): string {
  const steps = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${cleanText(step, MAX_VALUE_LENGTH)}`));
  return steps.join("").replace(/^\./, "");
}

function valueAt(value: Json, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string | number, Json>>)[step];
  }
  return at;
}
