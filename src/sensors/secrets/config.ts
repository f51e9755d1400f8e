/** Settings of `sensors.secrets`. */
import { z } from "zod";
import { duration } from "#src/config/values.ts";
import { panelPrefix, pathPattern } from "../path-settings.ts";

/** What the sensor gets. */
export interface SecretsOptions {
  readonly patterns: readonly string[];
  /** Milliseconds between two glances for secrets that no event told of; each tenth is a full look. */
  readonly scanEveryMs: number;
}

const SHIPPED = [
  "/etc/shadow",
  "/etc/gshadow",
  "/etc/ssh/ssh_host_*_key",
  "/root/.ssh/id_*",
  "/root/.my.cnf",
  "/root/.pgpass",
  "/root/.netrc",
  "/root/.aws/credentials",
  "/etc/mysql/debian.cnf",
  "/etc/ssl/private/*",
  "/etc/letsencrypt/archive/*/privkey*.pem",
];

/** Below `panelPrefix`. An access hash is root without a password: it should not even be there. */
const PANEL = [
  "/root/.accesshash",
  "/home/*/.accesshash",
  "/var/cpanel/authn/api_tokens_v2/whostmgr/*.json",
  "/var/cpanel/authn/api_tokens_v2/cpanel/*.json",
  "/usr/local/directadmin/conf/mysql.conf",
  "/usr/local/directadmin/data/users/*/login_keys/*",
  "/etc/psa/.psa.shadow",
];

/** The section of the configuration. */
export const settings = z.strictObject({
  paths: z
    .array(pathPattern)
    .max(1000)
    .default([])
    .describe("More secrets whose readers are learnt: absolute paths, * and ? within a name"),
  ignore: z
    .array(pathPattern)
    .max(1000)
    .default([])
    .describe("Shipped patterns to leave out, written as they are shipped"),
  panelPrefix,
  scanEvery: duration({ default: "1m", atLeast: "1s" }).describe(
    "How often secrets that no event told of are looked for; each tenth time it is a full look",
  ),
});

/** Settings as the sensor takes them. */
export function toOptions(section: z.output<typeof settings>): SecretsOptions {
  const shipped = [...SHIPPED, ...PANEL.map((pattern) => `${section.panelPrefix}${pattern}`)];
  const patterns = [...shipped.filter((pattern) => !section.ignore.includes(pattern)), ...section.paths];
  return { patterns: [...new Set(patterns)], scanEveryMs: section.scanEvery };
}
