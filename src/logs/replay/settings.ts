/** What the command tells the child that reads the logs. Types only. */
import type { BlockPolicy } from "#src/blocks/options.ts";
import type { FilterSpec } from "../fail2ban/spec.ts";

/** One replay. */
export interface ReplaySettings {
  readonly files: readonly ReplayFile[];
  /** Name of a source, whose format and rules are taken; `null`: by what stands in the file. */
  readonly source: string | null;
  /** Name of a rule or of a service, such as `sshd.failed-password` or `sshd`; `null`: all. */
  readonly rule: string | null;
  /** A filter of fail2ban in place of our own rules; `null`: none. */
  readonly filter: FilterSpec | null;
  readonly policy: BlockPolicy;
  /** Networks as CIDR: never blocked. */
  readonly allow: readonly string[];
  readonly proxies: readonly string[];
}

/** A file that is open. */
export interface ReplayFile {
  readonly fd: number;
  /** As the user named it. */
  readonly name: string;
  /** Bytes, when it is a regular file. */
  readonly sizeBytes: number | null;
  /** Of its last line, roughly: for lines whose time has no year. */
  readonly changedUnixMs: number;
}
