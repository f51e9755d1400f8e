/**
 * `garrison up`: makes ready, starts sentry, warden and mind, keeps them running, shows alerts. It holds root only to start the
 * others; it reads nothing that a customer can write but what the mind says, and checks that.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Output } from "#src/cli/output.ts";
import type { Config } from "#src/config/load.ts";
import { putBackLeftovers } from "#src/drill/mode-change.ts";
import { cleanText } from "#src/lib/clean-text.ts";
import { formatDuration } from "#src/lib/duration.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { FileLock } from "#src/linux/file-lock.ts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import type { LogsSensorOptions } from "#src/logs/options.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { SENTRY_COUNTS_FD, WARDEN_COUNTS_FD } from "#src/processes/descriptors.ts";
import type { Folders } from "#src/processes/folders.ts";
import type { MindSettings, SentrySettings, WardenSettings } from "#src/processes/settings.ts";
import { withCanaries } from "./canaries.ts";
import { chooseIdentity, type Identity } from "./identity.ts";
import { type Prepared, prepareFolders } from "./prepare.ts";
import { Screen } from "./screen.ts";
import { type ChildPlan, Supervisor } from "./supervisor.ts";

/** What `up` is started with. */
export interface UpOptions {
  readonly folders: Folders;
  readonly config: Config;
  readonly root: string;
  readonly output: Output;
}

/**
 * Runs until SIGINT, SIGTERM or SIGHUP.
 * @throws GarrisonError `GARRISON_HELD` when another `up` has this state or run folder
 */
export async function runUp({ folders, config, root, output }: UpOptions): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const code = join(import.meta.dirname, "../..");
  const identity = isRoot ? chooseIdentity(join(folders.state, "mind")) : null;
  // Nothing is touched of folders that another one works with.
  using _state = takeLock(folders.state);
  using _run = folders.run === folders.state ? null : takeLock(folders.run);
  const prepared = prepareFolders(folders, code, identity);
  const screen = new Screen(folders.socket, output);
  for (const path of putBackLeftovers(folders.run))
    screen.say(`put back ${path}, which a drill that was killed had changed`);
  if (root !== "/") screen.say(`--root ${root} reaches sensors of your own; the shipped ones look at / all the same`);
  if (config.blocks.mode === "observe" && config.sensors["logs"] !== undefined)
    screen.say(
      "rules for logs only observe: garrison blocks report says what they would block, blocks.mode: enforce lets them",
    );
  if (!isRoot) screen.say("not root: it sees and does less, and says what it is blind to");
  const plans = planChildren({ folders, config, root, code, identity, prepared, isRoot });
  const stopping = new AbortController();
  const supervisors = plans.map(
    (plan) =>
      new Supervisor(plan, {
        onEnd: (name, how, restartInMs) =>
          screen.say(`${name} ended by ${how}, starting it again in ${formatDuration(restartInMs)}`),
      }),
  );
  const following = screen.follow(stopping.signal);
  await untilSignal();
  stopping.abort();
  // The mind first: what it still has to say to the warden is in its store.
  for (const supervisor of supervisors.toReversed()) await supervisor.stop();
  for (const fd of plans.flatMap(({ listenFds }) => listenFds)) closeSync(fd);
  const { socket, sentrySocket, wardenSocket, logsSocket } = folders;
  for (const path of [socket, sentrySocket, wardenSocket, logsSocket]) rmSync(path, { force: true });
  await following;
}

interface Parts extends Omit<UpOptions, "output"> {
  readonly code: string;
  readonly identity: Identity | null;
  readonly prepared: Prepared;
  readonly isRoot: boolean;
}

function planChildren(parts: Parts): readonly ChildPlan[] {
  const { folders, config, code, identity, prepared, isRoot } = parts;
  const mindUid = identity?.uid ?? process.getuid?.() ?? 0;
  const mindGid = identity?.gid ?? process.getgid?.() ?? 0;
  const sensors = withCanaries(config.sensors, folders.canaries);
  const counts = openCounts(folders.run, sensors);
  const logs = (sensors["logs"] ?? null) as unknown as LogsSensorOptions | null;
  // The sentry knows where logs are; what they mean is the mind's.
  const seen: Record<string, JsonObject> =
    logs === null
      ? { ...sensors }
      : { ...sensors, logs: { sources: logs.sources as unknown as Json, ownPaths: logs.ownPaths } };
  if (counts !== null) seen["traffic"] = { ...sensors["traffic"], countsFd: SENTRY_COUNTS_FD };
  const sentry: SentrySettings = { root: parts.root, mindUid, sensors: seen };
  const warden: WardenSettings = {
    mindUid,
    mindGid,
    journalFolder: folders.journal,
    actionsFolder: prepared.actions,
    webFolder: prepared.web,
    watchedFiles: (sensors["files"]?.["watched"] ?? []) as unknown as WardenSettings["watchedFiles"],
    blocks: config.wardenBlocks,
    traffic:
      counts === null ? null : { countsFd: WARDEN_COUNTS_FD, udpPorts: sensors["traffic"]?.["udpPorts"] === true },
  };
  const { sentrySocket, wardenSocket, logsSocket } = folders;
  const mind: MindSettings = {
    host: hostname(),
    version: readVersion(code),
    stateFolder: prepared.mind,
    sentrySocket,
    wardenSocket,
    logsSocket,
    learnMs: config.learnMs,
    acceptForMs: config.acceptForMs,
    sensors: Object.keys(sensors),
    canaries: folders.canaries,
    store: config.store,
    notify: config.notify,
    logs,
    blocks: config.blocks,
    levels: config.levels,
    effectiveConfig: config.effectiveYaml,
    configSource: config.source,
    isRoot,
  };
  const common = { identity: null, cwd: "/" };
  const entry = (name: string, folder = code): string => join(folder, "bin", `garrison-${name}.js`);
  return [
    {
      ...common,
      name: "sentry",
      script: entry("sentry"),
      parameters: counts === null ? [] : ["counts"],
      settings: sentry,
      listenFds: [
        listenUnix(sentrySocket, mindGid),
        listenUnix(logsSocket, mindGid),
        ...(counts === null ? [] : [counts.readFd]),
      ],
      maxOldSpaceMiB: 128,
    },
    {
      ...common,
      name: "warden",
      script: entry("warden"),
      parameters: [
        ...[folders.journal, prepared.actions, prepared.web, warden.blocks.backend ?? "off"],
        ...(counts === null ? [] : ["counts"]),
      ],
      settings: warden,
      listenFds: [listenUnix(wardenSocket, mindGid), ...(counts === null ? [] : [counts.writeFd])],
      maxOldSpaceMiB: 64,
    },
    {
      ...common,
      name: "mind",
      script: entry("mind", prepared.mindCode),
      parameters: [prepared.mind],
      settings: mind,
      listenFds: [listenUnix(folders.socket, identity?.adminGid ?? mindGid)],
      maxOldSpaceMiB: 192,
      identity: identity === null ? null : { uid: identity.uid, gid: identity.gid },
    },
  ];
}

/** The file in which the warden tells the sentry what each account sends: only who was given it can reach it. */
function openCounts(folder: string, sensors: Parts["config"]["sensors"]): { readFd: number; writeFd: number } | null {
  if (sensors["traffic"]?.["accounts"] !== true) return null;
  const path = join(folder, "counts");
  rmSync(path, { force: true });
  const writeFd = openSync(path, "wx", 0o600);
  const readFd = openSync(path, "r");
  rmSync(path);
  return { readFd, writeFd };
}

function takeLock(folder: string): FileLock {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const since = new Date().toISOString();
  const lock = FileLock.take(join(folder, "lock"), JSON.stringify({ pid: process.pid, since }));
  if (typeof lock !== "string") return lock;
  const { pid, since: heldSince } = parseNote(lock);
  throw new GarrisonError(
    "GARRISON_HELD",
    `Cannot start: "${folder}" is held by garrison up with pid ${pid} since ${heldSince}; stop that one, or give another --state and --run`,
  );
}

function parseNote(note: string): JsonObject {
  try {
    const { pid, since } = JSON.parse(note) as { pid?: unknown; since?: unknown };
    return { pid: Number(pid), since: cleanText(String(since), 40) };
  } catch {
    return { pid: "unknown", since: "unknown" };
  }
}

function readVersion(code: string): string {
  return String((JSON.parse(readFileSync(join(code, "package.json"), "utf8")) as { version: unknown }).version);
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
}
