/** `garrison status` as text, and the check of what the mind sends for it. */
import { formatSize } from "#src/lib/size.ts";
import { type Checked, flag, integer, json, list, nullable, number, object, oneOf, text } from "#src/wire/check.ts";
import { SENSOR_STATUS } from "#src/wire/sentry-messages.ts";
import { FIREWALL, firewallLine } from "./block-text.ts";
import type { Output } from "./output.ts";

const sensor = object({
  ...SENSOR_STATUS,
  members: integer(0),
  records: integer(0),
  learningUntil: text(32),
});

/** Shape of a status. */
export const checkStatus = object({
  event: oneOf(["status"]),
  host: text(256),
  version: text(64),
  root: flag,
  watching: flag,
  sensors: list(sensor, 64),
  processes: list(
    object({
      name: text(32),
      pid: nullable(integer(0)),
      state: text(32),
      memoryBytes: nullable(integer(0)),
      cpuMs: nullable(integer(0)),
    }),
    8,
  ),
  store: object({ state: text(1024), fill: number, droppedFacts: integer(0) }),
  journal: object({ state: text(4096), entries: nullable(integer(0)), hash: nullable(text(64)), waiting: integer(0) }),
  blocking: object({ mode: oneOf(["observe", "enforce"]), ...FIREWALL }),
  openAlerts: integer(0),
  notify: json(6, 500),
});

/** What the mind says of itself and the others. */
export type Status = Checked<typeof checkStatus>;

/** One sensor: what it sees, what it is blind to. */
export function sensorLines(one: Status["sensors"][number], output: Output): string[] {
  const style = one.state === "watching" ? "green" : one.state === "blind" ? "red" : "yellow";
  const label = (word: string): string => `    ${output.style("dim", word.padEnd(9))} `;
  return [
    `  ${one.name.padEnd(10)} ${output.style(style, one.state)}${one.failure === null ? "" : `: ${output.clean(one.failure)}`}`,
    ...one.sees.map((sentence) => `${label("sees")}${output.clean(sentence)}`),
    ...one.blindTo.map((sentence) => `${label("blind to")}${output.clean(sentence)}`),
  ];
}

/** The whole status. */
export function statusLines(status: Status, output: Output): string[] {
  const { host, version, sensors, processes, store, journal, blocking, openAlerts } = status;
  return [
    `garrison ${version} on ${output.clean(host)}: ${status.watching ? "watching" : "starting"}, ${openAlerts} open alerts${status.root ? "" : "; not root, so it sees and does less"}`,
    ...sensors.flatMap((one) => [
      ...sensorLines(one, output),
      `    ${output.style("dim", "knows".padEnd(9))} ${knows(one)}`,
    ]),
    ...processes.map(processLine),
    `  store      ${output.clean(store.state)}, ${Math.round(store.fill * 100)} % full${store.droppedFacts > 0 ? `, ${store.droppedFacts} facts were dropped and looked for again` : ""}`,
    `  journal    ${output.clean(journal.state)}, ${journal.entries ?? "?"} entries${journal.waiting > 0 ? `, ${journal.waiting} waiting` : ""}`,
    `  blocking   ${firewallLine(blocking, output)}`,
    ...blocking.blindTo.map((sentence) => `    ${output.style("dim", "blind to".padEnd(9))} ${output.clean(sentence)}`),
  ];
}

function knows({ members, records, counts, learningUntil, restarts }: Status["sensors"][number]): string {
  const figures = counts.map(({ name, value }) => `${value} ${name}`);
  const learning =
    Date.parse(learningUntil) > Date.now()
      ? `learning until ${learningUntil.slice(0, 16).replace("T", " ")} UTC`
      : "learnt";
  const parts = [
    `${members} members`,
    `${records} records`,
    ...figures,
    ...(restarts > 0 ? [`${restarts} restarts`] : []),
    learning,
  ];
  return parts.join(", ");
}

function processLine({ name, pid, state, memoryBytes, cpuMs }: Status["processes"][number]): string {
  const memory = memoryBytes === null ? "" : `, ${formatSize(memoryBytes)} resident`;
  const cpu = cpuMs === null ? "" : `, ${(cpuMs / 1000).toFixed(1)} s of CPU`;
  return `  ${name.padEnd(10)} ${state}${pid === null ? "" : `, pid ${pid}`}${memory}${cpu}`;
}
