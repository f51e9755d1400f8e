/**
 * A ban storm: 1,000 addresses (or as many as the first word says) fail five times each in one log, at once. Time and CPU until the kernel has all of them blocked, for us and
 * for Debian's fail2ban with its own sshd filter and nftables action, each in a network namespace of its own.
 */
import { execFile } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { childrenOf, Host } from "../test/e2e/host.ts";

const ATTACKERS = Number(process.argv[2] ?? 1000);
const FAILURES = 5;
const POLL_MS = 50;
const GIVE_UP_MS = 600_000;
const TICKS_PER_SECOND = 100;

interface Figures {
  readonly blocked: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const run = promisify(execFile);
const folder = mkdtempSync("/tmp/garrison-bench-");
const addresses = Array.from({ length: ATTACKERS }, (_, index) => `198.18.${1 + (index >> 7)}.${1 + (index & 127)}`);

try {
  const ours = await inNamespace("ours", storm);
  const theirs = await inNamespace("fail2ban", stormFail2ban);
  const ratio = (one: number, other: number): string => `1/${Math.round((other / one) * 10) / 10}`;
  process.stdout.write(
    `${JSON.stringify({
      what: "ban storm",
      attackers: ATTACKERS,
      ours,
      fail2ban: theirs,
      timeRatio: ratio(ours.seconds, theirs.seconds),
      cpuRatio: ratio(ours.cpuSeconds, theirs.cpuSeconds),
    })}\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

async function inNamespace(
  name: string,
  measure: (namespace: string, log: string) => Promise<Figures>,
): Promise<Figures> {
  const namespace = `gbb${process.pid}${name}`;
  mkdirSync(join(folder, name));
  const log = join(folder, name, "auth.log");
  writeFileSync(log, "");
  await run("ip", ["netns", "add", namespace]);
  try {
    await run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
    return await measure(namespace, log);
  } finally {
    await run("ip", ["netns", "del", namespace]);
  }
}

async function storm(namespace: string, log: string): Promise<Figures> {
  const config = `
notify: { syslog: false }
blocks: { mode: enforce, policy: { points: ${FAILURES} } }
sensors:
  listeners: { enabled: false }
  files: { enabled: false }
  secrets: { enabled: false }
  logs: { journal: false, sources: [{ name: auth, paths: ["${log}"], format: syslog }] }
`;
  await using host = await Host.start({ config, wrapper: ["ip", "netns", "exec", namespace] });
  const up = host.up.pid!;
  return await untilBlocked(namespace, log, () => [up, ...childrenOf(up)]);
}

async function stormFail2ban(namespace: string, log: string): Promise<Figures> {
  const own = join(folder, "fail2ban");
  await run("cp", ["-r", "/etc/fail2ban", join(own, "etc")]);
  const jail = `
[DEFAULT]
backend = auto
banaction = nftables
maxretry = ${FAILURES}
findtime = 600
bantime = 3600
[sshd]
enabled = true
logpath = ${log}
`;
  rmSync(join(own, "etc/jail.d"), { recursive: true });
  writeFileSync(join(own, "etc/jail.local"), jail);
  writeFileSync(join(own, "etc/fail2ban.local"), `[Definition]\nlogtarget = ${own}/log\ndbfile = None\n`);
  const words = ["-c", join(own, "etc"), "-s", join(own, "sock"), "-p", join(own, "pid")];
  const client = (...more: string[]) => run("ip", ["netns", "exec", namespace, "fail2ban-client", ...words, ...more]);
  await client("start");
  try {
    const server = Number(readFileSync(join(own, "pid"), "utf8"));
    return await untilBlocked(namespace, log, () => [server]);
  } finally {
    await client("stop");
  }
}

/** Writes the lines, and waits until all are blocked. CPU is that of the processes and of the children that they waited for. */
async function untilBlocked(namespace: string, log: string, pids: () => readonly number[]): Promise<Figures> {
  const cpuBefore = cpuSecondsOf(pids());
  const start = performance.now();
  appendFileSync(log, addresses.map((address, index) => badLines(address, index)).join(""));
  let blocked = 0;
  while (blocked < ATTACKERS && performance.now() - start < GIVE_UP_MS) {
    await sleep(POLL_MS);
    blocked = await countBlocked(namespace);
  }
  const seconds = (performance.now() - start) / 1000;
  return { blocked, seconds: rounded(seconds), cpuSeconds: rounded(cpuSecondsOf(pids()) - cpuBefore) };
}

async function countBlocked(namespace: string): Promise<number> {
  const words = ["netns", "exec", namespace, "nft", "list", "ruleset"];
  const { stdout } = await run("ip", words, { maxBuffer: 64 * 1024 * 1024 });
  return new Set(stdout.match(/198\.18\.\d+\.\d+/g)).size;
}

// proc_pid_stat(5): utime, stime, cutime and cstime are the fields 14 to 17.
function cpuSecondsOf(pids: readonly number[]): number {
  const ticks = pids.flatMap((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 15)
      .map(Number);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}

/** Each try is a connection of its own, and each attacker wants another account: none of them is blocked for the others. */
function badLines(address: string, index: number): string {
  const at = new Date()
    .toString()
    .slice(4, 24)
    .replace(/ \d{4}/, "")
    .replace(/ 0/, "  ");
  return Array.from({ length: FAILURES }, (_, number) => {
    const pid = 10_000 + index * 8 + number;
    return `${at} host sshd[${pid}]: Failed password for user${index} from ${address} port ${pid} ssh2\n`;
  }).join("");
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
