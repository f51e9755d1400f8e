/** What `garrison status` says, put together. Pure but for the figures of this process. */
import type { JsonObject } from "#src/model/json.ts";
import type { ChannelStatus } from "#src/notify/notifier.ts";
import type { MindSettings } from "#src/processes/settings.ts";
import type { OrdinaryStore } from "#src/store/ordinary-store.ts";
import type { SentryStatus } from "./sentry-client.ts";
import type { FirewallStatus, WardenClient } from "./warden-client.ts";

// As many as the sentry may tell, and cli/status-text.ts takes.
const MAX_SENTENCES = 32;

/** What a status is made of. */
export interface StatusParts {
  readonly settings: MindSettings;
  readonly isWatching: boolean;
  /** `null`: the sentry is away. */
  readonly sentry: SentryStatus | null;
  readonly warden: Pick<WardenClient, "pid" | "isConnected" | "head"> | null;
  /** `null`: the warden has not said. */
  readonly firewall: FirewallStatus | null;
  readonly ordinary: OrdinaryStore;
  readonly learningUntil: (sensor: string) => string;
  /** What the mind does not take of a sensor. */
  readonly blindTo: (sensor: string) => readonly string[];
  readonly store: { readonly failure: string | null; readonly fill: number; readonly droppedFacts: number };
  readonly journal: { readonly failure: string | null; readonly waiting: number };
  readonly openAlerts: number;
  readonly channels: readonly ChannelStatus[];
}

/** Its shape is checked by cli/status-text.ts. */
export function describeStatus(parts: StatusParts): JsonObject {
  const { settings, sentry, ordinary, store, openAlerts, channels } = parts;
  return {
    event: "status",
    host: settings.host,
    version: settings.version,
    root: settings.isRoot,
    watching: parts.isWatching,
    sensors: (sentry?.sensors ?? awaySensors(settings.sensors)).map((sensor) => ({
      ...sensor,
      blindTo: [...parts.blindTo(sensor.name), ...sensor.blindTo].slice(0, MAX_SENTENCES),
      ...ordinary.sizeOf(sensor.name),
      learningUntil: parts.learningUntil(sensor.name),
    })),
    processes: describeProcesses(parts),
    store: {
      state: store.failure ?? "kept",
      fill: Math.round(store.fill * 1000) / 1000,
      droppedFacts: store.droppedFacts,
    },
    journal: describeJournal(parts),
    blocking: { mode: settings.blocks.mode, ...describeFirewall(parts.firewall) },
    openAlerts,
    notify: channels.map((channel) => ({ ...channel })),
  };
}

/** Its shape is checked by cli/block-text.ts. */
export function describeFirewall(firewall: FirewallStatus | null): JsonObject {
  const { t: _, blindTo, ...rest } = firewall ?? UNKNOWN_FIREWALL;
  return { ...rest, blindTo: [...blindTo] };
}

const UNKNOWN_FIREWALL: FirewallStatus = {
  t: "firewall",
  backend: null,
  failure: "the warden has not said yet",
  blocked: 0,
  listed: 0,
  restored: 0,
  dropped: 0,
  blindTo: [],
};

function describeProcesses({ sentry, warden }: StatusParts): JsonObject[] {
  const { user, system } = process.cpuUsage();
  const unknown = { memoryBytes: null, cpuMs: null };
  return [
    sentry === null
      ? { name: "sentry", pid: null, state: "away", ...unknown }
      : { name: "sentry", pid: sentry.pid, state: "running", memoryBytes: sentry.memoryBytes, cpuMs: sentry.cpuMs },
    { name: "warden", pid: warden?.pid ?? null, state: warden?.isConnected === true ? "running" : "away", ...unknown },
    {
      name: "mind",
      pid: process.pid,
      state: "running",
      memoryBytes: process.memoryUsage.rss(),
      cpuMs: Math.round((user + system) / 1000),
    },
  ];
}

function describeJournal({ warden, journal }: StatusParts): JsonObject {
  const head = warden?.head ?? null;
  return {
    state: journal.failure ?? (head === null ? "the warden is away" : "written"),
    entries: head?.seq ?? null,
    hash: head?.hash ?? null,
    waiting: journal.waiting,
  };
}

/** Silence is never read as health. */
function awaySensors(names: readonly string[]): SentryStatus["sensors"] {
  return names.map((name) => ({
    name,
    state: "blind" as const,
    sees: [],
    blindTo: ["everything it watches: the sentry is away"],
    restarts: 0,
    failure: "the sentry is away",
    counts: [],
  }));
}
