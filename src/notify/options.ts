/** What the notifier is told by the configuration. Types only. */
import type { Severity } from "#src/model/severity.ts";

/** Whom to tell, and how often at most. */
export interface NotifyOptions {
  /** Lowest severity that is told at once; what is below waits for the digest. */
  readonly immediateFrom: Severity;
  /** Milliseconds between two digests of what was not told at once. */
  readonly digestEveryMs: number;
  /** Shortest time between two messages of one thread, milliseconds. */
  readonly updateEveryMs: number;
  /** Most messages an hour; what is beyond is told in one summary. */
  readonly maxPerHour: number;
  readonly mail: MailOptions | null;
  readonly webhook: WebhookOptions | null;
  /** Write alerts to syslog (and so to the journal of systemd). */
  readonly syslog: boolean;
}

/** Mail through SMTP: the local MTA on loopback, or a server. */
export interface MailOptions {
  readonly from: string;
  readonly to: readonly string[];
  readonly host: string;
  readonly port: number;
  /** `none`: plain, for loopback. `starttls`: required. `tls`: from the first byte. */
  readonly security: "none" | "starttls" | "tls";
  readonly user: string | null;
  readonly password: string | null;
}

/** A signed POST of JSON. */
export interface WebhookOptions {
  readonly url: string;
  /** Key of the HMAC-SHA256 signature. */
  readonly secret: string;
}
