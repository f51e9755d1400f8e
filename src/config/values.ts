/** Building blocks of the configuration's schema: texts with a unit, and sections. */
import { z } from "zod";
import { parseDuration } from "#src/lib/duration.ts";
import { parseSize } from "#src/lib/size.ts";

/** A text with a unit and its bounds. */
export interface UnitOptions {
  /** What it is when it is not written. */
  readonly default: string;
  /** Smallest permitted value, with its unit. @default none */
  readonly atLeast?: string;
}

/** A text such as `"15m"`, given on as milliseconds. A bare number is refused. */
export function duration(options: UnitOptions) {
  return z
    .string('expected a text with a unit such as "15s"')
    .meta({ format: "duration" })
    .transform(refusing(parseDuration, options.atLeast))
    .prefault(options.default);
}

/** A text such as `"200 MiB"`, given on as bytes. A bare number is refused. */
export function size(options: UnitOptions) {
  return z
    .string('expected a text with a unit such as "200 MiB"')
    .meta({ format: "size" })
    .transform(refusing(parseSize, options.atLeast))
    .prefault(options.default);
}

/** A section with its own keys; left out or empty it has its defaults. */
export function section<T extends z.ZodObject>(settings: T) {
  return z.preprocess((value) => (value === null ? {} : value), settings).prefault({} as never);
}

/** A transform of zod: what the parser throws becomes the issue at this place of the configuration. */
function refusing(
  parse: (text: string) => number,
  atLeast: string | undefined,
): (text: string, context: z.RefinementCtx) => number {
  return (text, context) => {
    try {
      const amount = parse(text);
      if (atLeast === undefined || amount >= parse(atLeast)) return amount;
      context.addIssue({ code: "custom", message: `expected at least "${atLeast}"` });
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
    return z.NEVER;
  };
}
