/** Settings of `sensors.traffic`. */
import { z } from "zod";

/** What the sensor gets; `up` adds the file. */
export interface TrafficOptions {
  /** Whether each account is counted, by a table of nf_tables that the warden makes. */
  readonly accounts: boolean;
  /** Whether that table counts UDP by destination port too. */
  readonly udpPorts: boolean;
  /** The file in which the warden tells what it counted. @default none: accounts are not counted */
  readonly countsFd?: number;
}

/** The section of the configuration. */
export const settings = z.strictObject({
  accounts: z
    .boolean()
    .default(true)
    .describe("Whether packets are counted by account too, by a table inet garrison_traffic in the kernel"),
  udpPorts: z
    .boolean()
    .default(false)
    .describe("Whether UDP is counted by destination port too: 0.2 µs more a UDP packet that is sent"),
});

/** Settings as the sensor takes them. */
export function toOptions(section: z.output<typeof settings>): TrafficOptions {
  return { accounts: section.accounts, udpPorts: section.udpPorts };
}
