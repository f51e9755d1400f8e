import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { type TestContext, test } from "node:test";
import { NfAccounting } from "#src/linux/nf-accounting.ts";
import { run } from "#src/linux/temp-namespace.mts";
import { asUser, enterWithPeer, PEER } from "#src/linux/traffic-namespace.mts";
import { Host, waitFor } from "./host.ts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };
const TABLE = "table inet garrison_traffic\n";

function tables(): string {
  return run("nft", "list", "tables");
}

/** Somebody who connects to the mail server at the other end, and holds the connection. */
async function mailAs(t: TestContext, uid: number): Promise<ChildProcess> {
  const [program, ...words] = asUser(
    uid,
    `k=tcp('${PEER[4]}',25,10);k=socket.create_connection(('${PEER[4]}',25))
print(1,flush=True); sys.stdin.read()`,
  );
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout!.once("data", resolve));
  return child;
}

test(
  "who mails for the first time is an alert, also behind kill -9 of the warden, and nothing is left in the kernel",
  root,
  async (t) => {
    await enterWithPeer(t, 25);
    await using host = await Host.start({ words: ["--learn", "0s"] });
    assert.equal(tables(), TABLE);
    const mailer = await mailAs(t, 61_003);
    const first = await host.alert(({ kind }) => kind === "traffic.mail-new", "the alert of the mailer");
    assert.deepEqual(first.subject, { type: "account", name: "61003" });
    assert.equal(first.who?.pid, mailer.pid);
    assert.match(
      first.observed,
      /^the account with uid 61003 connects to mail servers; by .*python3.* \(pid \d+\); to 192\.0\.2\.5 tcp port 25/,
    );

    const warden = host.pidOf("garrison-warden");
    process.kill(warden, "SIGKILL");
    run("nft", "flush", "ruleset");
    await waitFor(() => tables() === TABLE, "the table again");
    await mailAs(t, 61_004);
    await host.alert(({ subject }) => subject.type === "account" && subject.name === "61004", "the alert of the other");
    const { items } = await host.command("status", "--json");
    const sensors = items[0]?.["sensors"] as { name: string; state: string }[];
    assert.equal(sensors.find(({ name }) => name === "traffic")?.state, "watching");

    await host[Symbol.asyncDispose]();
    assert.equal(tables(), "");
  },
);

test("switched off, nothing is in the kernel, also what was left there", root, async (t) => {
  await enterWithPeer(t);
  using left = new NfAccounting({ udpPorts: true });
  left.install();
  run("nft", "add", "table", "inet", "admin");
  await using host = await Host.start({ config: "sensors: { traffic: { enabled: false } }\n" });
  await waitFor(() => tables() === "table inet admin\n", "our table away");
  const { items } = await host.command("journal", "--json");
  assert.ok(items.some(({ kind }) => kind === "traffic.end"));
  assert.ok(!items.some(({ kind }) => kind === "traffic.begin"));
});
