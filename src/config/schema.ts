/**
 * The schema of the whole configuration: the sections of Garrison itself, and one section for each sensor of `features.ts`.
 * Built on demand, because it loads the settings of every sensor.
 */
import { z } from "zod";
import { type FeatureConfig, SENSORS, type SensorFeature } from "#src/features.ts";
import { duration, section, size } from "./values.ts";

/** A sensor's section, checked: its own settings beside `enabled`. */
export interface SensorSection {
  readonly enabled: boolean;
  readonly [setting: string]: unknown;
}

/** A configuration that passed the schema: texts with a unit are numbers, defaults are filled in. */
export interface Sections {
  readonly learn: number;
  readonly acceptFor: number;
  readonly store: { readonly maxSize: number; readonly keepAlerts: number };
  readonly notify: unknown;
  readonly blocks: unknown;
  readonly levels: unknown;
  readonly sensors: Readonly<Record<string, SensorSection>>;
}

/** The schema of the whole configuration. */
export async function loadSchema(): Promise<z.ZodType<Sections>> {
  const notify = await import("#src/notify/config.ts");
  const blocks = await import("#src/blocks/config.ts");
  const levels = await import("#src/levels/config.ts");
  const sensors = await Promise.all(SENSORS.map(async (feature) => [feature.name, await sensorSection(feature)]));
  const schema = z.strictObject({
    learn: duration({ default: "24h" }).describe(
      "How long what is seen counts as ordinary, from the first start on; afterwards what is new is an alert",
    ),
    acceptFor: duration({ default: "0s" }).describe("How long an accepted alert stays accepted; 0s for ever"),
    store: section(store).describe("The database in the state folder"),
    notify: section(notify.settings).describe("Who is told of alerts"),
    blocks: section(blocks.settings).describe("Which addresses are kept out, and how"),
    levels: section(levels.settings).describe("How much of what is too much"),
    sensors: section(z.strictObject(Object.fromEntries(sensors))).describe("What is watched"),
  });
  // The record of sensors is made from a table, which the types of zod cannot follow.
  return schema as unknown as z.ZodType<Sections>;
}

const store = z.strictObject({
  maxSize: size({ default: "200 MiB", atLeast: "1 MiB" }).describe(
    "Largest size of the database; the oldest closed alerts go first",
  ),
  keepAlerts: duration({ default: "90d" }).describe("How long closed alerts are kept"),
});

async function sensorSection({ name, sentence, enabledByDefault, config }: SensorFeature): Promise<z.ZodType> {
  const settings = config === undefined ? z.strictObject({}) : settingsOf(name, await config());
  const enabled = z.boolean().default(enabledByDefault).describe("Whether this sensor runs");
  return section(settings.safeExtend({ enabled })).describe(sentence);
}

function settingsOf(name: string, { settings }: FeatureConfig): z.ZodObject {
  if (!(settings instanceof z.ZodObject)) {
    throw new TypeError(`Cannot use settings of sensor "${name}": they are no zod object, a strict object is wanted`);
  }
  return settings;
}
