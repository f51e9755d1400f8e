/** docs/reference/alerts.md: every kind of alert, from the facts of the sensors. */
import { SENSORS, type SensorFeature } from "#src/features.ts";
import { NOTE } from "./note.ts";

const PREAMBLE = `# Alerts

Every kind of alert with what it says. Kinds are stable: scripts may match them. \`garrison alerts --kind KIND\` lists one kind,
\`garrison explain ALERT\` shows all of one alert. How grave an alert is depends on what was changed and on who did it, so it is
not part of the kind.
`;

/** Markdown of all kinds, by sensor. */
export async function describeAlerts(): Promise<string> {
  const sections = await Promise.all(SENSORS.map(describeSensor));
  return `${NOTE}${[PREAMBLE, ...sections].join("\n")}`;
}

async function describeSensor({ name, sentence, enabledByDefault, needs, facts }: SensorFeature): Promise<string> {
  const { kinds } = (await facts()).facts;
  const rows = Object.entries(kinds).map(([kind, meaning]) => `| \`${kind}\` | ${meaning} |`);
  const standard = enabledByDefault ? "on" : "off";
  return [
    `## ${name}`,
    "",
    `${sentence}. By default ${standard}. Needs ${needs.join(", ")}; without them it sees less, and \`garrison status\` says what.`,
    "",
    "| kind | what it says |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}
