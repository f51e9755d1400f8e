/** Accounts that many addresses try. Of the latest 2,000 accounts, 100 addresses each. Pure. */

import type { PlacedHit } from "../contract.ts";
import type { EvidenceLine } from "./decision.ts";
import { RecentMap } from "./recent-map.ts";
import { evidenceOf, nameOf } from "./suspects.ts";

const MAX_CAMPAIGNS = 2000;
const MAX_ADDRESSES = 100;
const MAX_LINES = 6;
/** So many addresses on one account make it a campaign. */
export const CAMPAIGN_ADDRESSES = 10;
/** Within so long. */
export const CAMPAIGN_MS = 3_600_000;

/** One account under attack. */
export interface Campaign {
  readonly account: string;
  /** When each address was last seen on it, longest ago first. */
  readonly addresses: Map<string, number>;
  readonly lines: EvidenceLine[];
  /** Told at so many addresses, and again at twice as many. */
  toldAt: number;
}

/** Keeps campaigns by account. */
export class Campaigns {
  readonly #campaigns = new RecentMap<string, Campaign>(MAX_CAMPAIGNS);

  /** A failure of `account` from `network`. */
  note(account: string, network: string, hit: PlacedHit, atUnixMs: number): Campaign {
    const campaign = this.#campaigns.get(account) ?? newCampaign(account);
    this.#campaigns.set(campaign.account, campaign);
    forget(campaign, atUnixMs - CAMPAIGN_MS);
    if (!campaign.addresses.delete(network)) {
      if (campaign.lines.length >= MAX_LINES) campaign.lines.shift();
      campaign.lines.push(evidenceOf(hit, atUnixMs));
    }
    campaign.addresses.set(network, atUnixMs);
    if (campaign.addresses.size > MAX_ADDRESSES) dropFirst(campaign.addresses);
    return campaign;
  }

  /** Whether the account is under an attack of many now. */
  isUnderAttack(account: string, atUnixMs: number): boolean {
    const campaign = this.#campaigns.get(account);
    if (campaign === undefined) return false;
    forget(campaign, atUnixMs - CAMPAIGN_MS);
    return campaign.addresses.size >= CAMPAIGN_ADDRESSES;
  }

  /** A login of `account` from `network` worked: it was none of the attackers. */
  forgive(account: string, network: string): void {
    this.#campaigns.get(account)?.addresses.delete(network);
  }
}

function newCampaign(account: string): Campaign {
  return { account: nameOf(account), addresses: new Map(), lines: [], toldAt: 0 };
}

function forget(campaign: Campaign, beforeUnixMs: number): void {
  for (const [network, atUnixMs] of campaign.addresses) {
    if (atUnixMs >= beforeUnixMs) break;
    campaign.addresses.delete(network);
  }
  if (campaign.addresses.size < CAMPAIGN_ADDRESSES / 2) campaign.toldAt = 0;
}

function dropFirst(addresses: Map<string, number>): void {
  const first = addresses.keys().next();
  if (!first.done) addresses.delete(first.value);
}
