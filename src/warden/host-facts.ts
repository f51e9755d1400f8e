/** What this host must not be cut off from, as it is now. Cost: 0.3 ms, at most every 2 s. */
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { AdminSessions } from "#src/linux/admin-sessions.ts";
import { readGateways, readHostAddresses } from "#src/linux/host-addresses.ts";
import { readResolvers } from "#src/linux/resolvers.ts";
import type { Protected } from "./block-limits.ts";

const FRESH_MS = 2000;

/** Which addresses the settings name. */
export interface NamedAddresses {
  readonly hub: readonly string[];
  readonly allow: readonly string[];
  readonly proxies: readonly string[];
}

/** Reads them when asked, and keeps them for a moment. */
export class HostFacts {
  readonly #named: Pick<Protected, "hub" | "allow" | "proxies">;
  readonly #sessions = new AdminSessions();
  #kept: Protected | null = null;
  #readAtMs = 0;

  constructor({ hub, allow, proxies }: NamedAddresses) {
    this.#named = { hub: parseAll(hub), allow: parseAll(allow), proxies: parseAll(proxies) };
  }

  /** @throws GarrisonError when the kernel does not tell: nothing may be blocked then */
  get protected(): Protected {
    if (this.#kept !== null && performance.now() - this.#readAtMs < FRESH_MS) return this.#kept;
    this.#kept = { ...this.#named, own: readHostAddresses(), gateways: readGateways(), resolvers: readResolvers() };
    this.#readAtMs = performance.now();
    return this.#kept;
  }

  /** What it cannot know here, in sentences. */
  get blindTo(): readonly string[] {
    if (this.#sessions.seesSockets) return [];
    return [
      "admins' logins that neither logind nor utmp has: which process holds a socket is hidden from the warden (Landlock)",
    ];
  }

  /** Addresses of open admin sessions among these networks; `null`: all. @throws GarrisonError */
  adminPeers(networks: readonly IpNetwork[] | null): IpNetwork[] {
    return this.#sessions.peers(networks);
  }

  /** All that the kernel is told to let through. @throws GarrisonError */
  allowed(): IpNetwork[] {
    return [...Object.values(this.protected).flat(), ...this.adminPeers(null)];
  }
}

function parseAll(texts: readonly string[]): IpNetwork[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
