/**
 * What counting traffic costs, in a network namespace of its own: a packet of 64 bytes that is sent over a veth pair without our table,
 * with it, and with UDP by port, in turns, so that other load falls on all of them; a look of the sensor by interfaces; a look of the
 * warden by accounts; and sensor and warden at rest. Run as root: `node bench/traffic-cost.ts`. `SECONDS` shortens the rest.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { JournalWriter } from "#src/journal/writer.ts";
import { InterfaceCountersFile } from "#src/linux/interface-counters.ts";
import { NETLINK, NetlinkSocket } from "#src/linux/netlink.ts";
import { NetlinkWriter } from "#src/linux/netlink-messages.ts";
import { NfAccounting } from "#src/linux/nf-accounting.ts";
import { openLog } from "#src/processes/log.ts";
import { SensorRunner } from "#src/sentry/sensor-runner.ts";
import { TrafficAccounting } from "#src/warden/traffic-accounting.ts";
import { WardenJournal } from "#src/warden/warden-journal.ts";
import { sensor } from "../src/sensors/traffic/sensor.ts";

const SECONDS = Number(process.env["SECONDS"] ?? 60);
const PACKETS = 50_000;
const ROUNDS = 60;
const LOOKS = 500;
// 14 of Ethernet, 20 of IP, 8 of UDP.
const PAYLOAD_BYTES = 64 - 42;
/** For each line: CPU nanoseconds of one packet that is sent; the whole way to the drop at the other end is in the system call. */
const SENDER = `
import socket,resource,sys
s=socket.socket(2,2); s.connect(("192.0.2.5",9)); b=b"x"*${PAYLOAD_BYTES}
for _ in sys.stdin:
  u=resource.getrusage(0)
  for _ in range(${PACKETS}): s.send(b)
  v=resource.getrusage(0)
  print((v.ru_utime-u.ru_utime+v.ru_stime-u.ru_stime)*1e9/${PACKETS})`;

if (process.env["GARRISON_BENCH_INSIDE"] === undefined) {
  const { status } = spawnSync("unshare", ["-n", process.execPath, import.meta.filename], {
    stdio: "inherit",
    env: { ...process.env, GARRISON_BENCH_INSIDE: "1" },
  });
  process.exit(status ?? 1);
}
const neighbour = await connectNeighbour();
await measurePackets();
measureInterfaces();
measureAccounts();
await measureRest();
neighbour.kill();
process.exit(0);

/** Another namespace at the other end of a cable, in which what comes is dropped at once. */
async function connectNeighbour() {
  const holder = spawn("unshare", ["-n", "sh", "-c", "echo; exec sleep 3600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const there = (...words: string[]) => execFileSync("nsenter", ["-t", String(holder.pid), "-n", ...words]);
  const ip = (...words: string[]) => execFileSync("ip", words);
  const peer = ["peer", "name", "cable", "address", "02:00:00:00:00:02", "netns", String(holder.pid)];
  ip("link", "add", "cable", "type", "veth", ...peer);
  ip("address", "add", "192.0.2.1/24", "dev", "cable");
  ip("link", "set", "cable", "up");
  ip("neighbour", "add", "192.0.2.5", "lladdr", "02:00:00:00:00:02", "dev", "cable");
  there("ip", "link", "set", "cable", "up");
  const drop = "table inet sink { chain in { type filter hook prerouting priority -400; policy drop; }; }";
  execFileSync("nsenter", ["-t", String(holder.pid), "-n", "nft", "-f", "-"], { input: drop });
  return holder;
}

async function measurePackets(): Promise<void> {
  const none: number[] = [];
  const extra: Record<"accounts" | "udpPorts", number[]> = { accounts: [], udpPorts: [] };
  const sender = spawn("python3", ["-u", "-c", SENDER], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: sender.stdout })[Symbol.asyncIterator]();
  const packetNanos = async (): Promise<number> => {
    sender.stdin.write("\n");
    return Number((await answers.next()).value);
  };
  await packetNanos();
  for (let round = 0; round < ROUNDS; round++) {
    for (const mode of ["accounts", "udpPorts"] as const) {
      const before = await packetNanos();
      using accounting = new NfAccounting({ udpPorts: mode === "udpPorts" });
      accounting.install();
      const counted = await packetNanos();
      accounting.remove();
      const behind = await packetNanos();
      none.push(before, behind);
      extra[mode].push(counted - (before + behind) / 2);
    }
  }
  sender.stdin.end();
  print({
    what: "packet of 64 bytes over veth, ns of CPU",
    packets: PACKETS,
    rounds: ROUNDS,
    without: spread(none),
    accountsExtra: spread(extra.accounts),
    withUdpPortsExtra: spread(extra.udpPorts),
  });
}

/** /proc/net/dev held open against a dump of the links by netlink. */
function measureInterfaces(): void {
  for (const pairs of [1, 100]) {
    for (let index = 1; index < pairs; index++) {
      execFileSync("ip", ["link", "add", `v${index}`, "type", "veth", "peer", "name", `w${index}`]);
    }
    using file = new InterfaceCountersFile();
    using socket = new NetlinkSocket(NETLINK.route);
    const request = linkRequest();
    const { size } = file.read();
    print({
      what: "a look at interfaces, µs of CPU",
      interfaces: size,
      procNetDev: micros(() => file.read()),
      getLink: micros(() => socket.dump(request, "list links", ({ body }) => body.length)),
    });
  }
  for (let index = 1; index < 100; index++) execFileSync("ip", ["link", "delete", `v${index}`]);
}

function linkRequest(): Buffer {
  const writer = new NetlinkWriter();
  writer.begin(18, 0x301, 1, Array<number>(16).fill(0));
  writer.end();
  return writer.bytes;
}

function measureAccounts(): void {
  for (const accounts of [10, 1000, 10_000]) {
    using accounting = new NfAccounting({ udpPorts: false });
    accounting.install();
    sendAs(accounts);
    print({
      what: "a look at accounts, µs of CPU",
      accounts: accounting.readAccounts()?.length ?? 0,
      look: micros(() => accounting.readAccounts()),
    });
    accounting.remove();
  }
}

/** A packet and a connection of each of so many accounts. */
function sendAs(accounts: number): void {
  const script = `
import os,socket
for u in range(20000,${20_000 + accounts}):
  os.seteuid(u)
  s=socket.socket(2,2); s.sendto(b"x",("192.0.2.5",9)); s.close()
  os.seteuid(0)`;
  execFileSync("python3", ["-c", script]);
}

/** Sensor and warden for themselves, with ten accounts. What Node takes by itself meanwhile is in it. */
async function measureRest(): Promise<void> {
  const folder = mkdtempSync("/tmp/garrison-bench-");
  const countsFd = openSync(join(folder, "counts"), "wx");
  const writer = JournalWriter.open(join(folder, "journal"), { gid: 0 });
  const journal = new WardenJournal(
    writer,
    openLog("warden", () => {}),
  );
  const nothing = await cpuPercent();
  const traffic = new TrafficAccounting({ journal, options: { countsFd, udpPorts: false } });
  traffic.start();
  sendAs(10);
  const warden = await cpuPercent();
  await using runner = new SensorRunner({
    name: "traffic",
    load: () => Promise.resolve({ sensor }),
    options: { accounts: true, udpPorts: false, countsFd: openSync(join(folder, "counts"), "r") },
    root: "/",
    onFacts: () => {},
    onStatus: () => {},
  });
  runner.start();
  const both = await cpuPercent();
  print({ what: "at rest, % of a core", seconds: SECONDS, nothing, warden, wardenAndSensor: both });
  await runner[Symbol.asyncDispose]();
  traffic[Symbol.dispose]();
  writer[Symbol.dispose]();
  rmSync(folder, { recursive: true });
}

async function cpuPercent(): Promise<number> {
  // What starts, and is compiled, is not rest.
  await delay(5000);
  const before = process.cpuUsage();
  await delay(SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / SECONDS / 10) / 1000;
}

function micros(run: () => unknown): number {
  for (let index = 0; index < LOOKS; index++) run();
  const before = process.cpuUsage();
  for (let index = 0; index < LOOKS; index++) run();
  const { user, system } = process.cpuUsage(before);
  return Math.round(((user + system) / LOOKS) * 10) / 10;
}

function spread(values: readonly number[]): { quarter: number; median: number; threeQuarters: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => Math.round(sorted[Math.floor(sorted.length * part)]!);
  return { quarter: at(0.25), median: at(0.5), threeQuarters: at(0.75) };
}

function print(value: object): void {
  console.log(JSON.stringify(value));
}
