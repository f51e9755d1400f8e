/** Building blocks of the configuration's schema: texts with a unit. */
import { z } from "zod";
import { parseDuration } from "#src/lib/duration.ts";
import { parseSize } from "#src/lib/size.ts";

/** A text such as `"15m"`, given on as milliseconds. A bare number is refused. */
export function duration(options: { readonly default: string }) {
  return z.string().transform(refusing(parseDuration)).prefault(options.default);
}

/** A text such as `"200 MiB"`, given on as bytes. A bare number is refused. */
export function size(options: { readonly default: string }) {
  return z.string().transform(refusing(parseSize)).prefault(options.default);
}

/** A transform of zod: what the parser throws becomes the issue at this place of the configuration. */
function refusing<T>(parse: (text: string) => T): (text: string, context: z.RefinementCtx) => T {
  return (text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  };
}
