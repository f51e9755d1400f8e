/** What `up` prints: what each sensor sees, `garrison: watching`, then alerts as they come. Goes on when the mind is started again. */
import { setTimeout as sleep } from "node:timers/promises";
import { alertLine, checkAlert, describeActor } from "#src/cli/alert-text.ts";
import { ask } from "#src/cli/client.ts";
import type { Output } from "#src/cli/output.ts";
import { checkStatus, type Status, sensorLines } from "#src/cli/status-text.ts";
import { formatDuration } from "#src/lib/duration.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Json, JsonObject } from "#src/model/json.ts";

const RETRY_MS = 100;

/** Follows one mind until the signal aborts. */
export class Screen {
  readonly #socket: string;
  readonly #output: Output;
  /** What was told before is in `garrison alerts`. */
  readonly #startedUnixMs = Date.now();
  #lastAlert: number | null = null;
  #status: Status | null = null;
  #hasSaidWatching = false;

  constructor(socket: string, output: Output) {
    this.#socket = socket;
    this.#output = output;
  }

  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await ask(
          this.#socket,
          { t: "watch", afterAlert: this.#lastAlert, sinceUnixMs: this.#startedUnixMs },
          (item) => this.#onItem(item),
          { signal },
        );
      } catch {
        // The mind is away: the supervisor has said so, and starts it again.
        await sleep(RETRY_MS);
      }
    }
  }

  /** A sentence of our own. */
  say(sentence: string): void {
    if (this.#output.isJson) this.#output.json({ event: "note", text: sentence });
    else this.#output.line(`garrison: ${sentence}`);
  }

  #onItem(item: Json): void {
    const { event } = item as JsonObject;
    if (event === "status") this.#onStatus(checkStatus(item, "status"));
    else if (event === "watching") this.#onWatching();
    else if (event === "alert") this.#onAlert(item as JsonObject);
  }

  #onStatus(status: Status): void {
    const before = this.#status;
    this.#status = status;
    if (!this.#hasSaidWatching) return;
    // Behind the start only what has changed is worth a line.
    for (const sensor of status.sensors) {
      const last = before?.sensors.find(({ name }) => name === sensor.name);
      if (last !== undefined && last.state !== sensor.state) this.#printSensor(sensor);
    }
    if (before !== null && before.store.state !== status.store.state) this.say(`the store is ${status.store.state}`);
  }

  #onWatching(): void {
    if (this.#hasSaidWatching || this.#status === null) return;
    this.#hasSaidWatching = true;
    for (const sensor of this.#status.sensors) this.#printSensor(sensor);
    const leftMs = Math.max(...this.#status.sensors.map(({ learningUntil }) => Date.parse(learningUntil))) - Date.now();
    if (leftMs > 0)
      this.say(`learning for ${formatDuration(leftMs)} more: what is new is taken in, unless it looks like an attack`);
    if (this.#output.isJson) this.#output.json({ event: "watching" });
    else this.#output.line("garrison: watching");
  }

  #printSensor(sensor: Status["sensors"][number]): void {
    if (this.#output.isJson) this.#output.json({ event: "sensor", ...sensor });
    else for (const line of sensorLines(sensor, this.#output)) this.#output.line(line);
  }

  #onAlert(item: JsonObject): void {
    const alert = checkAlert(item["alert"], "alert") as Alert;
    const type = String(item["type"]);
    const number = Number(alert.id.slice(1));
    if (type === "new") this.#lastAlert = Math.max(this.#lastAlert ?? 0, number);
    if (this.#output.isJson) this.#output.json({ event: "alert", type, alert });
    else if (type !== "repeat") this.#printAlert(type, alert);
  }

  #printAlert(type: string, alert: Alert): void {
    const output = this.#output;
    output.line(alertLine(alert, output));
    if (type !== "new" && type !== "update") return;
    output.line(`    ${output.style("dim", "ordinary")}  ${output.clean(alert.ordinary)}`);
    output.line(`    ${output.style("dim", "who")}       ${describeActor(alert.who, output)}`);
    output.line(`    ${output.style("dim", "next")}      garrison explain ${alert.id}`);
  }
}
