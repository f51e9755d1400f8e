/** Logins that worked, as observations: each account, network and hour once an hour at most. Of the latest 20,000. */
import { formatNetwork, networkOf, parseIpAddress } from "#src/lib/ip-network.ts";
import type { PlacedHit } from "#src/logs/contract.ts";
import { RecentMap } from "#src/logs/decide/recent-map.ts";
import { nameOf } from "#src/logs/decide/suspects.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Observation } from "#src/model/observation.ts";

/**
 * About as large as what a provider has in one country, without asking anybody: of IPv4 a /12 (a million addresses; providers hold
 * several neighbours, a stranger's random address is in an account's three with a chance of 1 in 1,000), of IPv6 a /28 (a registry
 * gives a provider a /32 to /29 and keeps the neighbours free for it).
 */
const PREFIX = { 4: 12, 6: 28 } as const;
const HOUR_MS = 3_600_000;
const MAX_SEEN = 20_000;

/** A login that worked. */
export interface LogLogin {
  readonly account: string;
  readonly service: string;
  readonly address: string;
  /** Where it stands, and its text. */
  readonly line: JsonObject;
  readonly atUnixMs: number;
}

/** Turns logins into observations. */
export class LogLogins {
  readonly #seen = new RecentMap<string, number>(MAX_SEEN);

  /** None for what was seen within the hour, for this machine itself, and for a hit without account or address. */
  observe(hit: PlacedHit, atUnixMs: number): readonly Observation[] {
    const { user, address, service } = hit;
    const network = address === null ? null : networkAround(address);
    if (user === null || address === null || network === null) return [];
    const account = nameOf(user);
    const hour = Math.floor(atUnixMs / HOUR_MS);
    const key = `${account} ${network} ${service}`;
    if (this.#seen.get(key) === hour) return [];
    this.#seen.set(key, hour);
    return observeLogin({ account, service, address, line: describeLine(hit), atUnixMs });
  }
}

/** What one login says of its account; nothing when it came from this machine. */
export function observeLogin({ account, service, address, line, atUnixMs }: LogLogin): readonly Observation[] {
  const network = networkAround(address);
  if (network === null) return [];
  const when = new Date(atUnixMs);
  // Of this host's zone: the hours of its people.
  const isWeekend = when.getDay() === 0 || when.getDay() === 6;
  const base = { account, service, address, network, hour: when.getHours(), isWeekend, line };
  const make = (about: string, group: string, parts: readonly (string | number | boolean)[]): Observation => ({
    sensor: "logs",
    type: "present",
    key: JSON.stringify([about, ...parts]),
    group,
    subject: { type: "account", name: account },
    facts: { about, ...base },
    who: null,
    atUnixMs,
    scanned: false,
  });
  return [
    make("network", `network ${account}`, [account, network]),
    make("hour", `hour ${account}`, [account, isWeekend, when.getHours()]),
    ...(account === "root" ? [make("root", "root", [service])] : []),
  ];
}

function describeLine({ rule, source, place, text }: PlacedHit): JsonObject {
  return { rule, source, file: place.file, offset: place.offset, text: text.slice(0, 1024) };
}

function networkAround(address: string): string | null {
  const bytes = parseIpAddress(address);
  if (bytes === null) return null;
  const family = bytes.length === 4 ? 4 : 6;
  const isLoopback = family === 4 ? bytes[0] === 127 : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
  return isLoopback ? null : formatNetwork(networkOf(bytes, PREFIX[family]));
}
