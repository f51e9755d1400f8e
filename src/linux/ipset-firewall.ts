/**
 * Blocks for hosts that live on iptables: sets of ipset(8), a chain of our own, GARRISON, in the table `filter` of iptables and
 * ip6tables, and one rule at the top of INPUT and of FORWARD that leads there. Nothing else is touched.
 *
 * Kernel interface: the programs ipset, iptables and ip6tables (legacy or nft variant). Needs: CAP_NET_ADMIN, CAP_NET_RAW, raw sockets;
 * the legacy variant also the lock /run/xtables.lock. Without: throws. Cost: 5 ms a change; 0.4 s for 100,000; nothing measurable a packet.
 * Blinded by: rules of others in the tables raw and mangle that take packets before; a flush of a set, which is not seen.
 *
 * Port blocks look at the port behind DNAT. The longest time-out of ipset is 24 days: a longer block is put in again before it ends.
 */
import { formatNetwork, type IpNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork, DroppedPackets, Firewall, FirewallContent, FirewallKind } from "./firewall.ts";
import { readLegacyState, readNfGeneration } from "./iptables-state.ts";
import { type PackedNetworks, unpackNetworks } from "./packed-networks.ts";
import { findProgram, runProgram } from "./run-program.ts";

const CHAIN = "GARRISON";
const JUMPED_FROM = ["INPUT", "FORWARD"] as const;
const LOOK_MS = 1000;
const MAX_ELEMENTS = 2_097_152;
const LONGEST_SECONDS = 2_147_483;
const KINDS = ["allow", "blocked", "ports", "listed"] as const;
const FAMILIES = [4, 6] as const;

type Kind = (typeof KINDS)[number];
type Family = (typeof FAMILIES)[number];

/** Programs of one variant. */
interface Programs {
  readonly ipset: string;
  readonly iptables: Readonly<Record<Family, string>>;
  readonly restore: Readonly<Record<Family, string>>;
}

/** The sets and the chain; the owner disposes it, which leaves what is in the kernel. */
export class IpsetFirewall implements Firewall {
  readonly kind: Exclude<FirewallKind, "nftables">;
  readonly longestMs = LONGEST_SECONDS * 1000;
  // Ten programs, 50 ms.
  readonly lookMs = 60_000;
  readonly #programs: Programs;

  private constructor(kind: Exclude<FirewallKind, "nftables">, programs: Programs) {
    this.kind = kind;
    this.#programs = programs;
  }

  /** @returns why not, when a program is missing or does not work here */
  static async open(kind: Exclude<FirewallKind, "nftables">): Promise<IpsetFirewall | string> {
    const programs = await findPrograms(kind === "ipset-iptables-nft" ? "nft" : "legacy");
    if (typeof programs === "string") return programs;
    const probe = `garrison-probe-${process.pid}`;
    try {
      // The way that rules are read is the way that they are written: what may not be done fails here.
      await runProgram(
        programs.ipset,
        ["restore"],
        [`create ${probe} hash:net,port family inet6 timeout 0\n`, `destroy ${probe}\n`],
      );
      for (const family of FAMILIES) await runProgram(programs.iptables[family], ["-w", "5", "-S", "INPUT"]);
      return new IpsetFirewall(kind, programs);
    } catch (error) {
      return (error as Error).message;
    }
  }

  async replace({ allowed, blocked }: FirewallContent): Promise<void> {
    const fill = [...allowed.flatMap((network) => addAllowed(network)), ...blocked.flatMap((one) => addBlocked(one))];
    await this.#ipset([
      ...eachSet((kind, family) => [createSet(kind, family, "-new"), `flush ${setName(kind, family)}-new`]),
      ...fill.map(({ set, entry }) => `add ${set}-new ${entry}`),
      ...eachSet((kind, family) => [
        createSet(kind, family),
        `swap ${setName(kind, family)}-new ${setName(kind, family)}`,
        `destroy ${setName(kind, family)}-new`,
      ]),
    ]);
    for (const family of FAMILIES) await this.#putRules(family);
  }

  async block(blocked: readonly BlockedNetwork[]): Promise<void> {
    await this.#ipset(blocked.flatMap((one) => addBlocked(one).map(({ set, entry }) => `add ${set} ${entry}`)));
  }

  async unblock(blocked: readonly Omit<BlockedNetwork, "timeoutMs">[]): Promise<void> {
    const gone = blocked.flatMap((one) => keysOf(one).map(({ set, key }) => `del ${set} ${key}`));
    await this.#ipset(gone);
  }

  async changeListed(added: PackedNetworks, removed: PackedNetworks): Promise<void> {
    const lines = (word: string, packed: PackedNetworks): string[] =>
      [...unpackNetworks(packed)].map(
        (network) => `${word} ${setName("listed", network.family)} ${formatNetwork(network)}`,
      );
    await this.#ipset([...lines("del", removed), ...lines("add", added)]);
  }

  async allow(allowed: readonly IpNetwork[]): Promise<void> {
    const sets = FAMILIES.map((family) => setName("allow", family));
    const fill = allowed.flatMap((network) => addAllowed(network));
    await this.#ipset([
      ...FAMILIES.flatMap((family) => [createSet("allow", family, "-new"), `flush ${setName("allow", family)}-new`]),
      ...fill.map(({ set, entry }) => `add ${set}-new ${entry}`),
      ...sets.flatMap((set) => [`swap ${set}-new ${set}`, `destroy ${set}-new`]),
    ]);
  }

  async readDropped(): Promise<DroppedPackets> {
    const dropped = { blocked: 0, ports: 0, listed: 0 };
    for (const family of FAMILIES) {
      const rules = await this.#iptables(family, "-v", "-S", CHAIN);
      for (const [, kind, packets] of rules.matchAll(
        /--match-set garrison-(blocked|ports|listed)[46] .* -c (\d+) \d+/g,
      ))
        dropped[kind as keyof DroppedPackets] += Number(packets);
    }
    return dropped;
  }

  async isIntact(): Promise<boolean> {
    try {
      const names = (await runProgram(this.#programs.ipset, ["list", "-n"])).split("\n");
      if (!eachSet((kind, family) => [setName(kind, family)]).every((name) => names.includes(name))) return false;
      for (const family of FAMILIES) if (!(await this.#hasRules(family))) return false;
      return true;
    } catch {
      return false;
    }
  }

  watch(onDisturbed: () => void): AsyncDisposable {
    const read = this.kind === "ipset-iptables-nft" ? readNfGeneration : readLegacyState;
    let seen = read();
    const timer = setInterval(() => {
      const now = read();
      if (now === seen) return;
      seen = now;
      void this.isIntact().then((isIntact) => {
        if (!isIntact) onDisturbed();
      });
    }, LOOK_MS);
    return { [Symbol.asyncDispose]: async () => clearInterval(timer) };
  }

  async remove(): Promise<void> {
    for (const family of FAMILIES) {
      if (!(await this.#hasChain(family))) continue;
      for (const chain of JUMPED_FROM) await this.#removeJumps(family, chain);
      await this.#iptables(family, "-F", CHAIN);
      await this.#iptables(family, "-X", CHAIN);
    }
    const names = (await runProgram(this.#programs.ipset, ["list", "-n"])).split("\n");
    const ours = eachSet((kind, family) => [setName(kind, family)]).filter((name) => names.includes(name));
    if (ours.length > 0) await this.#ipset(ours.map((name) => `destroy ${name}`));
  }

  async #hasChain(family: Family): Promise<boolean> {
    try {
      await this.#iptables(family, "-S", CHAIN);
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    // Nothing is held between calls.
  }

  /** Lines of ipset(8)'s restore; adding what is there renews it, deleting what is not is passed over. */
  async #ipset(lines: readonly string[]): Promise<void> {
    await runProgram(this.#programs.ipset, ["restore", "-exist"], pieces(lines));
  }

  #iptables(family: Family, ...words: string[]): Promise<string> {
    return runProgram(this.#programs.iptables[family], ["-w", "5", ...words]);
  }

  /** The chain in one step, then the ways that lead to it where they do not come first. */
  async #putRules(family: Family): Promise<void> {
    const rules = ["*filter", `:${CHAIN} - [0:0]`, ...chainRules(family), "COMMIT", ""];
    await runProgram(this.#programs.restore[family], ["-w", "5", "--noflush"], [rules.join("\n")]);
    for (const chain of JUMPED_FROM) {
      if (await this.#jumpsFirst(family, chain)) continue;
      await this.#removeJumps(family, chain);
      await this.#iptables(family, "-I", chain, "1", "-j", CHAIN);
    }
  }

  async #hasRules(family: Family): Promise<boolean> {
    const rules = (await this.#iptables(family, "-S", CHAIN)).split("\n").filter((line) => line.startsWith("-A"));
    if (rules.join("\n") !== chainRules(family).join("\n")) return false;
    for (const chain of JUMPED_FROM) if (!(await this.#jumpsFirst(family, chain))) return false;
    return true;
  }

  async #jumpsFirst(family: Family, chain: string): Promise<boolean> {
    const rules = (await this.#iptables(family, "-S", chain)).split("\n").filter((line) => line.startsWith("-A"));
    return rules[0] === `-A ${chain} -j ${CHAIN}`;
  }

  async #removeJumps(family: Family, chain: string): Promise<void> {
    const rules = (await this.#iptables(family, "-S", chain)).split("\n");
    for (const _rule of rules.filter((rule) => rule === `-A ${chain} -j ${CHAIN}`))
      await this.#iptables(family, "-D", chain, "-j", CHAIN);
  }
}

async function findPrograms(variant: "nft" | "legacy"): Promise<Programs | string> {
  const ipset = findProgram("ipset");
  if (ipset === null) return "ipset is not installed";
  const four = await findVariant("iptables", variant);
  const six = await findVariant("ip6tables", variant);
  if (four === null || six === null) return `iptables of the ${variant} variant is not installed`;
  return {
    ipset,
    iptables: { 4: four.program, 6: six.program },
    restore: { 4: four.restore, 6: six.restore },
  };
}

/** Debian names the variants; others have one, whose version says which it is. */
async function findVariant(
  name: string,
  variant: "nft" | "legacy",
): Promise<{ program: string; restore: string } | null> {
  const named = { program: findProgram(`${name}-${variant}`), restore: findProgram(`${name}-${variant}-restore`) };
  if (named.program !== null && named.restore !== null) return { program: named.program, restore: named.restore };
  const [program, restore] = [findProgram(name), findProgram(`${name}-restore`)];
  if (program === null || restore === null) return null;
  const isNft = (await runProgram(program, ["--version"])).includes("nf_tables");
  return isNft === (variant === "nft") ? { program, restore } : null;
}

function chainRules(family: Family): string[] {
  const rule = (kind: Kind, sides: string, target: string): string =>
    `-A ${CHAIN} -m set --match-set ${setName(kind, family)} ${sides} -j ${target}`;
  return [
    rule("allow", "src", "RETURN"),
    rule("blocked", "src", "DROP"),
    rule("ports", "src,dst", "DROP"),
    rule("listed", "src", "DROP"),
  ];
}

function setName(kind: Kind, family: Family): string {
  return `garrison-${kind}${family}`;
}

function createSet(kind: Kind, family: Family, suffix = ""): string {
  const type = kind === "ports" ? "hash:net,port" : "hash:net";
  const timeout = kind === "blocked" || kind === "ports" ? " timeout 0" : "";
  const inet = family === 4 ? "inet" : "inet6";
  return `create ${setName(kind, family)}${suffix} ${type} family ${inet} maxelem ${MAX_ELEMENTS}${timeout}`;
}

function eachSet(lines: (kind: Kind, family: Family) => readonly string[]): string[] {
  return KINDS.flatMap((kind) => FAMILIES.flatMap((family) => lines(kind, family)));
}

/** hash:net has no network of length 0: two halves stand for it. */
function addAllowed(network: IpNetwork): { set: string; entry: string }[] {
  const set = setName("allow", network.family);
  if (network.prefix > 0) return [{ set, entry: formatNetwork(network) }];
  return (network.family === 4 ? ["0.0.0.0/1", "128.0.0.0/1"] : ["::/1", "8000::/1"]).map((entry) => ({ set, entry }));
}

function addBlocked(blocked: BlockedNetwork): { set: string; entry: string }[] {
  const { timeoutMs } = blocked;
  const seconds = timeoutMs === null ? 0 : Math.min(LONGEST_SECONDS, Math.max(1, Math.ceil(timeoutMs / 1000)));
  return keysOf(blocked).map(({ set, key }) => ({ set, entry: `${key} timeout ${seconds}` }));
}

function keysOf({ network, port }: Pick<BlockedNetwork, "network" | "port">): { set: string; key: string }[] {
  const text = formatNetwork(network);
  if (port === null) return [{ set: setName("blocked", network.family), key: text }];
  return ["tcp", "udp"].map((protocol) => ({
    set: setName("ports", network.family),
    key: `${text},${protocol}:${port}`,
  }));
}

function* pieces(lines: readonly string[]): Generator<string> {
  for (let from = 0; from < lines.length; from += 1000) yield `${lines.slice(from, from + 1000).join("\n")}\n`;
}
