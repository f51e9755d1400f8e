/**
 * Logs, read by the confined sentry of a whole Garrison: nothing is lost or counted twice when processes are killed and logs rotated, and
 * secrets are not followed. Each host has network, mounts, `/var/log` and machine-id of its own.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Host } from "./host.ts";

const ATTACKER = "198.51.100.23";
const MACHINE = "0123456789abcdef0123456789abcdef";
// journalctl --follow shows entries of this boot alone.
const BOOT = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim().replaceAll("-", "");
const RULE = { source: "exim-main", rule: "exim.auth-failed" };
/** A batch is what is written at once. */
const BATCHES = 60;
const BATCH_LINES = 50;

interface Item {
  readonly item: string;
  readonly source: string;
  readonly rule?: string;
  readonly hits?: number;
  readonly behindBytes?: number | null;
  readonly gaps?: number;
  readonly unreadable?: readonly { readonly path: string; readonly reason: string }[];
}

/** The logs of a host, as a test writes them. */
class Logs {
  readonly folder: string;
  #lines = 0;
  #entries = 0;
  #rotations = 0;

  constructor(t: TestContext) {
    this.folder = mkdtempSync("/tmp/garrison-confined-");
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    chmodSync(this.folder, 0o755);
    for (const name of ["log", "log/exim4", "log/journal", `log/journal/${MACHINE}`]) mkdirSync(this.path(name));
    writeFileSync(this.path("machine-id"), `${MACHINE}\n`);
    writeFileSync(this.mainlog, "");
    chmodSync(this.mainlog, 0o640);
  }

  get mainlog(): string {
    return this.path("log/exim4/mainlog");
  }

  get written(): number {
    return this.#lines;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A whole Garrison that has these logs below /var/log. @param hidden a file that cannot be started there */
  start(config: string, hidden?: string): Promise<Host> {
    const mounts = [
      'mount --bind "$0/log" /var/log',
      'mount --bind "$0/machine-id" /etc/machine-id',
      // Where journald listens: without, files of a journal are none of what happens now.
      "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && touch /run/systemd/journal/socket",
      ...(hidden === undefined ? [] : [`mount --bind "$0/machine-id" ${hidden}`]),
    ];
    const script = `${mounts.join(" && ")} && exec "$@"`;
    return Host.start({ config, wrapper: ["unshare", "-n", "-m", "sh", "-c", script, this.folder] });
  }

  /** Numbered failed logins at Exim, all of one address. */
  fail(count: number): void {
    const at = new Date().toISOString().slice(0, 19).replace("T", " ");
    let text = "";
    for (let index = 0; index < count; index++) {
      text += `${at} plain_server authenticator failed for (m${++this.#lines}) [${ATTACKER}]: 535 Incorrect authentication data (set_id=info)\n`;
    }
    appendFileSync(this.mainlog, text);
  }

  rename(): void {
    this.#shift();
    renameSync(this.mainlog, `${this.mainlog}.1`);
    writeFileSync(this.mainlog, "", { mode: 0o640 });
  }

  copyAndTruncate(): void {
    this.#shift();
    copyFileSync(this.mainlog, `${this.mainlog}.1`);
    truncateSync(this.mainlog);
  }

  #shift(): void {
    for (let number = this.#rotations++; number > 0; number--)
      renameSync(`${this.mainlog}.${number}`, `${this.mainlog}.${number + 1}`);
  }

  /** Failed passwords in the journal, as sshd gives them to journald. */
  failInJournal(count: number): void {
    const entries = Array.from({ length: count }, () => {
      const atMicros = Date.now() * 1000 + ++this.#entries;
      return [
        `__REALTIME_TIMESTAMP=${atMicros}`,
        `__MONOTONIC_TIMESTAMP=${1_000_000 + this.#entries}`,
        `_BOOT_ID=${BOOT}`,
        `_MACHINE_ID=${MACHINE}`,
        "_UID=0",
        "_PID=77",
        "_COMM=sshd",
        "_EXE=/usr/sbin/sshd",
        "_SYSTEMD_UNIT=ssh.service",
        "_TRANSPORT=syslog",
        "SYSLOG_IDENTIFIER=sshd",
        `MESSAGE=Failed password for root from ${ATTACKER} port ${40_000 + this.#entries} ssh2`,
        "\n",
      ].join("\n");
    });
    const file = this.path(`log/journal/${MACHINE}/system.journal`);
    const { status, stderr } = spawnSync("/lib/systemd/systemd-journal-remote", ["-o", file, "-"], {
      input: entries.join(""),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  }
}

async function itemsOf(host: Host): Promise<readonly Item[]> {
  return (await host.command("logs", "--json", "--all")).items as unknown as readonly Item[];
}

/** Hits of a rule so far. */
async function hitsOf(host: Host, wanted: { readonly source: string; readonly rule: string } = RULE): Promise<number> {
  const found = (await itemsOf(host)).find(({ source, rule }) => source === wanted.source && rule === wanted.rule);
  return found?.hits ?? 0;
}

async function untilHits(host: Host, count: number, wanted = RULE): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (let hits = 0; hits < count; hits = await hitsOf(host, wanted)) {
    assert.ok(Date.now() < deadline, `${hits} hits of ${count} within 30 s; ${host.stderr}`);
  }
}

/** Everything that was written is counted once: also when all is looked at again behind it. */
async function assertEachOnce(host: Host, logs: Logs): Promise<void> {
  await untilHits(host, logs.written);
  // Whoever reads something twice does it when he begins anew.
  process.kill(host.pidOf("garrison-sentry"), "SIGKILL");
  logs.fail(1);
  await untilHits(host, logs.written);
  const items = await itemsOf(host);
  assert.equal(items.find(({ source, rule }) => source === RULE.source && rule === RULE.rule)?.hits, logs.written);
  assert.deepEqual([...new Set(items.map(({ gaps }) => gaps ?? 0))], [0]);
}

const FILES_ALONE = "sensors: { logs: { journal: false } }\n";

test("a failed login in a log is an alert, and a start prints no warning", async (t) => {
  const logs = new Logs(t);
  writeFileSync(logs.path("log/own.log"), "");
  await using host = await logs.start(
    `sensors: { logs: { journal: false, sources: [{ name: exim-main, paths: [/var/log/own.log, /var/log/later.log], format: exim }] } }\n`,
  );
  const sensor = host.events.find(({ event, name }) => event === "sensor" && name === "logs");
  assert.equal(sensor?.["state"], "watching", JSON.stringify(sensor));
  assert.match(
    String(sensor?.["sees"]),
    /2 files of 1 sources by inotify on \d+ folders,not there yet: \/var\/log\/later.log/,
  );
  assert.equal(host.stderr, "");
  logs.fail(6);
  const alert = await host.alert(({ kind }) => kind === "auth.bruteforce", "auth.bruteforce");
  assert.match(alert.observed, new RegExp(`^${ATTACKER.replaceAll(".", "\\.")} has `));
  assert.equal(alert.sensor, "logs");
  await assertEachOnce(host, logs);
});

test("a failed login in the journal is an alert", async (t) => {
  const logs = new Logs(t);
  logs.failInJournal(3);
  await using host = await logs.start("sensors: { logs: { journal: true } }\n");
  const rule = { source: "journal", rule: "sshd.failed" };
  // Those are history. What comes until the journal is open is not.
  const deadline = Date.now() + 20_000;
  while (!host.alerts.some(({ kind }) => kind === "auth.bruteforce")) {
    assert.ok(Date.now() < deadline, host.stderr);
    logs.failInJournal(6);
    await untilHits(host, 6, rule);
  }
  const before = await hitsOf(host, rule);
  for (const name of ["garrison-mind", "garrison-sentry"]) {
    process.kill(host.pidOf(name), "SIGKILL");
    logs.failInJournal(5);
  }
  await untilHits(host, before + 10, rule);
  assert.equal(await hitsOf(host, rule), before + 10);
});

test("a host without a journalctl that can be started says so in sight, and reads its files", async (t) => {
  const logs = new Logs(t);
  await using host = await logs.start("sensors: { logs: {} }\n", "/usr/bin/journalctl");
  const complains = (): Promise<boolean> =>
    itemsOf(host).then((items) =>
      items.some(({ source, unreadable }) => source === "journal" && unreadable?.length === 1),
    );
  while (!(await complains()));
  const { items } = await host.command("status", "--json");
  const sensors = items[0]?.["sensors"] as { name: string; state: string; blindTo: string[] }[];
  const sensor = sensors.find(({ name }) => name === "logs");
  assert.equal(sensor?.state, "degraded");
  assert.match(String(sensor?.blindTo), /journal: .*EACCES/);
  logs.fail(6);
  await host.alert(({ kind }) => kind === "auth.bruteforce", "auth.bruteforce");
});

for (const name of ["garrison-mind", "garrison-sentry"] as const) {
  test(`kill -9 of ${name} in the middle of a stream, and rotation meanwhile, lose and double no line`, async (t) => {
    const logs = new Logs(t);
    await using host = await logs.start(FILES_ALONE);
    for (let batch = 0; batch < BATCHES; batch++) {
      logs.fail(BATCH_LINES);
      if (batch % 20 === 5) {
        const before = host.pidOf(name);
        process.kill(before, "SIGKILL");
        logs.fail(BATCH_LINES);
      }
      if (batch % 20 === 7) logs.rename();
      // A content is known to be a copy once it was looked at.
      if (batch % 20 === 14) await untilHits(host, logs.written);
      if (batch % 20 === 14) logs.copyAndTruncate();
    }
    await assertEachOnce(host, logs);
  });
}

test("secrets are not followed, whatever the configuration names, and it is said why", async (t) => {
  const logs = new Logs(t);
  const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n";
  writeFileSync(logs.path("log/app.log"), key);
  writeFileSync(logs.path("log/tls.key"), "x\n");
  symlinkSync("/etc/shadow", logs.path("log/link.log"));
  const paths = ["/etc/shadow", "/var/log/app.log", "/var/log/tls.key", "/var/log/link.log"];
  await using host = await logs.start(
    `sensors: { logs: { journal: false, sources: [{ name: app, paths: [${paths.join(", ")}], format: plain }] } }\n`,
  );
  let app: Item | undefined;
  // The sentry tells how its sources stand within a second of its start.
  for (let tries = 0; tries < 50 && (app?.unreadable?.length ?? 0) < paths.length; tries++) {
    app = (await itemsOf(host)).find(({ item, source }) => item === "source" && source === "app");
  }
  assert.deepEqual(
    app?.unreadable?.map(({ path, reason }) => `${path}: ${reason}`).sort(),
    paths.map((path) => `${path}: it may be a secret`).sort(),
  );
  const { code, stdout } = await host.command("logs");
  assert.equal(code, 1);
  assert.match(stdout, /cannot read \/etc\/shadow: it may be a secret/);
  const sensor = host.events.find(({ event, name }) => event === "sensor" && name === "logs");
  assert.match(String(sensor?.["blindTo"]), /\/etc\/shadow: it may be a secret/);
});
