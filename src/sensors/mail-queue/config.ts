/** Settings of `sensors.mail-queue`. */
import { z } from "zod";
import { toRawPath } from "#src/lib/raw-path.ts";

const MAX_SPOOLS = 16;

/** What the sensor gets. */
export interface MailQueueOptions {
  /** Spools besides those at the usual places: raw paths. */
  readonly spools: readonly string[];
}

/** The section of the configuration. */
export const settings = z.strictObject({
  spools: z
    .array(z.string().startsWith("/", "expected an absolute path").max(1024))
    .max(MAX_SPOOLS)
    .default([])
    .describe("Mail spools besides /var/spool/exim4, /var/spool/exim and /var/spool/postfix"),
});

/** Settings as the sensor takes them. */
export function toOptions(section: z.output<typeof settings>): MailQueueOptions {
  return { spools: section.spools.map(toRawPath) };
}
