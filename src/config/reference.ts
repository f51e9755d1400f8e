/** The reference of all settings, made from the schema: docs/reference/configuration.md. */
import type { Json } from "#src/model/json.ts";
import { loadSchema } from "./schema.ts";
import { alternatives, keysOf, type Shape, shapeOf } from "./shape.ts";

const PREAMBLE = `# Configuration

Garrison reads one YAML file, \`/etc/garrison/garrison.yaml\` or what \`--config\` or \`GARRISON_CONFIG\` names. It needs none: what is
not written has its default. A key that is not on this page is an error, and so is a number without its unit.
The file must belong to root, and only root may write to it. \`garrison doctor\` prints what is in force.

- **duration**: a text such as \`"15m"\` or \`"1h30m"\`; units ms, s, m, h, d, w.
- **size**: a text such as \`"200 MiB"\`; units KiB, MiB, GiB.
`;

/** Markdown of every key: its name, what it takes, its default and what it means. */
export async function describeConfig(): Promise<string> {
  return [PREAMBLE, ...describeSection(shapeOf(await loadSchema()), "")].join("\n");
}

function describeSection(shape: Shape, name: string): string[] {
  const keys = keysOf(shape);
  const settings = keys.filter(([, one]) => keysOf(one).length === 0);
  const sections = keys.filter(([, one]) => keysOf(one).length > 0);
  return [
    ...describeHeading(shape, name),
    ...(settings.length > 0 ? describeSettings(shape, settings) : []),
    ...sections.flatMap(([key, one]) => describeSection(one, name === "" ? key : `${name}.${key}`)),
  ];
}

function describeHeading(shape: Shape, name: string): string[] {
  if (name === "") return ["## Top level", ""];
  // A section without a default is off until it is written.
  const isOff = shape.default === undefined || shape.default === null;
  const sentences = [escapeCell(shape.description ?? ""), isOff ? "Left out, it is off." : ""];
  return [`## \`${name}\``, "", sentences.filter((one) => one !== "").join(". "), ""];
}

function describeSettings(section: Shape, settings: ReturnType<typeof keysOf>): string[] {
  const required = alternatives(section).flatMap((one) => one.required ?? []);
  const rows = settings.map(([key, shape]) => describeSetting(key, shape, required.includes(key)));
  return ["| key | takes | default | meaning |", "|---|---|---|---|", ...rows, ""];
}

function describeSetting(key: string, shape: Shape, isRequired: boolean): string {
  const standard = isRequired ? "none, must be written" : describeDefault(shape.default);
  return `| \`${key}\` | ${describeFormat(shape)} | ${standard} | ${escapeCell(shape.description ?? "")} |`;
}

function describeDefault(value: Json | undefined): string {
  if (value === undefined || value === null) return "nothing";
  return `\`${escapeCode(JSON.stringify(value))}\``;
}

function describeFormat(shape: Shape): string {
  const choices = alternatives(shape).filter(({ type }) => type !== "null");
  return choices.map(describeChoice).join(" or ");
}

function describeChoice(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.map((one) => describeDefault(one)).join(", ");
  if (shape.const !== undefined) return describeDefault(shape.const);
  switch (shape.type) {
    case "boolean":
      return "true or false";
    case "integer":
    case "number":
      return `${shape.type === "integer" ? "whole number" : "number"}${describeBounds(shape.minimum, shape.maximum)}`;
    case "array":
      return `list of ${shape.items === undefined ? "values" : describeFormat(shape.items)}${describeBounds(shape.minItems, shape.maxItems)}`;
    case "string":
      return describeText(shape);
    default:
      return "value";
  }
}

function describeText({ format, maxLength }: Shape): string {
  if (format === "email") return "mail address";
  if (format === "uri") return "URL";
  return format ?? `text${describeBounds(undefined, maxLength)}`;
}

function describeBounds(from: number | undefined, to: number | undefined): string {
  // Zod states the range of safe integers where the schema states none.
  const most = to === Number.MAX_SAFE_INTEGER ? undefined : to;
  const least = from === Number.MIN_SAFE_INTEGER ? undefined : from;
  if (least !== undefined && most !== undefined) return ` (${least} to ${most})`;
  if (most !== undefined) return ` (at most ${most})`;
  return least === undefined ? "" : ` (at least ${least})`;
}

function escapeCell(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|]/g, "\\$&").replaceAll("\n", " ");
}

function escapeCode(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("`", "'");
}
