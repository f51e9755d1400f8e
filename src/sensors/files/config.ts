/** Settings of `sensors.files`. */
import { z } from "zod";
import { duration } from "#src/config/values.ts";
import { parsePathPattern } from "#src/lib/path-pattern.ts";
import { shippedFiles, type WatchedFiles } from "./list.ts";

/** What the sensor gets. */
export interface FilesOptions {
  readonly watched: readonly WatchedFiles[];
  /** Milliseconds between two looks at everything, for what no event tells (chattr, lost events). */
  readonly scanEveryMs: number;
}

/** A watched path in the configuration, checked. */
export const pathPattern = z.string().superRefine((text, context) => {
  try {
    parsePathPattern(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

/** The folder that a panel's tree lies under in tests and fixtures. */
export const panelPrefix = z
  .union([z.literal(""), pathPattern])
  .default("")
  .describe("Folder that the panel's tree lies under; empty on a real host");

/** The section of the configuration. */
export const settings = z.strictObject({
  paths: z
    .array(pathPattern)
    .max(1000)
    .default([])
    .describe("More files to watch: absolute paths, * and ? within a name, /** for everything below"),
  ignore: z
    .array(pathPattern)
    .max(1000)
    .default([])
    .describe("Shipped patterns to leave out, written as they are shipped"),
  secretPaths: z.array(pathPattern).max(1000).default([]).describe("More files to watch whose content is never shown"),
  panelPrefix,
  scanEvery: duration({ default: "1m", atLeast: "1s" }).describe("How often everything is looked at again, for what no event tells"),
});

/** Settings as the sensor takes them. */
export function toOptions(section: z.output<typeof settings>): FilesOptions {
  const shipped = shippedFiles(section.panelPrefix).filter(({ pattern }) => !section.ignore.includes(pattern));
  const own = section.paths.map((pattern) => ({ pattern, secret: false }));
  const ownSecret = section.secretPaths.map((pattern) => ({ pattern, secret: true }));
  return { watched: [...shipped, ...own, ...ownSecret], scanEveryMs: section.scanEvery };
}
