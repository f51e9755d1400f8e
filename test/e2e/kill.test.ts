import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Host, waitFor } from "./host.ts";

const folder = mkdtempSync("/tmp/garrison-kill-");
after(() => rmSync(folder, { recursive: true, force: true }));
const config = `sensors: { files: { paths: ["${folder}/*"] } }\n`;

/** Kills a process of a host and gives its successor's pid. */
async function killAndWait(host: Host, name: string): Promise<number> {
  const before = host.pidOf(name);
  process.kill(before, "SIGKILL");
  let now = 0;
  await waitFor(() => {
    try {
      now = host.pidOf(name);
    } catch {
      return false;
    }
    return now !== before;
  }, `a new ${name}`);
  return now;
}

/** Whether every process is connected and watching again. */
async function untilWhole(host: Host): Promise<void> {
  for (;;) {
    const { items, code } = await host.command("status", "--json");
    const processes = (items[0]?.["processes"] ?? []) as { state: string }[];
    const sensors = (items[0]?.["sensors"] ?? []) as { state: string }[];
    if (
      code === 0 &&
      processes.every(({ state }) => state === "running") &&
      sensors.every(({ state }) => state === "watching")
    )
      return;
  }
}

for (const name of ["garrison-sentry", "garrison-warden", "garrison-mind"]) {
  test(`kill -9 of ${name} is said, mended, and costs neither an alert nor what was learnt`, async () => {
    const path = join(folder, name);
    writeFileSync(path, "x");
    chmodSync(path, 0o644);
    await using host = await Host.start({ config });
    chmodSync(path, 0o640);
    const first = await host.alert(
      ({ subject }) => subject.type === "file" && subject.path === path,
      "the first alert",
    );
    const from = host.events.length;
    await killAndWait(host, name);
    await host.until(
      ({ event, text }) => event === "note" && String(text).includes(`${name.slice(9)} ended by SIGKILL`),
      "the note of the end",
      from,
    );
    await untilWhole(host);
    chmodSync(path, 0o600);
    await host.until(
      ({ event, alert }) =>
        event === "alert" &&
        alert?.subject.type === "file" &&
        alert.subject.path === path &&
        alert.observed.includes("0640 to 0600"),
      "the second change",
      from,
    );
    const listed = await host.command("alerts", "--json", "--which", "all");
    const about = listed.items.filter(({ subject }) => (subject as { path?: string }).path === path);
    assert.deepEqual(
      about.map(({ id, count }) => ({ id, count })),
      [{ id: first.id, count: 2 }],
      "the same change by the same program is one alert",
    );
    const told = host.events.filter(
      ({ event, type, alert }) => event === "alert" && type === "new" && alert?.id === first.id,
    );
    assert.equal(told.length, 1, "told twice");
    const verified = await host.command("journal", "verify");
    assert.equal(verified.code, 0, verified.stdout);
  });
}

test("a change made while the sentry is away is told when it is back", async () => {
  const path = join(folder, "while-away");
  writeFileSync(path, "x");
  chmodSync(path, 0o644);
  await using host = await Host.start({ config });
  process.kill(host.pidOf("garrison-sentry"), "SIGKILL");
  chmodSync(path, 0o666);
  const alert = await host.alert(({ subject }) => subject.type === "file" && subject.path === path, "the change");
  assert.equal(alert.severity, "critical");
});

test("whoever is not the mind is not let into sentry and warden, and a second mind is not either", async () => {
  await using host = await Host.start({ config });
  const mind = host.pidOf("garrison-mind");
  const uid = spawnSync("stat", ["-c", "%u", `/proc/${mind}`])
    .stdout.toString()
    .trim();
  // Not our own Node: below a home of mode 0700 another user could not even start it.
  const program = `
import errno, socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
    s.sendall(b'{"t":"status"}\\n{"t":"record","id":1,"entries":[]}\\n')
    print("answered" if s.recv(1) else "hung up")
except OSError as error:
    print(errno.errorcode[error.errno])`;
  for (const name of ["sentry.sock", "warden.sock"]) {
    const ask = (who: string): string => {
      const words = [
        "--reuid",
        who,
        "--regid",
        who,
        "--clear-groups",
        "/usr/bin/python3",
        "-c",
        program,
        join(host.run, name),
      ];
      return spawnSync("setpriv", words, { timeout: 10_000, cwd: "/" }).stdout.toString().trim();
    };
    assert.equal(ask("1000"), "EACCES", name);
    assert.match(ask(uid), /^(?:hung up|ECONNRESET|EPIPE)$/, name);
  }
  await untilWhole(host);
});
