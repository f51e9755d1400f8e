/**
 * What this host must not be cut off from, as it is now. The kernel is asked each time whether anything has changed (0.02 ms), and what
 * it is only if so (0.3 ms), and every minute all the same.
 */
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { AdminSessions } from "#src/linux/admin-sessions.ts";
import { readGateways, readHostAddresses } from "#src/linux/host-addresses.ts";
import { NetworkChanges } from "#src/linux/network-changes.ts";
import { readResolvers, resolversVersion } from "#src/linux/resolvers.ts";
import type { Protected } from "./block-limits.ts";

const FRESH_MS = 60_000;

/** Which addresses the settings name. */
export interface NamedAddresses {
  readonly hub: readonly string[];
  readonly allow: readonly string[];
  readonly proxies: readonly string[];
}

/** Reads them when asked, and keeps them until they change. The owner disposes it. */
export class HostFacts implements Disposable {
  readonly #named: Pick<Protected, "hub" | "allow" | "proxies">;
  readonly #sessions = new AdminSessions();
  #changes: NetworkChanges | null = null;
  #kept: Protected | null = null;
  #readAtMs = 0;
  #resolversVersion = "";

  constructor({ hub, allow, proxies }: NamedAddresses) {
    this.#named = { hub: parseAll(hub), allow: parseAll(allow), proxies: parseAll(proxies) };
  }

  /** @throws GarrisonError when the kernel does not tell: nothing may be blocked then */
  get protected(): Protected {
    const resolvers = resolversVersion();
    // Asked before anything is read: what changes meanwhile is told the next time.
    const hasChanged = this.#hasChanged() || resolvers !== this.#resolversVersion;
    if (this.#kept !== null && !hasChanged) return this.#kept;
    this.#kept = null;
    this.#kept = { ...this.#named, own: readHostAddresses(), gateways: readGateways(), resolvers: readResolvers() };
    this.#readAtMs = performance.now();
    this.#resolversVersion = resolvers;
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

  [Symbol.dispose](): void {
    this.#changes?.[Symbol.dispose]();
  }

  #hasChanged(): boolean {
    this.#changes ??= new NetworkChanges();
    return this.#changes.takeChanged() || performance.now() - this.#readAtMs >= FRESH_MS;
  }
}

function parseAll(texts: readonly string[]): IpNetwork[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
