/** What stands before the message of a line. Type only. */
export interface Head {
  /** Where the message begins; 0 when the format has no head, or this line has none. */
  readonly messageAt: number;
  /** Program of a syslog line, `""` when there is none. */
  readonly program: string;
  /** `null` when the line has no time that can be read. */
  readonly atUnixMs: number | null;
}
