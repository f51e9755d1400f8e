import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { WardenBlockOptions } from "#src/blocks/options.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import { enterNamespace, Neighbour, run, startEcho } from "#src/linux/temp-namespace.mts";
import { restoreBlocks } from "#src/warden/restore-blocks.ts";
import { waitFor } from "./host.ts";
import { WardenProcess } from "./warden-process.mts";

const root = { skip: process.getuid?.() !== 0 };
const OURS = ["203.0.113.1/24", "2001:db8::1/32"];
const THEIRS = ["203.0.113.5/24", "203.0.113.6/24", "2001:db8:0:5::5/32", "2001:db8:0:6::5/32"];
const ALL = THEIRS.map((address) => address.replace(/\/.*/, ""));

interface Scene {
  readonly warden: WardenProcess;
  readonly neighbour: Neighbour;
  /** Those of the neighbour's addresses that are answered. */
  reaching(port?: number): Promise<string[]>;
}

/** A confined warden, and a neighbour with two addresses of IPv4 and two of IPv6. */
async function arrange(t: TestContext, backend: WardenBlockOptions["backend"] = "auto"): Promise<Scene> {
  enterNamespace();
  const neighbour = await Neighbour.connect(t, OURS, THEIRS);
  await startEcho(t, 7000, 7001);
  const warden = new WardenProcess(t, folderOf(t), { backend });
  await warden.start();
  const reaching = async (port = 7000): Promise<string[]> => {
    const seen: string[] = [];
    for (const from of ALL) {
      if (await neighbour.canReach(from, from.includes(":") ? "2001:db8::1" : "203.0.113.1", port)) seen.push(from);
    }
    return seen;
  };
  return { warden, neighbour, reaching };
}

test("a confined warden blocks, lets through again, and writes it into the journal", root, async (t) => {
  const { warden, reaching } = await arrange(t);
  assert.deepEqual(await reaching(), ALL);
  assert.equal(await warden.block("x1", "203.0.113.5/32"), null);
  assert.equal(await warden.block("x2", "2001:db8:0:5::/64"), null);
  assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
  const status = await warden.status(({ blocked }) => blocked === 2);
  assert.deepEqual([status.backend, status.failure, status.restored], ["nftables", null, 0]);
  assert.ok((await warden.unblock("x1", "x2", "x77")).ok);
  assert.deepEqual(await reaching(), ALL);
  assert.deepEqual(
    (await warden.journal()).map(({ kind, by }) => `${kind} ${by}`),
    ["blocks.begin rule:sshd", "blocks.begin rule:sshd", "blocks.undo admin:root"],
  );
  assert.match(warden.statusField("CapEff"), /^000000000000101f$|^000000000008101f$/);
  assert.equal(warden.statusField("Seccomp"), "2");
  assert.equal(warden.stderr, "");
});

test("a confined warden has nothing in the kernel while nothing is blocked", root, async (t) => {
  const { warden } = await arrange(t);
  assert.equal(run("nft", "list", "ruleset"), "");
  assert.equal(await warden.block("x1", "203.0.113.5/32"), null);
  assert.match(run("nft", "list", "ruleset"), /^table inet garrison \{/);
  assert.ok((await warden.unblock("x1")).ok);
  assert.equal(run("nft", "list", "ruleset"), "");
  assert.equal(await warden.block("x2", "203.0.113.6/32"), null);
  assert.match(run("nft", "list", "ruleset"), /203\.0\.113\.6/);
});

test("a confined warden ends the live connections of an address that it blocks", root, async (t) => {
  const { warden, neighbour } = await arrange(t);
  const server = spawn("python3", ["-uc", SERVER], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => void server.kill("SIGKILL"));
  await once(server.stdout, "data");
  for (const [action, from, to, network] of [
    ["x1", "203.0.113.5", "203.0.113.1", "203.0.113.5/32"],
    ["x2", "2001:db8:0:5::5", "2001:db8::1", "2001:db8:0:5::/64"],
  ] as const) {
    const client = neighbour.start(t, "python3", "-uc", CLIENT, from, to);
    await once(client.stdout!, "data");
    assert.equal(await warden.block(action, network), null);
    // The server's recv() ends with an error: it holds nothing for the blocked any more.
    const [said] = (await once(server.stdout, "data")) as [Buffer];
    assert.match(said.toString(), /^ended ConnectionAbortedError/);
  }
});
const SERVER = `
import socket
s=socket.socket(socket.AF_INET6); s.setsockopt(41,26,0); s.bind(("::",7777)); s.listen(); print("ready")
while True:
  c,_=s.accept(); c.send(b"hello")
  try: c.recv(1); print("ended by the other end")
  except OSError as error: print("ended " + type(error).__name__)
`;
const CLIENT = `
import socket,sys,time
s=socket.create_connection((sys.argv[2],7777),source_address=(sys.argv[1],0)); print(s.recv(9)); time.sleep(999)
`;

test(
  "a confined warden that was killed has its blocks when it comes back, and the kernel keeps them meanwhile",
  root,
  async (t) => {
    const { warden, reaching } = await arrange(t);
    assert.equal(await warden.block("x1", "203.0.113.4/31"), null);
    assert.equal(await warden.block("x2", "2001:db8:0:5::5/128"), null);
    assert.equal(await warden.block("x3", "2001:db8:0:6::/64", { ports: [7001, 22], untilUnixMs: null }), null);
    await warden.stop("SIGKILL");
    assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
    const status = await warden.start();
    assert.equal(status.blocked, 3);
    // The time that is left, not the whole of it.
    assert.match(run("nft", "list", "set", "inet", "garrison", "blocked4_31"), /timeout 59m\d+s/);
    assert.deepEqual(await reaching(7001), ["203.0.113.6"]);
    // Asked again, it is done; another one of this id is refused.
    assert.equal(await warden.block("x1", "203.0.113.4/31"), null);
    assert.match((await warden.block("x1", "203.0.113.6/32")) ?? "", /another block has this id/);
    await warden.stop("SIGTERM");
    assert.deepEqual(await reaching(7001), ["203.0.113.6"]);
    assert.match(
      (await warden.journal()).map(({ kind }) => kind).join(" "),
      /^blocks.begin blocks.begin blocks.begin blocks.refused$/,
    );
  },
);

test(
  "restoreBlocks() puts the blocks of the ledger and the lists into the kernel without a warden",
  root,
  async (t) => {
    const { warden, reaching } = await arrange(t);
    assert.equal(await warden.block("x1", "203.0.113.5/32"), null);
    const networks = ["2001:db8:0:5::/64", "10.0.0.0/8", "nonsense", "203.0.113.0/24", "198.51.100.0/24"];
    const first = await warden.ask({ t: "block-list", name: "bad", part: 0, isLast: false, networks, by: "list:bad" });
    const last = await warden.ask({
      t: "block-list",
      name: "bad",
      part: 1,
      isLast: true,
      networks: [],
      by: "list:bad",
    });
    assert.deepEqual([first.ok, last.ok], [true, true]);
    while ((await reaching()).includes("2001:db8:0:5::5"));
    const listed = (await warden.journal()).find(({ kind }) => kind === "blocks.list");
    assert.deepEqual(listed?.data, { name: "bad", networks: 2, leftOut: 3 });
    await warden.stop("SIGTERM");
    run("nft", "flush", "ruleset");
    assert.deepEqual(await reaching(), ALL);
    const options = { backend: "auto", allow: [], proxies: [], hub: [], web: false } as const;
    const restored = await restoreBlocks(warden.actions, options);
    assert.deepEqual(restored, { backend: "nftables", blocked: 1, listed: 2, damaged: 0 });
    assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
    assert.deepEqual(await restoreBlocks(`${warden.folder}/none`, options), { ...restored, blocked: 0, listed: 0 });
  },
);

for (const [backend, words] of [
  ["nftables", ["nft", "flush", "ruleset"]],
  ["ipset-iptables-nft", ["iptables-nft", "-F"]],
  ["ipset-iptables-legacy", ["iptables-legacy", "-F"]],
] as const) {
  test(
    `a confined warden (${backend}) puts its blocks back when somebody has run ${words.join(" ")}`,
    root,
    async (t) => {
      const { warden, reaching } = await arrange(t, backend);
      assert.equal(await warden.block("x1", "203.0.113.5/32"), null);
      assert.equal(await warden.block("x2", "2001:db8:0:5::/64", { ports: [7000] }), null);
      assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
      const [program, ...rest] = words;
      run(program, ...rest);
      const status = await warden.status(({ restored }) => restored > 0);
      assert.deepEqual([status.backend, status.blocked, status.failure], [backend, 2, null]);
      assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
      assert.deepEqual((await warden.journal()).at(-1)?.data, { backend, blocked: 2, failure: null });
      assert.ok((await warden.unblock("x1", "x2")).ok);
      assert.deepEqual(await reaching(), ALL);
      assert.equal(warden.stderr, "");
    },
  );
}

test("a confined warden refuses what would cut the host off, one of a batch, and does the rest", root, async (t) => {
  const { warden, reaching } = await arrange(t);
  run("ip", "route", "add", "default", "via", "203.0.113.6");
  const blocks = [
    "203.0.113.5/32",
    "203.0.113.1/32",
    "203.0.113.6/32",
    "203.0.113.0/24",
    "127.0.0.1/32",
    "10.9.9.9/32",
    "x",
    "::ffff:203.0.113.1",
  ].map((network, index) => ({
    action: `x${index + 1}`,
    network,
    ports: [],
    untilUnixMs: null,
    reason: "\u001b[31m' OR 1=1",
    by: index === 5 ? "admin:root" : "rule:x",
    isPrivateMeant: index === 5,
  }));
  // What was read of the host is kept for a moment.
  while (!(await warden.block("x99", "203.0.113.6/32", { untilUnixMs: Date.now() + 50 }))?.includes("gateway"));
  const { ok, results } = await warden.ask({ t: "block", blocks });
  assert.equal(ok, true);
  const reasons = results!.map(({ failure }) => failure ?? "done");
  for (const [index, reason] of [
    /^done$/,
    /^Cannot block "203\.0\.113\.1\/32": it is or holds an address of this host/,
    /a gateway of this host/,
    /an address of this host|a gateway/,
    /loopback/,
    /^done$/,
    /it is no network/,
    /an address of this host/,
  ].entries())
    assert.match(reasons[index]!, reason);
  assert.ok(!(await reaching()).includes("203.0.113.5"));
  for (const action of ["", "x", "y1", "x1234567890123", "../x1"])
    assert.match((await warden.block(action, "192.0.2.1/32")) ?? "", /the id is not/);
  assert.match((await warden.block("x50", "192.0.2.1/32", { untilUnixMs: 1000 })) ?? "", /its time is over/);
});

test(
  "a confined warden bounds how many blocks rules may ask for in a minute, and never those by hand",
  root,
  async (t) => {
    const { warden } = await arrange(t);
    const batch = (from: number, by: string) => ({
      t: "block" as const,
      blocks: Array.from({ length: 500 }, (_, index) => ({
        action: `x${from + index + 1}`,
        network: `198.51.${(from + index) >> 8}.${(from + index) & 255}/32`,
        ports: [],
        untilUnixMs: null,
        reason: "r".repeat(512),
        by,
        isPrivateMeant: false,
      })),
    });
    for (let from = 0; from < 5000; from += 500) assert.equal((await warden.ask(batch(from, "rule:sshd"))).ok, true);
    assert.match((await warden.ask(batch(5000, "rule:sshd"))).failure ?? "", /more than 5000 blocks within a minute/);
    const byHand = await warden.ask(batch(5000, "admin:root"));
    assert.deepEqual([byHand.failure, byHand.results?.filter(({ failure }) => failure !== null)], [null, []]);
    assert.equal((await warden.status(({ blocked }) => blocked === 5500)).failure, null);
    assert.ok(!(await warden.journal()).some(({ data }) => "cut" in data));
  },
);

test("a confined warden that may not block says so, and refuses", root, async (t) => {
  enterNamespace();
  const warden = new WardenProcess(t, folderOf(t), { backend: null });
  const status = await warden.start();
  assert.deepEqual([status.backend, status.failure], [null, "blocking is switched off"]);
  assert.match((await warden.block("x1", "192.0.2.1/32")) ?? "", /^Cannot block: blocking is switched off/);
  assert.match((await warden.unblock("x1")).failure ?? "", /switched off/);
});

test(
  "a confined warden writes blocks for the web server, and empties the files when that is switched off",
  root,
  async (t) => {
    enterNamespace();
    const folder = folderOf(t);
    const on = new WardenProcess(t, folder, { web: true, proxies: ["203.0.113.80"] });
    const text = (name: string): string => {
      const path = join(on.web, name);
      return existsSync(path) ? readFileSync(path, "utf8") : "";
    };
    await on.start();
    assert.equal(await on.block("x1", "198.51.100.7/32"), null);
    assert.equal(await on.block("x2", "198.51.100.8/32", { ports: [443] }), null);
    assert.equal(await on.block("x3", "198.51.100.9/32", { ports: [22] }), null);
    assert.match((await on.block("x4", "203.0.113.80/32")) ?? "", /proxy|proxies/i);
    await waitFor(() => text("deny.map").endsWith("\n198.51.100.8 deny\n198.51.100.7 deny\n"), "the map");
    await waitFor(() => text("deny.geo").endsWith("\n198.51.100.8/32 1;\n198.51.100.7/32 1;\n"), "the geo file");
    assert.equal(statSync(on.web).mode & 0o7777, 0o755);
    assert.equal(statSync(join(on.web, "deny.map")).mode & 0o7777, 0o644);
    await on.unblock("x1");
    await waitFor(() => !text("deny.map").includes("198.51.100.7 "), "the end of a block");
    await on.stop("SIGKILL");
    // What ended while nobody ran is not in them behind a start.
    writeFileSync(join(on.web, "deny.map"), "192.0.2.1 deny\n");
    await on.start();
    await waitFor(() => text("deny.map").endsWith("\n198.51.100.8 deny\n"), "the map of the next start");
    await on.stop("SIGTERM");
    const off = new WardenProcess(t, folder, { web: false });
    await off.start();
    for (const name of ["deny.map", "deny.geo"]) assert.match(text(name), /^#[^\n]*\n$/);
  },
);
