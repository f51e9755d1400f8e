/**
 * Blocks in the kernel, in a network namespace of its own: one more block at 1,000, 100,000 and 1,000,000 (p50, p99); 100,000 restored
 * from the ledger; 1,000 at once, ours against fail2ban's nftables-multiport; what a packet costs with
 * 1,000,000 blocked. Run as root: `node bench/blocks-kernel.ts`.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "#src/linux/firewall.ts";
import { NfTablesFirewall } from "#src/linux/nf-tables-firewall.ts";
import { packNetworks } from "#src/linux/packed-networks.ts";
import { BlockLedger } from "#src/warden/block-ledger.ts";
import { restoreBlocks } from "#src/warden/restore-blocks.ts";

const HOUR_MS = 3_600_000;
const ADDS = 500;
const PACKETS = 400_000;
const ROUNDS = 5;
const STORM = 1000;

if (process.env["GARRISON_BENCH_INSIDE"] === undefined) {
  const { status } = spawnSync("unshare", ["-n", process.execPath, import.meta.filename], {
    stdio: "inherit",
    env: { ...process.env, GARRISON_BENCH_INSIDE: "1" },
  });
  process.exit(status ?? 1);
}
execFileSync("ip", ["link", "set", "lo", "up"]);
const folder = mkdtempSync("/tmp/garrison-bench-");
const firewall = new NfTablesFirewall();
await firewall.replace({ allowed: [], blocked: [] });
const costs: Record<"none" | "million", number[]> = { none: [], million: [] };
for (let round = 0; round < ROUNDS; round++) costs.none.push(packetMicros());
let filled = 0;
for (const size of [1000, 100_000, 1_000_000]) {
  const fillMs = await timed(async () => {
    for (; filled < size; filled += 1000) await firewall.changeListed(packNetworks(addresses(filled, 1000)), new Map());
  });
  console.log(`${size} entries (filled in ${fillMs.toFixed(0)} ms): one more ${quantiles(await addOneByOne(size))}`);
}
for (let round = 0; round < ROUNDS; round++) costs.million.push(packetMicros());
const [none, million] = [Math.min(...costs.none), Math.min(...costs.million)];
console.log(
  `packet over lo: ${none.toFixed(2)} µs with an empty table, ${million.toFixed(2)} µs with 1,000,000 (${percent(million / none)})`,
);
await firewall.remove();
console.log(`packet over lo without our table: ${Math.min(...times(ROUNDS, packetMicros)).toFixed(2)} µs`);
await restore(100_000);
await storm();
rmSync(folder, { recursive: true });
process.exit(0);

function addresses(from: number, count: number) {
  return times(count, (index) => parseNetwork(addressOf(from + index))!);
}

/** The nth of addresses that lie apart from each other. */
function addressOf(index: number): string {
  return `${20 + (index >> 20)}.${(index >> 12) & 255}.${(index >> 4) & 255}.${(index & 15) * 16}`;
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

async function addOneByOne(size: number): Promise<number[]> {
  const taken: number[] = [];
  for (let index = 0; index < ADDS; index++) {
    const network = parseNetwork(`5.${size % 251}.${index >> 8}.${index & 255}`)!;
    const block: BlockedNetwork = { network, port: null, timeoutMs: HOUR_MS };
    taken.push(await timed(() => firewall.block([block])));
  }
  return taken;
}

async function restore(count: number): Promise<void> {
  {
    using ledger = BlockLedger.open(join(folder, "actions/blocks"));
    const untilUnixMs = Date.now() + HOUR_MS;
    for (let from = 0; from < count; from += 1000) {
      ledger.begin(
        times(1000, (index) => ({
          action: `x${from + index + 1}`,
          network: `${addressOf(from + index)}/32`,
          ports: [],
          untilUnixMs,
        })),
      );
    }
  }
  const options = { backend: "nftables", allow: [], proxies: [], hub: [], web: false } as const;
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    taken.push(await timed(() => restoreBlocks(join(folder, "actions"), options)));
    execFileSync("nft", ["flush", "ruleset"]);
  }
  console.log(`${count} blocks from the ledger into the kernel: ${taken.map((ms) => ms.toFixed(0)).join(", ")} ms`);
}

/** A ban storm: ours as one batch; fail2ban's as its server does it with its own action. */
async function storm(): Promise<void> {
  await firewall.replace({ allowed: [], blocked: [] });
  const blocked = addresses(0, STORM).map((network) => ({ network, port: null, timeoutMs: HOUR_MS }));
  const cpu = process.cpuUsage();
  const ours = await timed(() => firewall.block(blocked));
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${STORM} at once: ${ours.toFixed(1)} ms, CPU ${((user + system) / 1000).toFixed(1)} ms`);
  const theirs = await fail2banStorm();
  if (theirs === null) return console.log("fail2ban is not installed: not compared");
  console.log(
    `${STORM} at once by fail2ban's nftables-multiport: ${theirs.wallMs.toFixed(0)} ms, CPU ${theirs.cpuMs.toFixed(0)} ms: ${(theirs.wallMs / ours).toFixed(0)} times ours`,
  );
}

async function fail2banStorm(): Promise<{ wallMs: number; cpuMs: number } | null> {
  if (!existsSync("/usr/bin/fail2ban-server")) return null;
  const config = join(folder, "fail2ban");
  cpSync("/etc/fail2ban", config, { recursive: true });
  rmSync(join(config, "jail.d"), { recursive: true, force: true });
  writeFileSync(join(folder, "log"), "");
  writeFileSync(
    join(config, "jail.local"),
    `[DEFAULT]\nbackend = polling\nbanaction = nftables-multiport\n[storm]\nenabled = true\nfilter = sshd\nport = ssh\nlogpath = ${folder}/log\n`,
  );
  const common = ["-c", config, "-s", join(folder, "f2b.sock"), "-p", join(folder, "f2b.pid")];
  writeFileSync(join(config, "fail2ban.local"), `[Definition]\ndbfile = None\nlogtarget = ${folder}/f2b.log\n`);
  const server = spawn("fail2ban-server", [...common, "-f", "start"]);
  server.stdout.resume();
  server.stderr.resume();
  for (let tries = 0; spawnSync("fail2ban-client", [...common, "status", "storm"]).status !== 0; tries++) {
    if (server.exitCode !== null || tries > 100) throw new Error("Cannot compare: fail2ban-server does not start");
    await delay(100);
  }
  const before = cpuMsOf(server.pid!);
  const wallMs = await timed(async () => {
    spawnSync("fail2ban-client", [...common, "set", "storm", "banip", ...times(STORM, addressOf)]);
    // Looked at seldom: looking costs too.
    while (countBanned() < STORM) await delay(200);
  });
  const cpuMs = cpuMsOf(server.pid!) - before;
  server.kill("SIGTERM");
  await once(server, "exit");
  return { wallMs, cpuMs };
}

function countBanned(): number {
  const { stdout } = spawnSync("nft", ["list", "set", "inet", "f2b-table", "addr-set-storm"]);
  return stdout.toString().match(/\d+\.\d+\.\d+\.\d+/g)?.length ?? 0;
}

/** User and system time of a process and of its children that have ended. */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

/** CPU microseconds of one UDP packet over lo that nothing blocks; it is received in the system call that sends it. */
function packetMicros(): number {
  const script = `
import socket,resource
r=socket.socket(2,2); r.bind(("127.0.0.1",9999))
s=socket.socket(2,2); s.connect(("127.0.0.1",9999)); b=b"x"*64
u=resource.getrusage(0)
for _ in range(${PACKETS}): s.send(b)
v=resource.getrusage(0)
print((v.ru_utime-u.ru_utime+v.ru_stime-u.ru_stime)*1e6/${PACKETS})`;
  return Number(execFileSync("python3", ["-c", script]).toString());
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(3);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

function percent(ratio: number): string {
  return `${ratio >= 1 ? "+" : ""}${((ratio - 1) * 100).toFixed(1)} %`;
}
