/** What `up` tells each child at start, as one JSON line. Types only: the sender is root, the receiver trusts it. */
import type { BlocksOptions, WardenBlockOptions } from "#src/blocks/options.ts";
import type { LevelsOptions } from "#src/levels/options.ts";
import type { AccountingOptions } from "#src/linux/nf-accounting.ts";
import type { LogsOptions } from "#src/logs/options.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { NotifyOptions } from "#src/notify/options.ts";
import type { Canaries } from "./folders.ts";

/** For the sentry. */
export interface SentrySettings {
  readonly root: string;
  /** Only this uid may connect (and root). */
  readonly mindUid: number;
  /** Options by name of the enabled sensors. */
  readonly sensors: Readonly<Record<string, JsonObject>>;
}

/** For the warden. */
export interface WardenSettings {
  readonly mindUid: number;
  readonly mindGid: number;
  /** Root-owned folder of the journal's files, readable by the group `mindGid`. */
  readonly journalFolder: string;
  /** Root-owned folder in which the warden writes down what it performed, with the undo. */
  readonly actionsFolder: string;
  /** Root-owned folder, readable by everybody, in which blocks lie for the web server. */
  readonly webFolder: string;
  /** Patterns of the watched files: an action on a file refuses any other. */
  readonly watchedFiles: readonly { readonly pattern: string; readonly secret: boolean }[];
  readonly blocks: WardenBlockOptions;
  /** What of each account's traffic is counted; `null`: nothing. */
  readonly traffic: WardenTrafficOptions | null;
}

/** Counting of traffic by account. */
export interface WardenTrafficOptions extends AccountingOptions {
  /** The file for the sentry. */
  readonly countsFd: number;
}

/** For the mind. */
export interface MindSettings {
  readonly host: string;
  readonly version: string;
  readonly stateFolder: string;
  readonly sentrySocket: string;
  readonly wardenSocket: string;
  readonly logsSocket: string;
  readonly learnMs: number;
  /** How long an acceptance holds when nothing else is said; 0: for ever. */
  readonly acceptForMs: number;
  /** Names of the enabled sensors. */
  readonly sensors: readonly string[];
  /** Files of our own that `garrison drill` uses; nobody ordinarily touches them. */
  readonly canaries: Canaries;
  readonly store: StoreOptions;
  /** `null`: nobody is told. */
  readonly notify: NotifyOptions | null;
  /** `null`: no logs are read. */
  readonly logs: LogsOptions | null;
  readonly blocks: BlocksOptions;
  readonly levels: LevelsOptions;
  /** The effective configuration as YAML with secrets redacted, for `doctor`. */
  readonly effectiveConfig: string;
  readonly configSource: string;
  /** Whether `up` runs as root; without it everyone works with less. */
  readonly isRoot: boolean;
}

/** Bounds of the store. */
export interface StoreOptions {
  /** Largest size of the database file; the oldest closed alerts go first. */
  readonly maxBytes: number;
  /** Milliseconds that closed alerts are kept. */
  readonly keepAlertsMs: number;
}
