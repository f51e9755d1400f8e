/** An import of CSF as text for people, and as the section of garrison.yaml that it comes to. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import { formatDuration } from "#src/lib/duration.ts";
import type { CsfImport, CsfSettingReport } from "./import-csf.ts";
import type { CsfPlace } from "./place.ts";

// Bound of the configuration's schema.
const MAX_ALLOW = 1000;
const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** The section `blocks` of /etc/garrison/garrison.yaml. Each entry says where it comes from. Mode is always observe. */
export function renderCsfYaml(found: CsfImport): string {
  const lines = ["blocks:", "  mode: observe"];
  const allow = uniqueBy(found.allow, ({ network }) => network);
  lines.push(allow.length === 0 ? "  allow: []" : "  allow:");
  for (const { network, comment, place, wasForPorts } of allow.slice(0, MAX_ALLOW))
    lines.push(
      `    - ${JSON.stringify(network)} # ${whence(place)}${wasForPorts ? ", was for some ports" : ""}${tail(comment)}`,
    );
  if (allow.length > MAX_ALLOW)
    lines.push(`    # ${allow.length - MAX_ALLOW} more: at most ${MAX_ALLOW} are taken, put them into networks`);
  lines.push("  proxies: []");
  const policy = found.thresholds?.policy;
  if (policy !== undefined) {
    lines.push("  policy:", `    points: ${policy.points}`, `    within: ${durationOf(policy.withinMs)}`);
    lines.push(`    first: ${durationOf(policy.firstMs)}`, `    factor: ${policy.factor}`);
    lines.push(`    longest: ${durationOf(policy.longestMs)}`, `    networkAt: ${policy.networkAt}`);
  }
  lines.push(found.lists.length === 0 ? "  lists: []" : "  lists:");
  for (const { name, from, everyMs, maxEntries, place, wasHttp } of found.lists) {
    lines.push(
      `    - name: ${JSON.stringify(name)} # ${whence(place)}${wasHttp ? ", was http" : ""}${firstOf(maxEntries)}`,
    );
    lines.push(`      from: ${JSON.stringify(from)}`, `      every: ${durationOf(everyMs)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** What is taken over, what is not and why, and what could not be read. */
export function renderCsfText(found: CsfImport): string {
  const lines: string[] = [];
  const title = (text: string): unknown => lines.push(...(lines.length === 0 ? [] : [""]), text);
  title("Taken over");
  lines.push(`  ${count(found.allow.length, "address")} allowed: never blocked`);
  lines.push(
    `  ${count(found.blocks.length, "block")}, ${found.blocks.filter(({ untilUnixMs }) => untilUnixMs !== null).length} of them for a time`,
  );
  if (found.expired > 0) lines.push(`  ${count(found.expired, "entry", "entries")} whose time is over: passed over`);
  lines.push(`  ${count(found.lists.length, "list")} of addresses`);
  for (const { name, from, wasHttp } of found.lists)
    lines.push(
      `    ${name}  ${from}${wasHttp ? "  (was http, only https is fetched: try whether it is answered)" : ""}`,
    );
  if (found.thresholds === null) lines.push("  no csf.conf, so no thresholds");
  else lines.push(...thresholdLines(found.thresholds));
  for (const [name, ports] of Object.entries(found.openPorts))
    lines.push(`  ${name}: ${ports.join(" ")}  (Garrison closes no port)`);
  if (found.isTesting) lines.push("  TESTING is on: CSF blocked nobody for long");
  section(
    lines,
    "Not taken over: entries",
    found.leftOut.map(({ place, text, why }) => `${whence(place)}: ${text}: ${why}`),
  );
  section(lines, "Not taken over: settings", found.settings.filter(({ fate }) => fate === "not").map(settingLine));
  section(
    lines,
    "Done by Garrison in its own way",
    found.settings.filter(({ fate }) => fate === "other").map(settingLine),
  );
  section(
    lines,
    "Settings that are not known",
    found.settings.filter(({ fate }) => fate === "unknown").map(settingLine),
  );
  section(
    lines,
    "Could not be read, or contradicts another line",
    found.problems.map(({ place, message }) => `${whence(place)}: ${message}`),
  );
  return `${lines.join("\n")}\n`;
}

function thresholdLines({ policy, triggers, notes }: NonNullable<CsfImport["thresholds"]>): string[] {
  const lines = [
    `  ${policy.points} points within ${formatDuration(policy.withinMs)} block for ${formatDuration(policy.firstMs)}, ` +
      `each further block ${policy.factor} times as long, at most ${formatDuration(policy.longestMs)}`,
  ];
  for (const { setting, services, points, blockMs } of triggers)
    lines.push(
      `    ${setting} ${points}, ${blockMs === null ? "for ever" : formatDuration(blockMs)}  (${services.join(", ")})`,
    );
  return [...lines, ...notes.map((note) => `    note: ${note}`)];
}

function section(lines: string[], title: string, items: readonly string[]): void {
  if (items.length > 0) lines.push("", title, ...items.map((item) => `  ${item}`));
}

function settingLine({ name, value, why }: CsfSettingReport): string {
  return `${name} = ${JSON.stringify(value)}: ${why}`;
}

/** CSF cut a list off; Garrison takes it whole or, when it is longer than maxEntries, not at all. */
function firstOf(maxEntries: number | null): string {
  return maxEntries === null ? "" : `, of which CSF took the first ${maxEntries}`;
}

function whence({ file, line }: CsfPlace): string {
  return `${cleanText(file, 300)}:${line}`;
}

function tail(comment: string): string {
  return comment === "" ? "" : `, ${cleanText(comment, 100)}`;
}

function count(amount: number, one: string, many = `${one}${one.endsWith("s") ? "es" : "s"}`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** A duration as the configuration takes it, in the largest unit that fits. */
function durationOf(spanMs: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => spanMs % size === 0) ?? ["ms", 1];
  return `${spanMs / unitMs}${unit}`;
}

function uniqueBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.toReversed().map((item) => [keyOf(item), item])).values()].toReversed();
}
