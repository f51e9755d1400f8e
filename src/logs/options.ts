/** What `logs` of the configuration is to the mind. Plain JSON, types only. */
import type { LogSource } from "./contract.ts";
import type { JailSpec } from "./fail2ban/spec.ts";
import type { RuleFile } from "./rule.ts";

/** Of the mind. */
export interface LogsOptions {
  readonly sources: readonly LogSource[];
  /** Names of rules that are not looked at. */
  readonly disabledRules: readonly string[];
  /** Rule files of the admin's own: checked already. */
  readonly ownRules: readonly RuleFile[];
  /** Jails of fail2ban that were taken over, each with limits of its own. */
  readonly jails: readonly JailSpec[];
}

/** Of the sentry and the mind. */
export interface LogsSensorOptions extends LogsOptions {
  /** Paths of `sensors.logs.sources`: the admin's own. */
  readonly ownPaths: readonly string[];
}
