/**
 * From hits to decisions: who is to be blocked for how long and why, and what is to be told. Pure: its clock is the hits'. What it
 * counts, forgives and cannot tell apart is in README.md.
 */
import type { BlockPolicy } from "#src/blocks/options.ts";
import { type IpNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import type { PlacedHit } from "../contract.ts";
import { type AddressKey, countedNetwork, maskKey, networkText, parseAddress } from "./address.ts";
import { BreakIns } from "./break-ins.ts";
import { CAMPAIGN_ADDRESSES, CAMPAIGN_MS, Campaigns } from "./campaigns.ts";
import type { Decision, DecisionKind, Withheld } from "./decision.ts";
import { Growth } from "./growth.ts";
import { Offences } from "./offences.ts";
import { blockedAs, isRuleOf, type NumberedPolicy, Policies, type RulePolicy } from "./policies.ts";
import { RecentMap } from "./recent-map.ts";
import { ScoreTable } from "./score-table.ts";
import { type Standing, Standings } from "./standing.ts";
import { evidenceOf, knownName, nameOf, type Suspect, Suspects } from "./suspects.ts";
import { Witness } from "./witness.ts";

/** Points of this many keys are held: 62 MB of arrays. */
const MAX_KEYS = 1_000_000;
const MAX_SUSPECTS = 8000;
const MAX_COUNTED = 8000;
const SHOWN_NAMES = 10;
const DAY_MS = 86_400_000;
// So many accounts that failed from one address are no one's bad memory.
const SPRAY_ACCOUNTS = 5;
// So many within a day, however slowly.
const SLOW_SPRAY_ACCOUNTS = 10;
// Addresses with a good history may fail so many times more often: one or two accounts (a device with an old password), or a few.
const HISTORY_FACTOR = 5;
const SOME_HISTORY_FACTOR = 2;
const FEW_ACCOUNTS = 2;
// Of the limit: for those who take part in an attack of many on one account, and have no history.
const CAMPAIGN_SHARE = 0.3;
// Of the limit, and at least so many: failures before a login that worked, which no one who mistypes has.
const BREAK_IN_SHARE = 0.5;
const BREAK_IN_LEAST = 4;
const WEB_SERVICES = new Set(["apache", "nginx", "litespeed", "web", "wordpress", "joomla", "phpmyadmin", "xmlrpc"]);
// IPv6: a network is blocked at so many times the limit, from so many different /64 of it.
const WIDE = { bits: 56, members: 4, factor: 4 } as const;
const WIDER = { bits: 48, members: 8, factor: 16 } as const;

/** What the decider is told besides the policy. */
export interface DeciderOptions {
  /** CIDR, never blocked. @default none */
  readonly allow?: readonly string[];
  /** CIDR of proxies, never blocked. @default none */
  readonly proxies?: readonly string[];
  /** Rules with a policy of their own. @default none */
  readonly rulePolicies?: readonly RulePolicy[];
  /** Whether the journal is read for a service: then lines that users can write count only when it confirms them. @default never */
  readonly isJournaled?: (service: string) => boolean;
  /** Keys whose points are held. @default 1,000,000 */
  readonly maxKeys?: number;
}

/** An address as it is counted. */
interface Counted {
  readonly key: AddressKey;
  readonly network: string;
}

interface Offender {
  readonly key: AddressKey;
  readonly network: string;
  readonly suspect: Suspect;
  readonly policy: NumberedPolicy;
  readonly hit: PlacedHit;
  readonly atUnixMs: number;
}

/** Decides for one host. */
export class Decider {
  readonly #policies: Policies;
  readonly #blocksNetworks: boolean;
  readonly #allow: readonly IpNetwork[];
  readonly #proxies: readonly IpNetwork[];
  readonly #witness: Witness;
  readonly #scores: ScoreTable;
  readonly #suspects = new Suspects(MAX_SUSPECTS);
  readonly #standings = new Standings();
  readonly #breakIns = new BreakIns();
  readonly #campaigns = new Campaigns();
  readonly #offences = new Offences();
  readonly #growth = new Growth();
  /** The same text for an address each time: everything here is found by it. */
  readonly #counted = new RecentMap<string, Counted>(MAX_COUNTED);

  constructor(policy: BlockPolicy, options: DeciderOptions = {}) {
    this.#blocksNetworks = policy.networkAt > 0;
    this.#policies = new Policies(policy, options.rulePolicies ?? []);
    this.#allow = toNetworks(options.allow ?? []);
    this.#proxies = toNetworks(options.proxies ?? []);
    this.#witness = new Witness(options.isJournaled ?? (() => false));
    this.#scores = new ScoreTable(options.maxKeys ?? MAX_KEYS);
  }

  /**
   * Takes one hit.
   * @param atUnixMs when it happened: the line's time, or that of its arrival. May go back between logs
   * @param isPast it was taken before a restart already: when it counts later than now, nothing is decided for it
   * @returns mostly nothing
   */
  take(hit: PlacedHit, atUnixMs: number, isPast = false): readonly Decision[] {
    const counted = hit.address === null ? undefined : this.#countedOf(hit.address);
    if (counted === undefined || !this.#witness.counts(hit, atUnixMs, isPast)) return [];
    return hit.outcome === "success" ? this.#succeed(counted, hit, atUnixMs) : this.#offend(counted, hit, atUnixMs);
  }

  /** The journal has been read up to an instant: tells of lines that it has not confirmed. */
  journalReached(atUnixMs: number): readonly Decision[] {
    return this.#witness.takeForged(atUnixMs).map((hit) => forged(hit, hit.atUnixMs ?? atUnixMs));
  }

  /** The journal cannot be read: lines that wait for it count by themselves, once `isJournaled` says so too. */
  journalLost(): readonly Decision[] {
    return this.#witness.takeUnconfirmed().flatMap(({ hit, atUnixMs, isPast }) => {
      const decisions = this.take(hit, atUnixMs, isPast);
      return isPast ? [] : decisions;
    });
  }

  /** A block of before: while it lasts nothing is decided of the network anew, and the next lasts longer. */
  restoreBlock(network: string, rule: string, atUnixMs: number, untilUnixMs: number): void {
    this.#offences.restore(blockedAs(network, this.#policies.of(rule)), atUnixMs, untilUnixMs);
  }

  /** A block was taken away by hand: the network begins anew. */
  pardon(network: string, atUnixMs: number): void {
    this.#offences.pardon(network);
    for (const policy of this.#policies.withPorts) this.#offences.pardon(blockedAs(network, policy));
    this.#suspects.forget(network, atUnixMs);
    const key = parseAddress(network.split("/")[0] ?? "");
    if (key !== undefined) for (const { window } of this.#policies.all) this.#scores.clear(key, window);
  }

  /** A break-in of before that nobody has accepted. */
  restoreBreakIn(account: string, network: string): void {
    this.#breakIns.note(account, network);
  }

  /** A login behind failures was its owner's: they are forgiven, and he is known there. @param rule that of the login */
  acceptBreakIn(account: string, network: string, rule: string, atUnixMs: number): void {
    this.#breakIns.forget(account, network);
    const suspect = this.#suspects.get(network, atUnixMs);
    const key = parseAddress(network.split("/")[0] ?? "");
    if (suspect !== undefined && key !== undefined) {
      this.#forgive({ key, network, suspect, policy: this.#policies.of(rule) }, account);
    }
    this.#standings.note(network, account, atUnixMs);
  }

  /** `login`: a break-in is suspected of the account from there. `account`: of the account, from elsewhere. */
  suspicionOf(account: string, network: string): "login" | "account" | null {
    if (this.#breakIns.has(account, network)) return "login";
    return this.#breakIns.hasAccount(account) ? "account" : null;
  }

  /** Good history of before. */
  restoreStandings(standings: readonly Standing[]): void {
    this.#standings.restore(standings);
  }

  /** Good history that is to be kept, since the last call. */
  takeStandings(): readonly Standing[] {
    return this.#standings.takeChanges();
  }

  /** Keys with points, and the bytes that they take. */
  get size(): { readonly keys: number; readonly bytes: number } {
    return { keys: this.#scores.size, bytes: this.#scores.sizeBytes };
  }

  #countedOf(address: string): Counted | undefined {
    const known = this.#counted.get(address);
    if (known !== undefined) return known;
    const key = parseAddress(address);
    if (key === undefined) return undefined;
    const counted = { key, network: countedNetwork(key) };
    this.#counted.set(address, counted);
    return counted;
  }

  #offend({ key, network }: Counted, hit: PlacedHit, atUnixMs: number): readonly Decision[] {
    const suspect = this.#suspects.note(network, hit, atUnixMs);
    const policy = this.#policies.of(hit.rule);
    const offender: Offender = { key, network, suspect, policy, hit, atUnixMs };
    const campaign = this.#noteCampaign(offender);
    const points = this.#scores.add(key, policy.window, atUnixMs, hit.weight);
    if (this.#isBlocked(offender)) return campaign;
    const grown = key.family === 6 ? this.#grow(offender) : [];
    return grown.length > 0 ? [...campaign, ...grown] : [...campaign, ...this.#weigh(offender, points)];
  }

  #weigh(offender: Offender, points: number): readonly Decision[] {
    const { network, suspect, policy, atUnixMs } = offender;
    if (suspect.accounts.size >= SPRAY_ACCOUNTS) this.#standings.lose(network, atUnixMs);
    const hasHistory = this.#standings.hasHistory(network, atUnixMs);
    const isCampaign = !hasHistory && this.#isInCampaign(offender);
    const limit = limitOf(policy.points, suspect, hasHistory, isCampaign);
    const isSlowSpray =
      suspect.accounts.size - suspect.accountsAtBlock >= SLOW_SPRAY_ACCOUNTS * (hasHistory ? SOME_HISTORY_FACTOR : 1);
    if (points >= limit || isSlowSpray) {
      const because = points < policy.points && isCampaign ? "campaign" : "limit";
      return this.#punish(offender, { points, limit, because });
    }
    if (points < policy.points) return [];
    return this.#withhold(offender, "history", { points, limit: policy.points });
  }

  /** Blocks, unless it must not. */
  #punish(offender: Offender, why: Pick<Decision, "points" | "limit" | "because">): readonly Decision[] {
    const { key, network, suspect, policy, atUnixMs } = offender;
    const withheld = this.#withheldOf(network);
    if (withheld !== null) return this.#withhold(offender, withheld, why);
    this.#scores.clear(key, policy.window);
    suspect.accountsAtBlock = suspect.accounts.size;
    suspect.blockedAtUnixMs = atUnixMs;
    const decision = { ...describe(offender), ...why, ...this.#blockAs(network, policy, atUnixMs) };
    return [{ ...decision, type: "block" }, ...this.#punishNetwork(offender)];
  }

  /** So many blocked addresses of one /24 (IPv6: /64 of one /48) within a day, where the policy says so. */
  #punishNetwork(offender: Offender): readonly Decision[] {
    const { key, network, policy, atUnixMs } = offender;
    if (policy.networkAt === 0) return [];
    const wide = networkText(key, key.family === 4 ? 24 : 48);
    const addressCount = this.#growth.note(wide, network, DAY_MS, atUnixMs, 256);
    if (addressCount < policy.networkAt || this.#withheldOf(wide) !== null) return [];
    this.#growth.clear(wide);
    const why = { because: "network", points: addressCount, limit: policy.networkAt, addressCount } as const;
    return [this.#blockNetwork(offender, wide, why)];
  }

  /** Whoever holds a /56 or a /48 has any number of /64 to try from. */
  #grow(offender: Offender): readonly Decision[] {
    const { key, network, policy, hit, atUnixMs } = offender;
    for (const { bits, members, factor } of [WIDER, WIDE]) {
      const wide = networkText(key, bits);
      const window = bits === WIDE.bits ? policy.wide : policy.wider;
      const points = this.#scores.add(maskKey(key, bits), window, atUnixMs, hit.weight);
      const addressCount = this.#growth.note(wide, network, policy.withinMs, atUnixMs, WIDER.members * 2);
      const limit = policy.points * factor;
      if (points < limit || addressCount < members || this.#withheldOf(wide) !== null) continue;
      this.#growth.clear(wide);
      this.#scores.clear(maskKey(key, bits), window);
      return [this.#blockNetwork(offender, wide, { because: "network", points, limit, addressCount })];
    }
    return [];
  }

  #blockNetwork(
    offender: Offender,
    network: string,
    why: Pick<Decision, "points" | "limit" | "because" | "addressCount">,
  ): Decision {
    const block = this.#blockAs(network, offender.policy, offender.atUnixMs);
    return { ...describe(offender), ...why, ...block, type: "block", network };
  }

  #blockAs(network: string, policy: NumberedPolicy, atUnixMs: number): Pick<Decision, "forMs" | "offence" | "ports"> {
    return { ...this.#offences.block(blockedAs(network, policy), policy, atUnixMs), ports: policy.ports };
  }

  /** Told once a window. */
  #withhold(offender: Offender, withheld: Withheld, why: Pick<Decision, "points" | "limit">): readonly Decision[] {
    const { suspect, policy, atUnixMs } = offender;
    if (atUnixMs < suspect.quietUntilUnixMs) return [];
    suspect.quietUntilUnixMs = atUnixMs + policy.withinMs;
    return [{ ...describe(offender), ...why, withheld }];
  }

  /** A network that holds an address of the allow-list or a proxy is not blocked either. */
  #withheldOf(network: string): Withheld | null {
    const parsed = parseNetwork(network);
    if (parsed === null) return null;
    if (this.#allow.some((one) => overlaps(one, parsed))) return "allowed";
    return this.#proxies.some((one) => overlaps(one, parsed)) ? "proxy" : null;
  }

  #isBlocked({ key, network, policy, atUnixMs }: Offender): boolean {
    const isHeld = (text: string): boolean =>
      this.#offences.isBlocked(text, atUnixMs) ||
      (policy.ports.length > 0 && this.#offences.isBlocked(blockedAs(text, policy), atUnixMs));
    const isBlocked = (bits: number): boolean => isHeld(networkText(key, bits));
    if (key.family === 6) return isHeld(network) || isBlocked(56) || isBlocked(48);
    return isHeld(network) || (this.#blocksNetworks && isBlocked(24));
  }

  #noteCampaign({ network, hit, suspect, policy, atUnixMs }: Offender): readonly Decision[] {
    if (hit.outcome !== "failure" || hit.user === null) return [];
    const account = knownName(hit.user);
    const campaign = this.#campaigns.note(account, network, hit, atUnixMs);
    const addressCount = campaign.addresses.size;
    if (addressCount < Math.max(CAMPAIGN_ADDRESSES, campaign.toldAt * 2)) return [];
    campaign.toldAt = addressCount;
    const about = { key: null, network: null, suspect, policy, hit, atUnixMs };
    return [
      {
        ...describe(about),
        kind: "auth.distributed",
        account: campaign.account,
        accounts: [campaign.account],
        accountCount: 1,
        points: addressCount,
        limit: CAMPAIGN_ADDRESSES,
        withinMs: CAMPAIGN_MS,
        addressCount,
        lines: [...campaign.lines],
      },
    ];
  }

  /** Not the owner of the account, who has logged in from there before. */
  #isInCampaign({ network, hit, atUnixMs }: Offender): boolean {
    if (hit.outcome !== "failure" || hit.user === null) return false;
    const account = knownName(hit.user);
    return this.#campaigns.isUnderAttack(account, atUnixMs) && !this.#standings.knows(network, account, atUnixMs);
  }

  #succeed({ key, network }: Counted, hit: PlacedHit, atUnixMs: number): readonly Decision[] {
    if (hit.user === null) return [];
    const account = knownName(hit.user);
    const suspect = this.#suspects.get(network, atUnixMs);
    const isSuspected = this.#breakIns.has(account, network);
    if (suspect === undefined) {
      if (!isSuspected) this.#standings.note(network, account, atUnixMs);
      return [];
    }
    const isKnown = this.#standings.knows(network, account, atUnixMs);
    const policy = this.#policies.of(hit.rule);
    const offender: Offender = { key, network, suspect, policy, hit, atUnixMs };
    const points = this.#pointsOf(offender, account);
    if (!isKnown && this.#isBreakIn(offender, account, points)) {
      this.#breakIns.note(account, network);
      return [breakIn(offender, account, points)];
    }
    // Whoever tries many accounts does not clear himself by one that he has, nor who may have guessed it.
    if (suspect.accounts.size >= SPRAY_ACCOUNTS || isSuspected) return [];
    this.#forgive(offender, account);
    this.#standings.note(network, account, atUnixMs);
    return [];
  }

  /** What counts when a login worked. What an address was blocked for within a day is not forgotten: it may not have been blocked in fact. */
  #pointsOf({ key, suspect, policy, atUnixMs }: Offender, account: string): number {
    const points = this.#scores.pointsOf(key, policy.window, atUnixMs);
    const wasBlocked = atUnixMs - suspect.blockedAtUnixMs < DAY_MS;
    return wasBlocked ? Math.max(points, suspect.accounts.get(account) ?? 0) : points;
  }

  #forgive({ key, network, suspect, policy }: Omit<Offender, "hit" | "atUnixMs">, account: string): void {
    const points = suspect.accounts.get(account) ?? 0;
    suspect.accounts.delete(account);
    suspect.failurePoints -= points;
    this.#scores.subtract(key, policy.window, points);
    this.#campaigns.forgive(account, network);
  }

  /**
   * Whether the failures behind which a login worked look like guessing. The account has not logged in from there before.
   * @param points of the address within its window
   */
  #isBreakIn({ network, suspect, policy, atUnixMs }: Offender, account: string, points: number): boolean {
    const own = suspect.accounts.get(account) ?? 0;
    // From an office where others log in every day, somebody new may be slow to find his password.
    if (this.#standings.hasHistory(network, atUnixMs)) return own >= policy.points;
    const least = leastOfBreakIn(policy);
    return (
      suspect.accounts.size >= SPRAY_ACCOUNTS ||
      (own >= least && points >= least) ||
      // However slowly.
      own >= policy.points * 2 ||
      (own > 0 && this.#campaigns.isUnderAttack(account, atUnixMs))
    );
  }
}

function leastOfBreakIn({ points }: BlockPolicy): number {
  return Math.max(BREAK_IN_LEAST, points * BREAK_IN_SHARE);
}

function limitOf(points: number, { accounts }: Suspect, hasHistory: boolean, isCampaign: boolean): number {
  if (isCampaign) return Math.max(2, Math.ceil(points * CAMPAIGN_SHARE));
  if (!hasHistory || accounts.size >= SPRAY_ACCOUNTS) return points;
  return points * (accounts.size <= FEW_ACCOUNTS ? HISTORY_FACTOR : SOME_HISTORY_FACTOR);
}

type About = Omit<Offender, "key" | "network"> & { readonly key: AddressKey | null; readonly network: string | null };

/** An alert about an offender, to be completed. */
function describe({ network, suspect, policy, hit, atUnixMs }: About): Decision {
  const [rule, { service }] = leadingRule(suspect, hit, policy);
  return {
    type: "alert",
    kind: kindOf(suspect, service),
    atUnixMs,
    network,
    address: network === null ? null : hit.address,
    account: null,
    forMs: 0,
    ports: [],
    offence: 0,
    withheld: null,
    because: "limit",
    rule,
    service,
    points: 0,
    failures: suspect.failurePoints,
    limit: policy.points,
    withinMs: policy.withinMs,
    accounts: [...suspect.accounts.keys()].slice(0, SHOWN_NAMES),
    accountCount: suspect.accounts.size,
    sites: [...suspect.sites],
    addressCount: 1,
    lines: [...suspect.lines],
  };
}

function breakIn(offender: Offender, account: string, points: number): Decision {
  const { suspect, hit, atUnixMs, policy } = offender;
  return {
    ...describe(offender),
    kind: "auth.break-in-suspected",
    account: nameOf(account),
    rule: hit.rule,
    service: hit.service,
    points,
    limit: leastOfBreakIn(policy),
    lines: [...suspect.lines, evidenceOf(hit, atUnixMs)],
  };
}

function forged(hit: PlacedHit, atUnixMs: number): Decision {
  return {
    type: "alert",
    kind: "logs.forged",
    atUnixMs,
    network: null,
    address: hit.address,
    account: hit.user === null ? null : nameOf(hit.user),
    forMs: 0,
    ports: [],
    offence: 0,
    withheld: null,
    because: "limit",
    rule: hit.rule,
    service: hit.service,
    points: 0,
    failures: 0,
    limit: 0,
    withinMs: 0,
    accounts: [],
    accountCount: 0,
    sites: [],
    addressCount: 1,
    lines: [evidenceOf(hit, atUnixMs)],
  };
}

/** The rule with most points, of a jail's policy one of its own; the hit's when there is none. */
function leadingRule(
  { rules }: Suspect,
  hit: PlacedHit,
  { prefix }: NumberedPolicy,
): [string, { service: string; isProbe: boolean }] {
  let best: [string, { service: string; isProbe: boolean; points: number }] | undefined;
  for (const entry of rules) {
    if (prefix !== null && !isRuleOf(entry[0], prefix)) continue;
    if (best === undefined || entry[1].points > best[1].points) best = entry;
  }
  return best ?? [hit.rule, { service: hit.service, isProbe: hit.outcome === "probe" }];
}

function kindOf({ accounts, rules, failurePoints, sites }: Suspect, service: string): DecisionKind {
  if (service === "modsecurity") return "waf.hit";
  let probes = 0;
  for (const { isProbe, points } of rules.values()) if (isProbe) probes += points;
  if (probes > failurePoints && (sites.size > 0 || WEB_SERVICES.has(service))) return "web.probe";
  return accounts.size >= SPRAY_ACCOUNTS ? "auth.spray" : "auth.bruteforce";
}

function toNetworks(texts: readonly string[]): readonly IpNetwork[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
