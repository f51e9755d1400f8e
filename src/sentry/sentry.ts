/**
 * The sentry: runs the enabled sensors with read-side privileges and answers the fixed table of wire/sentry-messages.ts.
 * It changes nothing, opens no network connection and gives no content of secrets.
 */
import type { Socket } from "node:net";
import { SENSORS } from "#src/features.ts";
import { closeSharedExecMemory } from "#src/linux/exec-memory.ts";
import type { Child } from "#src/processes/child.ts";
import type { Log } from "#src/processes/log.ts";
import { isMindPeer } from "#src/processes/peer.ts";
import type { SentrySettings } from "#src/processes/settings.ts";
import type { FromSentry, ToSentry } from "#src/wire/sentry-messages.ts";
import { LogServer } from "./log-stream.ts";
import { SensorRunner } from "./sensor-runner.ts";
import { Uplink } from "./uplink.ts";

// The one sensor that sends raw bytes.
const LOGS = "logs";

/** Runs until the child is told to stop. */
export function runSentry(
  child: Pick<Child<SentrySettings>, "settings" | "listenFd" | "log" | "onStop">,
  logsFd: number,
): void {
  const { settings } = child;
  const isMind = (socket: Socket): boolean => isMindPeer(socket, settings.mindUid);
  const uplink = new Uplink(child.listenFd, {
    isAllowed: isMind,
    onRequest: (message) => answer(message),
    onRoomAgain: () => {
      for (const runner of runners) runner.rescan();
    },
    onRefused: (reason) => child.log.warn("link to the mind refused", { reason }),
    onConnect: () => uplink.send(status()),
  });
  const logs = settings.sensors[LOGS] === undefined ? null : serveLogs(logsFd, isMind, child.log);
  const runners = SENSORS.filter(({ name }) => settings.sensors[name] !== undefined).map(
    ({ name, sensor }) =>
      new SensorRunner({
        name,
        load: sensor,
        options: settings.sensors[name]!,
        root: settings.root,
        ...(logs !== null && name === LOGS ? { stream: logs } : {}),
        onFacts: (facts) => uplink.push(facts),
        onStatus: () => uplink.send(status()),
      }),
  );
  const status = (): FromSentry => ({
    t: "status",
    ready: runners.every((runner) => runner.isSettled) ? "yes" : "no",
    memoryBytes: process.memoryUsage.rss(),
    cpuMs: Math.round((process.cpuUsage().user + process.cpuUsage().system) / 1000),
    sensors: runners.map((runner) => runner.status()),
  });
  const answer = (message: Exclude<ToSentry, { t: "ack" }>): void => {
    if (message.t === "status") uplink.send(status());
    else runners.find(({ name }) => name === message.sensor)?.rescan();
  };
  for (const runner of runners) runner.start();
  child.onStop(async () => {
    await Promise.all(runners.map((runner) => runner[Symbol.asyncDispose]()));
    uplink.close();
    logs?.close();
    closeSharedExecMemory();
  });
}

function serveLogs(logsFd: number, isAllowed: (socket: Socket) => boolean, log: Log): LogServer {
  return new LogServer(logsFd, {
    isAllowed,
    onRefused: (reason) => log.warn("link for logs refused", { reason }),
  });
}
