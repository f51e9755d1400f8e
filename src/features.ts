/**
 * The one table of what Garrison can do. What is not switched on is not loaded: `load` runs only for enabled features.
 * Adding a sensor is its folder and one line here.
 */
import type { DrillPlan } from "./drill/contract.ts";
import type { SensorFacts } from "./judge/contract.ts";
import type { JsonObject } from "./model/json.ts";
import type { Sensor } from "./model/sensor.ts";

/** How the configuration of a sensor is read: a zod object, and the options that the sensor gets. */
export interface FeatureConfig {
  readonly settings: unknown;
  toOptions(section: never): unknown;
}

/** One row. */
export interface SensorFeature {
  readonly name: string;
  /** What it tells, in one sentence. */
  readonly sentence: string;
  readonly enabledByDefault: boolean;
  /** Kernel interfaces, capabilities, files or programs; without them it sees less and says so. */
  readonly needs: readonly string[];
  /** Which process runs its sensor. */
  readonly privilege: "sentry";
  /** Loaded by the sentry. */
  readonly sensor: () => Promise<{ readonly sensor: Sensor }>;
  /** Loaded by the mind. */
  readonly facts: () => Promise<{ readonly facts: SensorFacts }>;
  /** Loaded by `garrison drill`. `undefined`: nothing of it can be staged harmlessly. */
  readonly drills?: () => Promise<{ readonly drills: readonly DrillPlan[] }>;
  /** Loaded by `up` and `doctor`. `undefined`: it has no settings but `enabled`. */
  readonly config?: () => Promise<FeatureConfig>;
}

/** What a feature's options are when it has no settings. */
export const NO_OPTIONS: JsonObject = {};

// biome-ignore format: one line a sensor
export const SENSORS: readonly SensorFeature[] = [
  { name: "listeners", sentence: "New and vanished TCP and UDP listeners", enabledByDefault: true, needs: ["tracefs", "sock_diag", "CAP_SYS_PTRACE"], privilege: "sentry", sensor: () => import("./sensors/listeners/sensor.ts"), facts: () => import("./sensors/listeners/facts.ts"), drills: () => import("./sensors/listeners/drill.ts"), config: () => import("./sensors/listeners/config.ts") },
  { name: "files", sentence: "Changes of files that matter, with who did it", enabledByDefault: true, needs: ["fanotify", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"], privilege: "sentry", sensor: () => import("./sensors/files/sensor.ts"), facts: () => import("./sensors/files/facts.ts"), drills: () => import("./sensors/files/drill.ts"), config: () => import("./sensors/files/config.ts") },
  { name: "secrets", sentence: "Unusual readers of secrets, and secrets that come into being", enabledByDefault: true, needs: ["fanotify", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"], privilege: "sentry", sensor: () => import("./sensors/secrets/sensor.ts"), facts: () => import("./sensors/secrets/facts.ts"), drills: () => import("./sensors/secrets/drill.ts"), config: () => import("./sensors/secrets/config.ts") },
  { name: "logs", sentence: "Logs and the journal: failed and unusual logins, probes, hits of the web application firewall", enabledByDefault: true, needs: ["inotify", "CAP_DAC_READ_SEARCH", "journalctl"], privilege: "sentry", sensor: () => import("./sensors/logs/sensor.ts"), facts: () => import("./sensors/logs/facts.ts"), config: () => import("./sensors/logs/config.ts") },
  { name: "accounts", sentence: "How many processes and connections each account has", enabledByDefault: true, needs: ["sock_diag"], privilege: "sentry", sensor: () => import("./sensors/accounts/sensor.ts"), facts: () => import("./sensors/accounts/facts.ts") },
  { name: "traffic", sentence: "Packets, bytes and connections that leave, by interface and by account", enabledByDefault: true, needs: ["/proc/net/dev", "nf_tables", "sock_diag", "CAP_SYS_PTRACE"], privilege: "sentry", sensor: () => import("./sensors/traffic/sensor.ts"), facts: () => import("./sensors/traffic/facts.ts"), config: () => import("./sensors/traffic/config.ts") },
  { name: "mail-queue", sentence: "How much mail waits in the queues of Exim and Postfix, and who sends it", enabledByDefault: true, needs: ["CAP_DAC_READ_SEARCH"], privilege: "sentry", sensor: () => import("./sensors/mail-queue/sensor.ts"), facts: () => import("./sensors/mail-queue/facts.ts"), config: () => import("./sensors/mail-queue/config.ts") },
];
