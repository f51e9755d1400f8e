/** Requests to block, checked one by one: what is to be done, what is done already, and what is refused, and why. */
import { formatNetwork, type IpNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import type { ToWarden } from "#src/wire/warden-messages.ts";
import { isActionId, type StoredBlock } from "./block-ledger.ts";
import type { BlockLimits } from "./block-limits.ts";

/** Stands where a rehearsal has no action: numbers begin at 1. */
export const REHEARSED = "x0";

/** One block as the mind asks for it; nothing of it is trusted. */
export type BlockRequest = Extract<ToWarden, { t: "block" }>["blocks"][number];

/** A block that may be carried out. */
export interface AcceptedBlock extends StoredBlock {
  readonly parsed: IpNetwork;
  readonly reason: string;
  readonly by: string;
}

/** A block that is not carried out. */
export interface RefusedBlock {
  readonly request: BlockRequest;
  readonly failure: string;
}

/** What became of a batch. */
export interface SortedBlocks {
  readonly accepted: readonly AcceptedBlock[];
  /** In force already: asked for again, because the answer was lost. */
  readonly repeated: readonly string[];
  readonly refused: readonly RefusedBlock[];
}

/** What a request is held against. */
export interface BlockContext {
  readonly limits: BlockLimits;
  /** Addresses of open admin sessions among these networks. */
  adminPeers(networks: readonly IpNetwork[]): readonly IpNetwork[];
  known(action: string): StoredBlock | undefined;
  readonly nowUnixMs: number;
  /** How many more blocks there may be. */
  readonly room: number;
}

/** Whether someone asked by hand, which no rate bounds. */
export function isByHand(by: string): boolean {
  return by.startsWith("admin:");
}

/** Sorts a batch. @throws Error when it cannot be known who is logged in: nothing may be blocked then */
export function sortBlocks(requests: readonly BlockRequest[], context: BlockContext): SortedBlocks {
  const accepted = new Map<string, AcceptedBlock>();
  const repeated: string[] = [];
  const refused: RefusedBlock[] = [];
  for (const request of requests) {
    const known = context.known(request.action) ?? accepted.get(request.action);
    const outcome = known === undefined ? check(request, context) : repeat(request, known);
    if (outcome === null) repeated.push(request.action);
    else if (typeof outcome === "string") refused.push(refuse(request, outcome));
    else if (accepted.size >= context.room) refused.push(refuse(request, `${accepted.size} more are allowed`));
    else accepted.set(request.action, outcome);
  }
  return { ...withoutAdmins([...accepted.values()], requests, context, refused), repeated };
}

/** Why a block would be refused; `null`: it would be carried out. @throws Error as {@link sortBlocks} */
export function rehearseBlock(request: Omit<BlockRequest, "action" | "reason">, context: BlockContext): string | null {
  const named = { ...request, action: REHEARSED, reason: "" };
  const { refused } = sortBlocks([named], { ...context, known: () => undefined });
  return refused[0]?.failure ?? null;
}

/** @returns `null` when it asks for what is in force, or why not */
function repeat(request: BlockRequest, known: StoredBlock): string | null {
  const { network, ports } = readTarget(request);
  const isSame = network !== null && formatNetwork(network) === known.network && String(ports) === String(known.ports);
  return isSame ? null : "another block has this id";
}

/** @returns the block, or why not */
function check(request: BlockRequest, { limits, nowUnixMs }: BlockContext): AcceptedBlock | string {
  if (!isActionId(request.action)) return 'the id is not "x" and a number of at most 12 digits';
  const { network, ports } = readTarget(request);
  if (network === null) return "it is no network in CIDR";
  if (request.untilUnixMs !== null && request.untilUnixMs <= nowUnixMs) return "its time is over";
  const refusal = limits.refusalOf(network, request);
  if (refusal !== null) return refusal;
  const { action, untilUnixMs, reason, by } = request;
  return { action, network: formatNetwork(network), ports, untilUnixMs, parsed: network, reason, by };
}

function readTarget({ network, ports }: BlockRequest): { network: IpNetwork | null; ports: number[] } {
  return { network: parseNetwork(network), ports: [...new Set(ports)].sort((a, b) => a - b) };
}

/** Looks once for all of a batch who is logged in from there. */
function withoutAdmins(
  blocks: readonly AcceptedBlock[],
  requests: readonly BlockRequest[],
  context: BlockContext,
  refused: readonly RefusedBlock[],
): Omit<SortedBlocks, "repeated"> {
  if (blocks.length === 0) return { accepted: blocks, refused };
  const peers = context.adminPeers(blocks.map(({ parsed }) => parsed));
  if (peers.length === 0) return { accepted: blocks, refused };
  const isHeld = ({ parsed }: AcceptedBlock): boolean => peers.some((peer) => overlaps(parsed, peer));
  const held = new Set(blocks.filter(isHeld).map(({ action }) => action));
  const more = requests
    .filter(({ action }) => held.has(action))
    .map((request) => refuse(request, "an admin is logged in from there now"));
  return { accepted: blocks.filter(({ action }) => !held.has(action)), refused: [...refused, ...more] };
}

function refuse(request: BlockRequest, why: string): RefusedBlock {
  // The network as it was asked for: at most 64 characters, and it may be anything.
  const name = JSON.stringify(request.network);
  return { request, failure: `Cannot block ${name}: ${why}`.slice(0, 512) };
}
