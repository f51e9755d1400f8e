/** The configuration: from the file to what each part of Garrison is told. Without a file everything has its default. */
import type { BlocksOptions, WardenBlockOptions } from "#src/blocks/options.ts";
import { NO_OPTIONS, SENSORS, type SensorFeature } from "#src/features.ts";
import type { LevelsOptions } from "#src/levels/options.ts";
import { errorText } from "#src/lib/errors.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { NotifyOptions } from "#src/notify/options.ts";
import type { StoreOptions } from "#src/processes/settings.ts";
import { effectiveYaml } from "./effective.ts";
import { expectation } from "./expectation.ts";
import { configError, describeIssues } from "./problems.ts";
import { readConfigFile } from "./read.ts";
import { loadSchema, type Sections } from "./schema.ts";
import { shapeOf } from "./shape.ts";
import { parseYamlText, type YamlText } from "./yaml-text.ts";

/** What was configured, checked. */
export interface Config {
  /** The path of the file, or `defaults`. */
  readonly source: string;
  /** How long what is seen counts as ordinary, milliseconds. */
  readonly learnMs: number;
  /** How long an acceptance lasts, milliseconds; 0 for ever. */
  readonly acceptForMs: number;
  readonly store: StoreOptions;
  /** `null`: nobody is told. */
  readonly notify: NotifyOptions | null;
  /** When addresses are kept out: the mind's part, and the warden's. */
  readonly blocks: BlocksOptions;
  readonly wardenBlocks: WardenBlockOptions;
  readonly levels: LevelsOptions;
  /** Options by name of the enabled sensors. */
  readonly sensors: Readonly<Record<string, JsonObject>>;
  /** Names of the sensors that are not enabled. */
  readonly disabledSensors: readonly string[];
  /** What is in force with all defaults, as the admin would write it; secrets are redacted. */
  readonly effectiveYaml: string;
}

/** Where the configuration is. */
export interface LoadConfigOptions {
  readonly path: string;
  /** The admin named this file, so that it must be there. @default false */
  readonly isExplicit?: boolean;
  /** Name of this host, for the notices. */
  readonly host: string;
  /** Effective uid of whoever acts on it. @default that of this process */
  readonly callerUid?: number;
}

/**
 * The configuration of a file, or the defaults when there is none.
 * @throws GarrisonError `GARRISON_CONFIG` with a line of text for each problem
 */
export async function loadConfig({ path, isExplicit, host, callerUid }: LoadConfigOptions): Promise<Config> {
  const text = await readConfigFile(path, callerUid ?? process.geteuid?.() ?? 0);
  if (text === undefined && isExplicit === true) {
    throw configError(path, [{ line: null, text: "there is no such file, expected the file that was named" }]);
  }
  return parseConfig(text ?? "", { path, host, source: text === undefined ? "defaults" : path });
}

/** What {@link parseConfig} cannot know from the text. */
export interface ParseConfigOptions {
  /** Named in the error. */
  readonly path: string;
  readonly host: string;
  /** @default path */
  readonly source?: string;
}

/**
 * The configuration of a text in YAML.
 * @throws GarrisonError `GARRISON_CONFIG` with a line of text for each problem
 */
export async function parseConfig(text: string, { path, host, source = path }: ParseConfigOptions): Promise<Config> {
  const file = parseYamlText(text);
  if (file.problems.length > 0) throw configError(path, file.problems);
  const written: Json = file.value ?? {};
  const schema = await loadSchema();
  const shape = shapeOf(schema);
  const checked = schema.safeParse(written, { error: expectation });
  if (!checked.success) throw configError(path, describeIssues(checked.error.issues, file, shape));
  const { learn, acceptFor, store, sensors } = checked.data;
  return {
    source,
    learnMs: learn,
    acceptForMs: acceptFor,
    store: { maxBytes: store.maxSize, keepAlertsMs: store.keepAlerts },
    ...(await usableOptions(path, file, ["blocks"], () => blockOptions(checked.data))),
    levels: await levelOptions(checked.data),
    notify: await usableOptions(path, file, ["notify"], () => notifyOptions(checked.data, host)),
    sensors: await sensorOptions(path, file, sensors),
    disabledSensors: SENSORS.filter(({ name }) => sensors[name]?.enabled !== true).map(({ name }) => name),
    effectiveYaml: effectiveYaml(shape, written),
  };
}

async function notifyOptions({ notify }: Sections, host: string): Promise<NotifyOptions | null> {
  const { toOptions } = await import("#src/notify/config.ts");
  return toOptions(notify as Parameters<typeof toOptions>[0], host);
}

async function blockOptions({ blocks }: Sections): Promise<Pick<Config, "blocks" | "wardenBlocks">> {
  const { toOptions, toWardenOptions } = await import("#src/blocks/config.ts");
  const section = blocks as Parameters<typeof toOptions>[0];
  return { blocks: toOptions(section), wardenBlocks: toWardenOptions(section) };
}

async function levelOptions({ levels }: Sections): Promise<LevelsOptions> {
  const { toOptions } = await import("#src/levels/config.ts");
  return toOptions(levels as Parameters<typeof toOptions>[0]);
}

async function sensorOptions(path: string, file: YamlText, sections: Sections["sensors"]): Promise<Config["sensors"]> {
  const options: Record<string, JsonObject> = {};
  for (const feature of SENSORS) {
    const { enabled, ...section } = sections[feature.name] ?? { enabled: false };
    if (!enabled) continue;
    const place = ["sensors", feature.name];
    options[feature.name] = await usableOptions(path, file, place, () => optionsOf(feature, section));
  }
  return options;
}

async function optionsOf({ config }: SensorFeature, section: object): Promise<JsonObject> {
  if (config === undefined) return NO_OPTIONS;
  return (await config()).toOptions(section as never) as JsonObject;
}

/** What a part of Garrison makes of its section; what it throws, such as keys that contradict each other, is a problem of that section. */
async function usableOptions<T>(
  path: string,
  file: YamlText,
  place: readonly string[],
  make: () => Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    throw configError(path, [{ line: file.lineOf(place), text: `"${place.join(".")}": ${errorText(error)}` }]);
  }
}
