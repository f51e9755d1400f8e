import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "./firewall.ts";
import { IpsetFirewall } from "./ipset-firewall.ts";
import { packNetworks } from "./packed-networks.ts";
import { enterNamespace, feed, Neighbour, run, startEcho } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() !== 0 };
const EMPTY = { allowed: [], blocked: [] };

function blockedOf(text: string, port: number | null = null, timeoutMs: number | null = null): BlockedNetwork {
  return { network: parseNetwork(text)!, port, timeoutMs };
}

async function open(kind: IpsetFirewall["kind"]): Promise<IpsetFirewall> {
  const firewall = await IpsetFirewall.open(kind);
  if (typeof firewall === "string") assert.fail(firewall);
  return firewall;
}

async function arrange(t: TestContext): Promise<{ reaching(port?: number): Promise<string[]> }> {
  enterNamespace();
  const theirs = ["203.0.113.5/24", "203.0.113.6/24", "2001:db8:0:5::5/32", "2001:db8:0:6::5/32"];
  const neighbour = await Neighbour.connect(t, ["203.0.113.1/24", "2001:db8::1/32"], theirs);
  await startEcho(t, 7000, 7001);
  return {
    reaching: async (port = 7000) => {
      const seen: string[] = [];
      for (const from of theirs.map((address) => address.replace(/\/.*/, "")))
        if (await neighbour.canReach(from, from.includes(":") ? "2001:db8::1" : "203.0.113.1", port)) seen.push(from);
      return seen;
    },
  };
}

for (const variant of ["nft", "legacy"] as const) {
  const kind = `ipset-iptables-${variant}` as const;
  const iptables = `iptables-${variant}`;
  const all = ["203.0.113.5", "203.0.113.6", "2001:db8:0:5::5", "2001:db8:0:6::5"];

  test(
    `IpsetFirewall (${variant}) drops what is blocked, by port and by list, never what is allowed`,
    root,
    async (t) => {
      const { reaching } = await arrange(t);
      // What is established is accepted by others: it must not pass.
      run(iptables, "-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT");
      using firewall = await open(kind);
      await firewall.replace({ allowed: [], blocked: [blockedOf("203.0.113.5/32"), blockedOf("2001:db8:0:5::/64")] });
      assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
      await firewall.unblock([blockedOf("203.0.113.5/32"), blockedOf("2001:db8:0:5::/64"), blockedOf("192.0.2.1/32")]);
      assert.deepEqual(await reaching(), all);
      await firewall.block([blockedOf("203.0.113.4/31", 7000), blockedOf("2001:db8:0:6::5/128", 7000, 3_600_000)]);
      assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:5::5"]);
      assert.deepEqual(await reaching(7001), all);
      const listed = packNetworks(["203.0.113.0/29", "2001:db8:0:5::/64"].map((text) => parseNetwork(text)!));
      await firewall.changeListed(listed, new Map());
      await firewall.allow(["203.0.113.6/32", "203.0.113.5/32"].map((text) => parseNetwork(text)!));
      assert.deepEqual(await reaching(7001), ["203.0.113.5", "203.0.113.6", "2001:db8:0:6::5"]);
      await firewall.changeListed(new Map(), listed);
      await firewall.allow([]);
      assert.deepEqual(await reaching(7001), all);
      assert.deepEqual(await firewall.readDropped(), { blocked: 2, ports: 2, listed: 1 });
    },
  );

  test(
    `IpsetFirewall (${variant}) leaves the end of a block to the kernel, and renews one that is there`,
    root,
    async (t) => {
      const { reaching } = await arrange(t);
      using firewall = await open(kind);
      await firewall.replace(EMPTY);
      await firewall.block([blockedOf("203.0.113.5/32", null, 2000), blockedOf("203.0.113.6/32", null, 2000)]);
      await firewall.block([blockedOf("203.0.113.6/32", null, 90 * 86_400_000)]);
      while (!(await reaching()).includes("203.0.113.5"));
      assert.match(run("ipset", "list", "garrison-blocked4"), /^203\.0\.113\.6 timeout 21474\d\d$/m);
    },
  );

  test(`IpsetFirewall (${variant}) touches nothing of others`, root, async () => {
    enterNamespace();
    run("ipset", "create", "bl_SPAMDROP", "hash:net");
    run("ipset", "add", "bl_SPAMDROP", "192.0.2.0/24");
    feed(OTHERS, `${iptables}-restore`);
    feed(
      OTHERS.replace("-m set --match-set bl_SPAMDROP src", "-s 2001:db8::/32").replace("172.17.0.0/16", "fd00::/8"),
      `ip6tables-${variant}-restore`,
    );
    const look = () =>
      [`${iptables}-save`, `ip6tables-${variant}-save`, "nft -s list ruleset", "ipset save"]
        .map((words) => run(words.split(" ")[0]!, ...words.split(" ").slice(1)))
        .join("\n")
        .replaceAll(/^#.*\n/gm, "");
    const before = look();
    using firewall = await open(kind);
    await firewall.replace({ allowed: [parseNetwork("0.0.0.0/0")!], blocked: [blockedOf("203.0.113.5/32")] });
    await firewall.replace({ allowed: [], blocked: [blockedOf("203.0.113.5/32")] });
    assert.equal(await firewall.isIntact(), true);
    const saved = run(`${iptables}-save`);
    const ours = /^(?::GARRISON .*|-A GARRISON .*|-A (?:INPUT|FORWARD) -j GARRISON)\n/gm;
    assert.equal(saved.match(ours)?.length, 7);
    assert.match(saved, /^-A INPUT -j GARRISON\n-A INPUT -i lo/m);
    assert.equal(
      saved.replaceAll(ours, "").replaceAll(/^#.*\n/gm, ""),
      before.slice(0, before.indexOf("COMMIT\n") + 7),
    );
    await firewall.remove();
    assert.equal(look(), before);
  });

  test(`IpsetFirewall.watch() (${variant}) tells of iptables -F within a second or so`, root, async () => {
    enterNamespace();
    using firewall = await open(kind);
    await firewall.replace(EMPTY);
    for (const words of [
      ["-F"],
      ["-F", "GARRISON"],
      ["-I", "INPUT", "1", "-p", "tcp", "-j", "ACCEPT"],
      ["-D", "FORWARD", "1"],
    ]) {
      const told = Promise.withResolvers<void>();
      await using _watch = firewall.watch(told.resolve);
      run(iptables, ...words);
      await told.promise;
      await firewall.replace(EMPTY);
      assert.equal(await firewall.isIntact(), true, String(words));
    }
  });
}

/** What a host with a firewall script keeps in iptables. */
const OTHERS = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ALLOWIN - [0:0]
:DENYIN - [0:0]
:DOCKER-USER - [0:0]
:LOCALINPUT - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -j LOCALINPUT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j DOCKER-USER
-A ALLOWIN -s 172.17.0.0/16 -j ACCEPT
-A DENYIN -m set --match-set bl_SPAMDROP src -j DROP
-A DOCKER-USER -j RETURN
-A LOCALINPUT -j ALLOWIN
-A LOCALINPUT -j DENYIN
COMMIT
`;
