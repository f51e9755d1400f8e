/** What commands about blocks, logs and the web application firewall are answered with. */

import { cleanText } from "#src/lib/clean-text.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import { PRIVATE_NETWORKS } from "#src/lib/private-networks.ts";
import type { Action } from "#src/model/action.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { BlockRecord } from "#src/store/block-store.ts";
import type { ToMind } from "#src/wire/cli-messages.ts";
import { canonicalNetwork, type WantedBlock } from "./block-engine.ts";
import type { Mind } from "./mind.ts";
import { describeFirewall } from "./status.ts";

const MAX_REPORTED = 100_000;
const MAX_WAF_HITS = 20_000;

type Of<T extends ToMind["t"]> = Extract<ToMind, { t: T }>;

/** `garrison block`: the action, or with `isDryRun` what would be done. */
export async function answerBlock(mind: Mind, request: Of<"block">, by: string): Promise<JsonObject> {
  const { forMs, ports, reason, isPrivateMeant, isDryRun } = request;
  const network = canonicalNetwork(request.network);
  if (network === null) {
    const text = cleanText(request.network, 64);
    throw new GarrisonError(
      "GARRISON_NO_NETWORK",
      `Cannot block "${text}": expected an address or a CIDR such as 203.0.113.0/24`,
    );
  }
  const now = Date.now();
  const untilUnixMs = forMs === 0 ? null : now + forMs;
  const given = reason === "" ? "by hand" : reason;
  const wanted: WantedBlock = { network, ports, untilUnixMs, reason: given, by, isPrivateMeant, points: 0 };
  if (isDryRun) return rehearse(mind, wanted);
  return describeAction(await mind.blocks.blockNow(wanted, (work) => mind.stored(work)));
}

/** `garrison unblock`: the actions, each with its `failure` when it is still in force. */
export async function answerUnblock(mind: Mind, { what }: Of<"unblock">, by: string): Promise<readonly JsonObject[]> {
  return (await mind.blocks.unblock(what, by)).map(describeAction);
}

/** `garrison blocks`: how blocking stands, then lists, then blocks in force, newest first. */
export function* answerBlocks(mind: Mind, { limit }: Of<"blocks">): Generator<Json> {
  yield { item: "firewall", mode: mind.settings.blocks.mode, ...describeFirewall(mind.firewall) };
  yield* mind.blockLists?.describe() ?? [];
  const lasting = mind.blockStore.lasting(Date.now()).toReversed();
  let given = 0;
  for (const { action: id } of lasting) {
    const action = id === null ? null : mind.actions.get(id);
    if (action === null || (action.state !== "done" && action.state !== "planned")) continue;
    yield describeAction(action);
    if (++given >= limit) return;
  }
}

/** `garrison blocks report`: by network, most often blocked first, then a summary. */
export function* answerReport(mind: Mind, { sinceMs }: Of<"blocks-report">): Generator<Json> {
  const since = Date.now() - sinceMs;
  const records = mind.blockStore.listSince(since, MAX_REPORTED);
  const groups = Map.groupBy(records, ({ network }) => network);
  const sorted = [...groups.values()].toSorted((one, other) => other.length - one.length);
  for (const group of sorted) yield describeGroup(group);
  const byRule = Map.groupBy(records.filter(isNoFailure), ({ rule }) => rule ?? "by hand");
  yield {
    item: "summary",
    mode: mind.settings.blocks.mode,
    since: isoOf(since),
    networks: groups.size,
    ...countBlocks(records),
    rules: [...byRule].map(([rule, list]) => ({ rule, count: list.length })),
    isCut: records.length === MAX_REPORTED,
  };
}

/** `garrison logs`. */
export function answerLogs(mind: Mind): readonly JsonObject[] {
  if (mind.logs !== null) return mind.logs.describe();
  throw new GarrisonError("GARRISON_NO_LOGS", "Cannot tell of logs: none are read; see logs of the configuration");
}

/** `garrison waf hits`. */
export async function answerWafHits(mind: Mind, { by, sinceMs }: Of<"waf-hits">): Promise<readonly Json[]> {
  const found = mind.hits.listOfService("modsecurity", Date.now() - sinceMs, MAX_WAF_HITS);
  const hits = found.map(({ atUnixMs, hit: { address, site, detail } }) => ({
    atUnixMs,
    address,
    site,
    detail: detail ?? "",
  }));
  if (by === "false-positive") {
    const { falsePositiveCandidates } = await import("#src/waf/false-positives.ts");
    const { countedNetwork, parseAddress } = await import("#src/logs/decide/address.ts");
    const hasLoggedIn = (address: string): boolean => {
      const key = parseAddress(address);
      return key !== undefined && mind.hits.hasStanding(countedNetwork(key));
    };
    return falsePositiveCandidates(hits, { hasLoggedIn }).map((one) => ({ item: "candidate", ...one }));
  }
  const { hitsBy } = await import("#src/waf/hits-by.ts");
  return hitsBy(hits, by).map(({ firstUnixMs, lastUnixMs, ...group }) => ({
    item: "group",
    by,
    ...group,
    firstAt: isoOf(firstUnixMs),
    lastAt: isoOf(lastUnixMs),
  }));
}

/** What only the warden can check. */
const UNCHECKED = [
  "addresses, gateways and resolvers of this host",
  "admins who are logged in",
  "loopback, local link, multicast, and networks that are too wide",
];

/** What the warden would say; when it is away what is known here, and what is not. */
async function rehearse(mind: Mind, wanted: WantedBlock): Promise<JsonObject> {
  const { network, ports, untilUnixMs } = wanted;
  const { refusal, unchecked } = await rehearsedRefusal(mind, wanted);
  return {
    item: "rehearsal",
    network,
    ports: [...ports],
    expiresAt: untilUnixMs === null ? null : isoOf(untilUnixMs),
    refusal,
    unchecked,
    ...describeFirewall(mind.firewall),
  };
}

async function rehearsedRefusal(
  mind: Mind,
  wanted: WantedBlock,
): Promise<{ refusal: string | null; unchecked: string[] }> {
  try {
    const { network, ports, untilUnixMs, by, isPrivateMeant } = wanted;
    const block = { network, ports: [...ports], untilUnixMs, by: cutText(by, 256), isPrivateMeant };
    return { refusal: await mind.rehearseBlock(block), unchecked: [] };
  } catch (error) {
    if (!(error instanceof GarrisonError) || error.code !== "GARRISON_WARDEN_AWAY") throw error;
    return { refusal: refusalOf(mind, wanted), unchecked: UNCHECKED };
  }
}

/** By the limits that stand in the settings. */
function refusalOf(mind: Mind, { network, isPrivateMeant }: WantedBlock): string | null {
  const { allow, proxies } = mind.settings.blocks;
  const within = (list: readonly string[]): string | undefined => list.find((one) => isOverlapping(one, network));
  const allowed = within(allow);
  if (allowed !== undefined) return `it is or holds ${allowed}, which is on the allow-list`;
  const proxy = within(proxies);
  if (proxy !== undefined) return `it is or holds ${proxy}, a proxy before the web server`;
  const isPrivate = !isPrivateMeant && within(PRIVATE_NETWORKS) !== undefined;
  return isPrivate ? "it is a private network, and it was not said that this is meant" : null;
}

function isOverlapping(one: string, other: string): boolean {
  const networks = [parseNetwork(one), parseNetwork(other)] as const;
  return networks[0] !== null && networks[1] !== null && overlaps(networks[0], networks[1]);
}

function describeAction(action: Action): JsonObject {
  return { item: "action", ...(action as unknown as JsonObject) };
}

function describeGroup(group: readonly BlockRecord[]): JsonObject {
  const last = group.at(-1)!;
  const lengths = group
    .filter(isNoFailure)
    .map(({ atUnixMs, untilUnixMs }) => (untilUnixMs === null ? null : untilUnixMs - atUnixMs));
  return {
    item: "network",
    network: last.network,
    ...countBlocks(group),
    rules: [...new Set(group.map(({ rule }) => rule ?? "by hand"))],
    reason: last.reason,
    firstAt: isoOf(group[0]!.atUnixMs),
    lastAt: isoOf(last.atUnixMs),
    /** `null`: for ever. */
    totalMs: lengths.includes(null) ? null : lengths.reduce((sum: number, one) => sum + (one ?? 0), 0),
  };
}

function countBlocks(records: readonly BlockRecord[]) {
  const count = (isSo: (record: BlockRecord) => boolean): number => records.filter(isSo).length;
  return {
    blocked: count((one) => one.action !== null && isNoFailure(one)),
    wouldBlock: count(({ action }) => action === null),
    undone: count(({ outcome }) => outcome === "undone"),
    failed: count(({ outcome }) => outcome === "failed"),
  };
}

function isNoFailure({ outcome }: BlockRecord): boolean {
  return outcome !== "failed";
}

function isoOf(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
