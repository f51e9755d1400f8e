/**
 * From the moment before the fifth bad line is written to a log until the last packet of its address has arrived: real packets
 * from one network namespace to another, every 0.25 ms, through the whole product: sentry, mind, journal on the disk, kernel.
 */
import { execFile, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Host } from "../test/e2e/host.ts";

const ATTACKERS = 200;
const QUIET_MS = 60;
const GIVE_UP_MS = 5000;

const run = promisify(execFile);
const server = `gbs${process.pid}`;
const attacker = `gba${process.pid}`;
const folder = mkdtempSync("/tmp/garrison-bench-");
const log = join(folder, "log/auth.log");
const addressOf = (index: number): string => `198.18.${1 + (index >> 7)}.${1 + (index & 127)}`;

const RECEIVER = `
  const last = new Map();
  require("node:dgram").createSocket("udp4")
    .on("message", (_, { address }) => last.set(address, performance.timeOrigin + performance.now()))
    .bind(7, "198.18.0.1");
  require("node:readline").createInterface({ input: process.stdin })
    .on("line", (address) => console.log(last.get(address) ?? 0))
    .on("close", () => process.exit());`;

const SENDER = `
  let socket = null;
  const packet = Buffer.from("x");
  require("node:readline").createInterface({ input: process.stdin })
    .on("line", (address) => {
      socket?.close();
      const next = require("node:dgram").createSocket("udp4").bind(0, address, () => { socket = next; });
      socket = null;
    })
    .on("close", () => process.exit());
  let dueMs = performance.now();
  setInterval(() => {
    for (; dueMs < performance.now(); dueMs += 0.25) socket?.send(packet, 7, "198.18.0.1", () => undefined);
  }, 1);`;

try {
  await makeNamespaces();
  mkdirSync(join(folder, "log"));
  writeFileSync(log, "");
  const config = `
notify: { syslog: false }
blocks: { mode: enforce, policy: { points: 5 } }
sensors:
  listeners: { enabled: false }
  files: { enabled: false }
  secrets: { enabled: false }
  logs: { journal: false, sources: [{ name: auth, paths: ["${log}"], format: syslog }] }
`;
  await using _host = await Host.start({ config, wrapper: ["ip", "netns", "exec", server] });
  await measure();
} finally {
  for (const name of [server, attacker]) await run("ip", ["netns", "del", name]).catch(() => undefined);
  rmSync(folder, { recursive: true });
}

async function makeNamespaces(): Promise<void> {
  const ip = (...words: string[]) => run("ip", words);
  await ip("netns", "add", server);
  await ip("netns", "add", attacker);
  await ip("link", "add", "veth0", "netns", server, "type", "veth", "peer", "name", "veth0", "netns", attacker);
  await ip("-n", server, "addr", "add", "198.18.0.1/15", "dev", "veth0");
  const addresses = Array.from({ length: ATTACKERS }, (_, index) => `addr add ${addressOf(index)}/15 dev veth0`);
  writeFileSync(join(folder, "addresses"), `${addresses.join("\n")}\n`);
  await ip("-n", attacker, "-batch", join(folder, "addresses"));
  for (const name of [server, attacker]) {
    await ip("-n", name, "link", "set", "veth0", "up");
    await ip("-n", name, "link", "set", "lo", "up");
  }
}

async function measure(): Promise<void> {
  // Says the time of the last packet of the address that it is asked for.
  const receiver = spawn("ip", ["netns", "exec", server, process.execPath, "-e", RECEIVER], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const sender = spawn("ip", ["netns", "exec", attacker, process.execPath, "-e", SENDER], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const heard = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
  const lastOf = async (address: string): Promise<number> => {
    receiver.stdin.write(`${address}\n`);
    return Number((await heard.next()).value);
  };
  const latenciesMs: number[] = [];
  for (let index = 0; index < ATTACKERS; index++) {
    const address = addressOf(index);
    sender.stdin.write(`${address}\n`);
    while ((await lastOf(address)) === 0) await sleep(5);
    appendFileSync(log, [1, 2, 3, 4].map((number) => badLine(index, number)).join(""));
    await sleep(20);
    const startedMs = performance.timeOrigin + performance.now();
    appendFileSync(log, badLine(index, 5));
    let lastMs = await lastOf(address);
    const isQuiet = (): boolean => performance.timeOrigin + performance.now() - lastMs > QUIET_MS;
    while (!isQuiet() && lastMs - startedMs < GIVE_UP_MS) {
      await sleep(QUIET_MS);
      lastMs = await lastOf(address);
    }
    if (isQuiet()) latenciesMs.push(Math.max(0, lastMs - startedMs));
  }
  sender.stdin.end();
  receiver.stdin.end();
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN) * 10) / 10;
  const figures = {
    what: "line to drop",
    attackers: ATTACKERS,
    dropped: latenciesMs.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Each try is a connection of its own, and each attacker wants another account: none of them is blocked for the others. */
function badLine(index: number, number: number): string {
  const at = new Date()
    .toString()
    .slice(4, 24)
    .replace(/ \d{4}/, "")
    .replace(/ 0/, "  ");
  const pid = 10_000 + index * 8 + number;
  return `${at} host sshd[${pid}]: Failed password for user${index} from ${addressOf(index)} port ${pid} ssh2\n`;
}
