/** `garrison block --dry-run` says what `garrison block` would say. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { enterPrivateMounts } from "#src/linux/privileges.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import { enterNamespace, Neighbour, run } from "#src/linux/temp-namespace.mts";
import { Host } from "./host.ts";

const root = { skip: process.getuid?.() !== 0 };
const ADMIN = "203.0.113.5";
const STRANGER = "203.0.113.6";
const GATEWAY = "203.0.113.7";
const RESOLVER = "198.51.100.53";
const CONFIG = `
sensors: { logs: { enabled: false }, traffic: { accounts: false } }
blocks: { allow: [198.51.100.77], proxies: [198.51.100.78] }
`;

/** A login as sshd has one: who has logged in is root. It says its pid when somebody has connected. */
const DAEMON = `
import os,socket,time
s=socket.socket(); s.setsockopt(1,2,1); s.bind(("203.0.113.1",2222)); s.listen(); print("ready",flush=True)
c,_=s.accept()
if os.fork()==0:
  open("/proc/self/loginuid","w").write("0"); print(os.getpid(),flush=True)
time.sleep(999)
`;
const CLIENT = `
import socket,sys,time
s=socket.create_connection(("203.0.113.1",2222),source_address=(sys.argv[1],0)); print(1,flush=True); time.sleep(999)
`;

/** An admin who is logged in, as logind has it; a gateway; a resolver. Nothing of the host's own is changed. */
async function arrange(t: TestContext): Promise<void> {
  enterNamespace();
  enterPrivateMounts();
  const neighbour = await Neighbour.connect(
    t,
    ["203.0.113.1/24"],
    [ADMIN, STRANGER, GATEWAY].map((one) => `${one}/24`),
  );
  run("ip", "route", "add", "default", "via", GATEWAY);
  const folder = folderOf(t);
  writeFileSync(join(folder, "resolv.conf"), `nameserver ${RESOLVER}\n`);
  run("mount", "--bind", join(folder, "resolv.conf"), "/etc/resolv.conf");
  run("mount", "-t", "tmpfs", "tmpfs", "/run");
  mkdirSync("/run/systemd/sessions", { recursive: true });
  const daemon = spawn("python3", ["-c", DAEMON], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  t.after(() => process.kill(-daemon.pid!, "SIGKILL"));
  const lines = createInterface({ input: daemon.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "ready");
  neighbour.start(t, "python3", "-c", CLIENT, ADMIN);
  const leader = String((await lines.next()).value);
  assert.match(leader, /^\d+$/);
  writeFileSync("/run/systemd/sessions/7", `UID=0\nREMOTE=1\nREMOTE_HOST=${ADMIN}\nLEADER=${leader}\n`);
}

const REFUSED: readonly (readonly [network: string, reason: RegExp])[] = [
  ["203.0.113.1", /it is or holds an address of this host \(203\.0\.113\.1\/32\)$/m],
  ["203.0.113.0/24", /it is or holds an address of this host/],
  [GATEWAY, /it is or holds a gateway of this host \(203\.0\.113\.7\/32\)$/m],
  [RESOLVER, /it is or holds a resolver of this host \(198\.51\.100\.53\/32\)$/m],
  [ADMIN, /an admin is logged in from there now$/m],
  ["203.0.113.4/31", /an admin is logged in from there now$/m],
  ["198.51.100.77", /the allow-list/],
  ["198.51.100.78", /a proxy/],
  ["127.0.0.1", /loopback/],
  ["203.0.0.0/8", /wider than \/16/],
  ["10.1.2.3", /a private network/],
];

test("block --dry-run refuses what block refuses, with the same words, and does nothing", root, async (t) => {
  await arrange(t);
  await using host = await Host.start({ config: CONFIG });
  for (const [network, reason] of REFUSED) {
    await t.test(network, async () => {
      const rehearsed = await host.command("block", network, "--dry-run");
      const real = await host.command("block", network);
      assert.match(real.stderr, reason);
      assert.equal(rehearsed.stdout, real.stderr.replace("garrison: ", "would be refused: "));
      assert.deepEqual([rehearsed.code, rehearsed.stderr], [real.code, ""]);
    });
  }
  const told = (await host.command("journal", "--json")).items.length;
  const rehearsed = await host.command("block", STRANGER, "--dry-run", "--port", "22");
  assert.match(rehearsed.stdout, /^would drop all packets from 203\.0\.113\.6\/32 to port 22 for ever, by nftables\n/);
  assert.equal(rehearsed.code, 0);
  assert.equal(run("nft", "list", "ruleset"), "");
  assert.equal((await host.command("journal", "--json")).items.length, told);
  const real = await host.command("block", STRANGER, "--port", "22");
  assert.match(real.stdout, / done +block 203\.0\.113\.6 /);
  // Who is blocked already, and asked for again, is asked about the same.
  assert.equal((await host.command("block", STRANGER, "--dry-run", "--port", "22")).code, 0);
});

test("a confined warden rehearses at most 60 blocks a minute", root, async (t) => {
  const { WardenProcess } = await import("./warden-process.mts");
  enterNamespace();
  const warden = new WardenProcess(t, folderOf(t));
  await warden.start();
  const rehearse = () =>
    warden.ask({
      ...{ t: "rehearse", network: "192.0.2.1/32", ports: [], untilUnixMs: null },
      ...{ by: "admin:root", isPrivateMeant: false },
    });
  for (let count = 0; count < 60; count++) {
    assert.deepEqual((await rehearse()).results, [{ action: "x0", failure: null }]);
  }
  assert.match((await rehearse()).failure ?? "", /^Cannot rehearse a block: 60 within a minute are allowed/);
  assert.equal(await warden.block("x1", "192.0.2.1/32"), null);
  assert.deepEqual(
    (await warden.journal()).map(({ kind }) => kind),
    ["blocks.begin"],
  );
});
