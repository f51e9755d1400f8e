/** What `up` tells each child at start, as one JSON line. Types only: the sender is root, the receiver trusts it. */
import type { Json, JsonObject } from "#src/model/json.ts";

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
  readonly journalFolder: string;
}

/** For the mind. */
export interface MindSettings {
  readonly host: string;
  readonly stateFolder: string;
  readonly sentrySocket: string;
  readonly wardenSocket: string;
  readonly learnMs: number;
  readonly sensors: readonly string[];
  readonly canaries: { readonly file: string; readonly secret: string };
  readonly store: { readonly maxBytes: number; readonly alertDays: number };
  /** Options of the notifier; `null`: nobody is told. */
  readonly notify: Json;
  /** The effective configuration as YAML with secrets redacted, for `doctor`. */
  readonly effectiveConfig: string;
  readonly configSource: string;
}
