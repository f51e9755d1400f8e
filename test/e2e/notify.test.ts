import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Host, waitFor } from "./host.ts";

const SMTP_PORT = 2525;
const folder = mkdtempSync("/tmp/garrison-notify-");
const watched = join(folder, "watched");
const mbox = join(folder, "spool", "mbox");
let exim: ChildProcess;

/** A real Exim on loopback that puts every mail into one mailbox. */
before(async () => {
  mkdirSync(watched);
  mkdirSync(join(folder, "spool"));
  const uid = Number(spawnSync("id", ["-u", "Debian-exim"]).stdout.toString());
  chownSync(join(folder, "spool"), uid, uid);
  chmodSync(folder, 0o755);
  const eximConfig = join(folder, "exim.conf");
  writeFileSync(
    eximConfig,
    `primary_hostname = test.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
pid_file_path = ${folder}/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${SMTP_PORT}
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin acl
accept:
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = ${mbox}
  user = Debian-exim
  mode = 0644
  no_mode_fail_narrower
`,
    { mode: 0o644 },
  );
  exim = spawn("exim4", ["-C", eximConfig, "-bdf", "-q30m"], { stdio: "ignore" });
  await waitUntilListening();
});

after(async () => {
  exim.kill("SIGTERM");
  await once(exim, "exit");
  rmSync(folder, { recursive: true, force: true });
});

async function waitUntilListening(): Promise<void> {
  const greets = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(SMTP_PORT, "127.0.0.1");
      socket.once("data", () => resolve(true)).once("error", () => resolve(false));
      socket.once("data", () => socket.destroy());
    });
  while (!(await greets())) assert.equal(exim.exitCode, null, "Exim has ended");
}

function mails(): string[] {
  if (!existsSync(mbox)) return [];
  return readFileSync(mbox, "utf8")
    .split(/^From garrison@\S+ .*\n/m)
    .filter(Boolean);
}

const config = `
notify:
  syslog: false
  immediateFrom: high
  mail: { to: [root@test.example], from: garrison@test.example, port: ${SMTP_PORT} }
sensors: { files: { paths: ["${watched}/*"] } }
`;

test("notify test sends through the real local MTA and says so", async () => {
  await using host = await Host.start({ config });
  const result = await host.command("notify", "test", "--json");
  assert.equal(result.code, 0, result.stderr + result.stdout);
  assert.deepEqual(
    result.items.map(({ channel, ok }) => [channel, ok]),
    [["mail", true]],
  );
  await waitFor(() => mails().length === 1, "the test mail");
});

test("one cause is one mail; a drill is none; a low alert waits for the digest", async () => {
  const paths = Array.from({ length: 5 }, (_, index) => join(watched, `f${index}`));
  for (const path of paths) {
    writeFileSync(path, "x");
    chmodSync(path, 0o644);
  }
  await using host = await Host.start({ config });
  const count = mails().length;
  assert.equal((await host.command("drill")).code, 0);
  // One chmod changes five files: five alerts, one cause.
  spawnSync("chmod", ["0666", ...paths]);
  await waitFor(() => mails().length > count, "the mail");
  const { items } = await host.command("alerts", "--json", "--kind", "file.mode");
  assert.equal(new Set(items.map(({ incident }) => incident)).size, 1);
  assert.equal(items.length, 5);
  const mail = mails().at(-1)!;
  for (const path of paths) assert.ok(mail.includes(path), `${path} is not in the mail`);
  assert.match(mail, /^Subject: .*critical/m);
  assert.doesNotMatch(mails().join("\n"), /canary/);
  assert.equal(mails().length, count + 1);
});
