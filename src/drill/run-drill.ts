/** Runs one drill against a running Garrison: stages it in a process of its own, waits for its alert, puts all back. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { ask } from "#src/cli/client.ts";
import { errorText } from "#src/lib/errors.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { DrillPlace, DrillPlan } from "./contract.ts";

/** What came of a drill. */
export interface DrillResult {
  readonly drill: string;
  readonly kind: string;
  readonly outcome: "alerted" | "missed" | "not-staged";
  /** From before the attack until its alert was here. */
  readonly alertedAfterMs: number | null;
  readonly alert: string | null;
  readonly detail: string;
}

/** What a run needs. */
export interface RunDrillOptions {
  readonly socket: string;
  readonly place: DrillPlace;
  readonly timeoutMs: number;
}

type Stager = ChildProcessByStdio<Writable, Readable, null>;

/** @returns `null` when the drill has no place here */
export async function runDrill(
  plan: DrillPlan,
  { socket, place, timeoutMs }: RunDrillOptions,
): Promise<DrillResult | null> {
  const subject = plan.subject(place);
  if (subject === null) return null;
  const stager = startStager(plan.name, place);
  const ending = new AbortController();
  const name = `${plan.name}-${stager.pid}`;
  const {
    promise: alerted,
    resolve: onAlert,
    reject: onLost,
  } = Promise.withResolvers<{ alert: JsonObject; atUnixMs: number } | null>();
  const timer = setTimeout(() => onAlert(null), timeoutMs);
  const staged = Promise.withResolvers<{ atUnixMs: number }>();
  const conversation = ask(
    socket,
    { t: "drill", name, subject, pid: stager.pid ?? 0 },
    (item) => {
      const value = item as JsonObject;
      if (value["ready"] === true) stage(stager).then(staged.resolve, staged.reject);
      else if (isAwaited(value, plan)) onAlert({ alert: value["alert"] as JsonObject, atUnixMs: Date.now() });
    },
    { signal: ending.signal },
  ).catch((error: unknown) => {
    staged.reject(error);
    onLost(error);
  });
  alerted.catch(() => undefined);
  try {
    const { atUnixMs } = await staged.promise;
    const found = await alerted;
    const after = found === null ? null : Math.max(0, Math.round((found.atUnixMs - atUnixMs) * 10) / 10);
    const detail = found === null ? `no ${plan.kind} within ${timeoutMs / 1000} s` : String(found.alert["observed"]);
    return result(plan, found === null ? "missed" : "alerted", {
      after,
      alert: found === null ? null : String(found.alert["id"]),
      detail,
    });
  } catch (error) {
    return result(plan, "not-staged", { after: null, alert: null, detail: errorText(error) });
  } finally {
    clearTimeout(timer);
    await endStager(stager);
    ending.abort();
    await conversation;
  }
}

function result(
  plan: DrillPlan,
  outcome: DrillResult["outcome"],
  { after, alert, detail }: { after: number | null; alert: string | null; detail: string },
): DrillResult {
  return { drill: plan.name, kind: plan.kind, outcome, alertedAfterMs: after, alert, detail };
}

function isAwaited(item: JsonObject, plan: DrillPlan): boolean {
  return item["type"] === "new" && (item["alert"] as JsonObject | undefined)?.["kind"] === plan.kind;
}

function startStager(name: string, place: DrillPlace): Stager {
  const extension = import.meta.filename.endsWith(".ts") ? "ts" : "js";
  const script = join(import.meta.dirname, `../../bin/garrison-drill.${extension}`);
  const parameters = ["--disable-warning=ExperimentalWarning", script, name, JSON.stringify(place)];
  return spawn(process.execPath, parameters, {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
}

async function stage(stager: Stager): Promise<{ atUnixMs: number }> {
  stager.stdin.write("go\n");
  for await (const line of createInterface({ input: stager.stdout })) {
    const answer = JSON.parse(line) as { atUnixMs?: number; failure?: string };
    if (answer.atUnixMs === undefined) throw new Error(`Cannot stage: ${answer.failure ?? "unknown reason"}`);
    return { atUnixMs: answer.atUnixMs };
  }
  throw new Error("Cannot stage: the stager has ended");
}

/** Its cleaning up is behind it when it has ended. */
async function endStager(stager: Stager): Promise<void> {
  if (stager.exitCode !== null || stager.signalCode !== null) return;
  const ended = once(stager, "exit");
  stager.stdin.end();
  await ended;
}
