/** Settings of `sensors.files`. */
import { z } from "zod";
import { duration } from "#src/config/values.ts";
import { panelPrefix, pathPattern } from "../path-settings.ts";
import { shippedFiles, type WatchedFiles } from "./list.ts";

/** What the sensor gets. */
export interface FilesOptions {
  readonly watched: readonly WatchedFiles[];
  /** Milliseconds between two glances at everything, for what no event tells (chattr); each tenth is a full look. */
  readonly scanEveryMs: number;
}

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
  scanEvery: duration({ default: "1m", atLeast: "1s" }).describe(
    "How often everything is glanced at for what no event tells; each tenth time it is a full look",
  ),
});

/** Settings as the sensor takes them. */
export function toOptions(section: z.output<typeof settings>): FilesOptions {
  const shipped = shippedFiles(section.panelPrefix).filter(({ pattern }) => !section.ignore.includes(pattern));
  const own = section.paths.map((pattern) => ({ pattern, secret: false }));
  const ownSecret = section.secretPaths.map((pattern) => ({ pattern, secret: true }));
  return { watched: [...shipped, ...own, ...ownSecret], scanEveryMs: section.scanEvery };
}
