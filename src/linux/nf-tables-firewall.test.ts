import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "./firewall.ts";
import { NfTablesFirewall, whyNoNfTables } from "./nf-tables-firewall.ts";
import { packNetworks } from "./packed-networks.ts";
import { enterNamespace, feed, Neighbour, run, startEcho } from "./temp-namespace.mts";

const isRoot = process.getuid?.() === 0;
const EMPTY = { allowed: [], blocked: [] };

function blockedOf(text: string, port: number | null = null, timeoutMs: number | null = null): BlockedNetwork {
  return { network: parseNetwork(text)!, port, timeoutMs };
}

/** A firewall in a namespace of its own, and a neighbour with addresses of 192.0.2.0/24 and 2001:db8::/32. */
async function arrange(t: TestContext): Promise<{ firewall: NfTablesFirewall; neighbour: Neighbour }> {
  enterNamespace();
  const ours = ["192.0.2.1/24", "2001:db8::1/32"];
  const theirs = ["192.0.2.5/24", "192.0.2.6/24", "2001:db8:0:5::5/32", "2001:db8:0:5::6/32", "2001:db8:0:6::5/32"];
  const neighbour = await Neighbour.connect(t, ours, theirs);
  await startEcho(t, 7000, 7001);
  const firewall = new NfTablesFirewall();
  t.after(() => firewall[Symbol.dispose]());
  await firewall.replace(EMPTY);
  return { firewall, neighbour };
}

function reach(neighbour: Neighbour, from: string, port = 7000): Promise<boolean> {
  return neighbour.canReach(from, from.includes(":") ? "2001:db8::1" : "192.0.2.1", port);
}

/** Those that are answered. */
async function reaching(neighbour: Neighbour, froms: readonly string[]): Promise<string[]> {
  const seen: string[] = [];
  for (const from of froms) if (await reach(neighbour, from)) seen.push(from);
  return seen;
}

const root = { skip: !isRoot };

test("NfTablesFirewall drops what blocked addresses and networks send, and lets it through again", root, async (t) => {
  const { firewall, neighbour } = await arrange(t);
  const all = ["192.0.2.5", "192.0.2.6", "2001:db8:0:5::5", "2001:db8:0:5::6", "2001:db8:0:6::5"];
  const seen = () => reaching(neighbour, all);
  assert.deepEqual(await seen(), all);
  await firewall.block([blockedOf("192.0.2.5/32"), blockedOf("2001:db8:0:5::/64")]);
  assert.deepEqual(await seen(), ["192.0.2.6", "2001:db8:0:6::5"]);
  await firewall.block([blockedOf("192.0.2.4/30"), blockedOf("2001:db8:0:5::5/128")]);
  await firewall.unblock([blockedOf("192.0.2.5/32"), blockedOf("2001:db8:0:5::/64"), blockedOf("198.51.100.1/32")]);
  assert.deepEqual(await seen(), ["2001:db8:0:5::6", "2001:db8:0:6::5"]);
  await firewall.unblock([blockedOf("192.0.2.4/30"), blockedOf("2001:db8:0:5::5/128")]);
  assert.deepEqual(await seen(), all);
  const { blocked, ports, listed } = await firewall.readDropped();
  assert.ok(blocked >= 6, `${blocked} packets`);
  assert.deepEqual([ports, listed], [0, 0]);
});

test("NfTablesFirewall blocks one port and leaves the others open", root, async (t) => {
  const { firewall, neighbour } = await arrange(t);
  await firewall.block([blockedOf("192.0.2.5/32", 7000), blockedOf("2001:db8:0:5::/64", 7000)]);
  const seen = async () => {
    const open: string[] = [];
    for (const from of ["192.0.2.5", "192.0.2.6", "2001:db8:0:5::5", "2001:db8:0:6::5"])
      for (const port of [7000, 7001]) if (await reach(neighbour, from, port)) open.push(`${from} ${port}`);
    return open;
  };
  assert.deepEqual(await seen(), [
    "192.0.2.5 7001",
    "192.0.2.6 7000",
    "192.0.2.6 7001",
    "2001:db8:0:5::5 7001",
    "2001:db8:0:6::5 7000",
    "2001:db8:0:6::5 7001",
  ]);
  await firewall.unblock([blockedOf("192.0.2.5/32", 7000), blockedOf("2001:db8:0:5::/64", 7000)]);
  assert.equal((await seen()).length, 8);
});

test("NfTablesFirewall leaves the end of a block to the kernel, and renews one that is there", root, async (t) => {
  const { firewall, neighbour } = await arrange(t);
  await firewall.block([blockedOf("192.0.2.5/32", null, 3000), blockedOf("192.0.2.6/32", null, 3000)]);
  await firewall.block([blockedOf("192.0.2.6/32", null, 3_600_000)]);
  assert.equal(await reach(neighbour, "192.0.2.5"), false);
  while (!(await reach(neighbour, "192.0.2.5")));
  assert.equal(await reach(neighbour, "192.0.2.6"), false);
  assert.match(run("nft", "list", "set", "inet", "garrison", "blocked4_32"), /192\.0\.2\.6 timeout 1h expires 59m/);
});

test("NfTablesFirewall drops what is listed, and never what is allowed", root, async (t) => {
  const { firewall, neighbour } = await arrange(t);
  const listed = packNetworks([parseNetwork("192.0.2.4/30")!, parseNetwork("2001:db8:0:5::/64")!]);
  await firewall.changeListed(listed, new Map());
  const seen = () => reaching(neighbour, ["192.0.2.5", "192.0.2.6", "2001:db8:0:5::5"]);
  assert.deepEqual(await seen(), []);
  await firewall.allow(["192.0.2.6/32", "192.0.2.6/31", "2001:db8::/32"].map((text) => parseNetwork(text)!));
  assert.deepEqual(await seen(), ["192.0.2.6", "2001:db8:0:5::5"]);
  await firewall.allow([]);
  await firewall.changeListed(new Map(), packNetworks([parseNetwork("192.0.2.4/30")!]));
  assert.deepEqual(await seen(), ["192.0.2.5", "192.0.2.6"]);
  assert.ok((await firewall.readDropped()).listed >= 5);
});

test("NfTablesFirewall drops before others accept what is established", root, async (t) => {
  const { firewall, neighbour } = await arrange(t);
  feed(OTHERS["ufw-like"]!, "nft", "-f", "-");
  assert.equal(await reach(neighbour, "192.0.2.5"), true);
  await firewall.block([blockedOf("192.0.2.5/32")]);
  assert.equal(await reach(neighbour, "192.0.2.5"), false);
});

test("NfTablesFirewall.replace() puts all in place of what was there, and counts on", root, async (t) => {
  const { firewall, neighbour } = await arrange(t);
  await firewall.block([blockedOf("192.0.2.5/32")]);
  assert.equal(await reach(neighbour, "192.0.2.5"), false);
  const { blocked } = await firewall.readDropped();
  const ranges = ["0.0.0.0/1", "255.255.255.255/32", "8000::/1", "2001:db8::/32"].map((text) => parseNetwork(text)!);
  await firewall.replace({ allowed: ranges, blocked: [blockedOf("192.0.2.6/32")] });
  assert.deepEqual([await reach(neighbour, "192.0.2.5"), await reach(neighbour, "192.0.2.6")], [true, false]);
  assert.ok((await firewall.readDropped()).blocked > blocked);
});

/** What others keep on a host, in the words of nft. */
const OTHERS: Readonly<Record<string, string>> = {
  "docker-like": `
    table ip nat {
      chain DOCKER { }
      chain PREROUTING { type nat hook prerouting priority -100; fib daddr type local counter jump DOCKER; }
    }
    table ip filter {
      chain DOCKER-USER { counter return; }
      chain FORWARD { type filter hook forward priority 0; policy drop; jump DOCKER-USER; }
    }`,
  "ufw-like": `
    table ip filter {
      chain ufw-user-input { udp dport 7000 accept; }
      chain INPUT { type filter hook input priority 0; policy drop; ct state established,related accept; jump ufw-user-input; }
    }`,
  "firewalld-like": `
    table inet firewalld {
      set trusted { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
      chain raw_PREROUTING { type filter hook prerouting priority -290; }
      chain filter_INPUT { type filter hook input priority 10; ct state { established, related } accept; }
    }`,
  "a table of the same name": `
    table ip garrison {
      set blocked4_32 { type ipv4_addr; elements = { 1.2.3.4 }; }
      chain incoming { }
    }`,
};

for (const [who, rules] of Object.entries(OTHERS)) {
  test(`NfTablesFirewall touches nothing of others: ${who}`, root, async (t) => {
    enterNamespace();
    feed(rules, "nft", "-f", "-");
    const before = run("nft", "-s", "list", "ruleset");
    using firewall = new NfTablesFirewall();
    await firewall.replace({ allowed: [parseNetwork("10.0.0.0/8")!], blocked: [blockedOf("192.0.2.5/32")] });
    await firewall.block([blockedOf("198.51.100.0/24", 22, 1000), blockedOf("2001:db8::/64")]);
    const during = run("nft", "-s", "list", "ruleset");
    const own = during.slice(during.indexOf("table inet garrison"));
    assert.equal(during.replace(own, ""), before);
    await firewall.remove();
    assert.equal(run("nft", "-s", "list", "ruleset"), before);
    t.diagnostic(`${own.length} characters of ours`);
  });
}

/** What others do to our table. */
const DISTURBANCES: Readonly<Record<string, readonly string[]>> = {
  "flush ruleset": ["flush", "ruleset"],
  "delete table": ["delete", "table", "inet", "garrison"],
  "flush chain": ["flush", "chain", "inet", "garrison", "incoming"],
  "delete element": ["delete", "element", "inet", "garrison", "blocked4_32", "{ 192.0.2.5 }"],
  "insert rule": ["insert", "rule", "inet", "garrison", "incoming", "accept"],
};

for (const [what, words] of Object.entries(DISTURBANCES)) {
  test(`NfTablesFirewall.watch() tells of nft ${what}`, root, async (t) => {
    enterNamespace();
    const firewall = new NfTablesFirewall();
    t.after(() => firewall[Symbol.dispose]());
    const content = { ...EMPTY, blocked: [blockedOf("192.0.2.5/32")] };
    await firewall.replace(content);
    let told = 0;
    const disturbed = Promise.withResolvers<void>();
    await using _watch = firewall.watch(() => {
      told++;
      disturbed.resolve();
    });
    // Neither what we do ourselves, nor what others do elsewhere, is told.
    await firewall.block([blockedOf("192.0.2.6/32"), blockedOf("2001:db8::/64")]);
    await firewall.block(
      Array.from({ length: 300 }, (_, index) => blockedOf(`198.51.${index >> 7}.${index & 127}/32`)),
    );
    run("nft", "add", "table", "inet", "other");
    assert.deepEqual([told, await firewall.isIntact()], [0, true]);
    run("nft", ...words);
    await disturbed.promise;
    await firewall.replace(content);
    assert.equal(await firewall.isIntact(), true);
    assert.match(run("nft", "list", "ruleset"), /192\.0\.2\.5/);
  });
}

test("whyNoNfTables() leaves nothing behind", root, async () => {
  enterNamespace();
  assert.equal(await whyNoNfTables(), null);
  assert.equal(run("nft", "list", "ruleset"), "");
});

test("NfTablesFirewall takes any networks and gives them to the kernel as they are", root, async (t) => {
  enterNamespace();
  const firewall = new NfTablesFirewall();
  t.after(() => firewall[Symbol.dispose]());
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 16, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 32, max: 64 })),
  );
  const block = fc.tuple(
    network,
    fc.option(fc.integer({ min: 1, max: 65_535 })),
    fc.option(fc.integer({ min: 60_000, max: 2 ** 45 })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 20 }), async (some) => {
      const blocked = some.map(([[address, prefix], port, timeoutMs]) =>
        blockedOf(`${address}/${prefix}`, port, timeoutMs),
      );
      const unique = [...new Map(blocked.map((one) => [JSON.stringify([one.network, one.port]), one])).values()];
      await firewall.replace({ allowed: blocked.map((one) => one.network), blocked: unique });
      await firewall.block(unique);
      await firewall.unblock(unique);
      const left = JSON.parse(run("nft", "-j", "list", "sets")) as {
        nftables: { set?: { name: string; elem?: unknown[] } }[];
      };
      const filled = left.nftables.filter(({ set }) => set?.elem !== undefined && !set.name.startsWith("allow"));
      assert.deepEqual(filled, []);
    }),
    { numRuns: 30 },
  );
});
