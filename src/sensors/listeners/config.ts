/** Settings of `sensors.listeners`. */
import { z } from "zod";
import { duration } from "#src/config/values.ts";

/** What the sensor gets. */
export interface ListenersOptions {
  /** How long an ordinary listener may be away, for a restart, before it is gone. Milliseconds. */
  readonly goneAfterMs: number;
  /** How long an unconnected UDP socket on a port of the kernel's choice may stay before it counts as a listener. Milliseconds. */
  readonly udpClientMs: number;
}

/** The section of the configuration. */
export const settings = z.strictObject({
  goneAfter: duration({ default: "30s", atLeast: "1s" }).describe(
    "How long an ordinary listener may be away, for a restart, before listener.gone",
  ),
  udpClient: duration({ default: "10m", atLeast: "1s" }).describe(
    "How long a UDP socket on a port of the kernel's choice may stay before it counts as a listener",
  ),
});

/** Settings as the sensor takes them. */
export function toOptions(section: z.output<typeof settings>): ListenersOptions {
  return { goneAfterMs: section.goneAfter, udpClientMs: section.udpClient };
}
