/** Settings of `sensors.logs`. */
import { z } from "zod";
import { readLogsOptions } from "#src/logs/configured/read-logs-options.ts";
import type { LogFormat } from "#src/logs/contract.ts";
import type { LogsSensorOptions } from "#src/logs/options.ts";
import { pathPattern } from "../path-settings.ts";

const MAX_SOURCES = 64;
const MAX_PATHS = 64;

const FORMATS: readonly [LogFormat, ...LogFormat[]] = [
  "syslog",
  "exim",
  "access",
  "apache-error",
  "nginx-error",
  "modsecurity",
  "cpanel",
  "plain",
];

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "expected a name of a-z, 0-9 and -");

const source = z.strictObject({
  name: name.describe("Name of the source: that of a shipped one adds paths to it"),
  paths: z.array(pathPattern).min(1).max(MAX_PATHS).describe("Files: absolute paths, * and ? within a name"),
  format: z.enum(FORMATS).describe("How its lines begin"),
  forgeable: z
    .boolean()
    .optional()
    .describe(
      "Whether others than the service can write lines into it. Left out, it is so of syslog's. Other logs that are forgeable are counted and block nobody",
    ),
});

/** The section of the configuration. */
export const settings = z.strictObject({
  journal: z.boolean().default(true).describe("Whether the journal of systemd is read, where there is one"),
  sources: z.array(source).max(MAX_SOURCES).default([]).describe("More logs to read"),
  without: z.array(name).max(MAX_SOURCES).default([]).describe("Shipped sources to leave out, such as domlogs"),
  disabledRules: z
    .array(z.string().max(100))
    .max(1000)
    .default([])
    .describe(
      "Shipped rules that are not wanted, such as sshd.invalid-user or modsecurity.detected; garrison logs rules lists them",
    ),
  rules: z
    .string()
    .startsWith("/", "expected an absolute path")
    .max(1024)
    .default("/etc/garrison/rules.d")
    .describe("Folder of your own rules, *.yaml files of the shape that docs/rules.md tells"),
  fail2ban: z
    .strictObject({
      from: z
        .string()
        .startsWith("/", "expected an absolute path")
        .max(1024)
        .default("/etc/fail2ban")
        .describe("Folder of fail2ban's configuration"),
      jails: z.array(z.string().max(200)).max(500).default([]).describe("Jails that are taken over"),
    })
    .optional()
    .describe("Jails of fail2ban that are taken over with their filters; garrison logs import fail2ban shows what for"),
});

/** All that sentry and mind need; the sentry is told of paths alone. @throws GarrisonError, TypeError for what cannot be used */
export async function toOptions(section: z.output<typeof settings>): Promise<LogsSensorOptions> {
  const options = await readLogsOptions({ ...section, fail2ban: section.fail2ban ?? null });
  return { ...options, ownPaths: section.sources.flatMap(({ paths }) => paths) };
}
