/** What the command tells the child that reads the messages. Types only. */
import type { Grouping } from "./tally.ts";

/** One reading of some spools. */
export interface MailQueueSettings {
  readonly by: Grouping;
  readonly nowUnixMs: number;
  /** Groups that are told, the largest ones. */
  readonly maxGroups: number;
}
