/** Building blocks of the settings of sensors that watch paths. */
import { z } from "zod";
import { parsePathPattern } from "#src/lib/path-pattern.ts";

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
