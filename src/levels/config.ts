/** Settings of `levels`. */
import { z } from "zod";
import type { LevelsOptions } from "./options.ts";

const MAX_LIMITS = 200;

const limit = z.strictObject({
  series: z
    .string()
    .min(1)
    .max(256)
    .describe(
      'Name of a series as garrison levels --json has it, such as "packets-out account:*"; the first that fits counts',
    ),
  above: z
    .number()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .describe("A value above it is an alert, whatever is ordinary, also while it is learnt"),
});

/** The section of the configuration. */
export const settings = z.strictObject({
  limits: z.array(limit).max(MAX_LIMITS).default([]).describe("Hard limits, beside what is learnt"),
});

/** Settings as the mind takes them. */
export function toOptions(section: z.output<typeof settings>): LevelsOptions {
  return section;
}
