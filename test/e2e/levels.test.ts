import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { type TestContext, test } from "node:test";
import { asUser, enterWithPeer, PEER } from "#src/linux/traffic-namespace.mts";
import { Host } from "./host.ts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };
const CONFIG = `
levels:
  limits:
    - { series: "packets-out account:*", above: 300 }
`;

/** Somebody who sends UDP packets without end, as many as a loaded machine lets him, in bursts of 200. */
function flood(t: TestContext, uid: number, to: string): void {
  const script = `import time
s=socket.socket(family('${to}'),socket.SOCK_DGRAM); s.connect(('${to}',9999))
while True:
  for _ in range(200):
    try: s.send(b'x'*22)
    except ConnectionRefusedError: pass
  time.sleep(.05)`;
  const [program, ...words] = asUser(uid, script);
  const child = spawn(program, words, { stdio: "ignore" });
  t.after(() => void child.kill("SIGKILL"));
}

test(
  "an account that sends more than the limit is an alert that names process and other end, and one that does so on loopback is none",
  root,
  async (t) => {
    await enterWithPeer(t);
    await using host = await Host.start({ config: CONFIG });
    flood(t, 61_007, "127.0.0.1");
    flood(t, 61_006, PEER[4]);
    const alert = await host.alert(({ kind }) => kind === "traffic.out-high", "the alert of the flood");
    assert.deepEqual(alert.subject, { type: "level", series: "packets-out account:61006" });
    assert.match(alert.observed, /^[\d,]+ packets\/s out by uid 61006, the limit is 300/);
    assert.match(alert.observed, /python3.* \(pid \d+\).*192\.0\.2\.5 udp port 9999/);
    assert.equal(alert.ordinary, "this host has not been watched long enough to know");

    const { items, code } = await host.command("levels", "--json", "--only", "packets-out");
    assert.equal(code, 1);
    assert.ok(items.some(({ series, state }) => series === "packets-out account:61006" && state === "high"));
    assert.ok(items.every(({ series }) => String(series).startsWith("packets-out ")));
    assert.ok(!items.some(({ series, value }) => series === "packets-out account:61007" && Number(value) > 0));

    const accepted = await host.command("accept", alert.id, "--json");
    assert.equal(accepted.items[0]?.["state"], "accepted");
    const after = await host.command("levels", "--json", "--only", "61006");
    assert.ok(after.items.every(({ state }) => state !== "high"));
  },
);
