import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type AccountCount, MAX_ELEMENTS, NfAccounting, TRAFFIC_TABLE } from "./nf-accounting.ts";
import { enterNamespace, feed, run } from "./temp-namespace.mts";
import { enterWithPeer, PEER, sendAs } from "./traffic-namespace.mts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };

function arrange(t: TestContext, udpPorts = false): NfAccounting {
  const accounting = new NfAccounting({ udpPorts });
  t.after(() => accounting[Symbol.dispose]());
  accounting.install();
  return accounting;
}

function countOf(accounting: NfAccounting, uid: number): AccountCount {
  const none = { uid, packets: 0, bytes: 0, connections: 0, mailConnections: 0 };
  return accounting.readAccounts()?.find((one) => one.uid === uid) ?? none;
}

/** What rules that an admin could have written have counted: by the same kernel in another way. */
function independentCounter(uids: readonly number[]): (uid: number) => { packets: number; bytes: number } {
  const counters = uids.map((uid) => `counter c${uid} {}`).join("\n");
  const rules = uids.map((uid) => `oifname != "lo" meta skuid ${uid} counter name c${uid}`).join("\n");
  const chain = `chain out { type filter hook output priority 300; ${rules}\n }`;
  feed(`table inet admin {\n${counters}\n${chain}\n}`, "nft", "-f", "-");
  return (uid) => {
    const match = /packets (\d+) bytes (\d+)/.exec(run("nft", "list", "counter", "inet", "admin", `c${uid}`));
    return { packets: Number(match?.[1]), bytes: Number(match?.[2]) };
  };
}

test("NfAccounting counts UDP of each account exactly, IPv4 and IPv6", root, async (t) => {
  await enterWithPeer(t);
  const accounting = arrange(t);
  sendAs(1001, `udp('${PEER[4]}', 9, 1000)`);
  sendAs(1002, `udp('${PEER[4]}', 9, 20000)`);
  sendAs(1003, `udp('${PEER[6]}', 9, 37)`);
  // 22 bytes, 8 of UDP, 20 or 40 of IP.
  assert.deepEqual(
    [1001, 1002, 1003].map((uid) => countOf(accounting, uid)),
    [
      { uid: 1001, packets: 1000, bytes: 50_000, connections: 0, mailConnections: 0 },
      { uid: 1002, packets: 20_000, bytes: 1_000_000, connections: 0, mailConnections: 0 },
      { uid: 1003, packets: 37, bytes: 37 * 70, connections: 0, mailConnections: 0 },
    ],
  );
});

test("NfAccounting counts TCP as a rule of an admin does, and connections by their first packet", root, async (t) => {
  await enterWithPeer(t, 25, 80, 587, 8080);
  const accounting = arrange(t);
  const admin = independentCounter([1001, 1002, 1003]);
  sendAs(1001, `for _ in range(5): tcp('${PEER[4]}', 8080, 300000)`);
  sendAs(1002, `for _ in range(3): tcp('${PEER[6]}', 25, 10)\ntcp('${PEER[4]}', 587, 10); tcp('${PEER[4]}', 80, 10)`);
  sendAs(1003, `udp('${PEER[4]}', 25, 3)`);
  for (const uid of [1001, 1002, 1003]) {
    const { packets, bytes } = countOf(accounting, uid);
    assert.deepEqual({ packets, bytes }, admin(uid));
  }
  assert.ok(countOf(accounting, 1001).bytes > 1_500_000);
  const connections = [1001, 1002, 1003].map((uid) => countOf(accounting, uid));
  assert.deepEqual(
    connections.map((one) => [one.connections, one.mailConnections]),
    [
      [5, 0],
      [5, 4],
      [0, 0],
    ],
  );
  const ports = accounting.readPorts().map(({ uid, protocol, port, count }) => `${uid} ${protocol} ${port} ${count}`);
  assert.deepEqual(ports.sort(), ["1001 tcp 8080 5", "1002 tcp 25 3", "1002 tcp 587 1", "1002 tcp 80 1"]);
});

test("NfAccounting counts UDP by port when it is told to", root, async (t) => {
  await enterWithPeer(t);
  const accounting = arrange(t, true);
  sendAs(1001, `udp('${PEER[4]}', 53, 7); udp('${PEER[6]}', 53, 2); udp('${PEER[4]}', 9, 1)`);
  assert.deepEqual(
    accounting.readPorts().sort((a, b) => a.port - b.port),
    [
      { uid: 1001, protocol: "udp", port: 9, count: 1 },
      { uid: 1001, protocol: "udp", port: 53, count: 9 },
    ],
  );
});

test("NfAccounting does not count what goes over loopback", root, async (t) => {
  await enterWithPeer(t);
  const accounting = arrange(t);
  sendAs(1001, "udp('127.0.0.1', 9, 500); udp('::1', 9, 500); udp('192.0.2.1', 9, 500)");
  assert.deepEqual(accounting.readAccounts(), []);
});

test("NfAccounting counts of a download what goes out only", root, async (t) => {
  const neighbour = await enterWithPeer(t);
  const accounting = arrange(t);
  const give = `import socket
s=socket.create_server(('${PEER[4]}',80)); print(1,flush=True)
c,_=s.accept(); c.recv(1); c.sendall(b'x'*5_000_000); c.close()`;
  const server = neighbour.start(t, "/usr/bin/python3", "-c", give);
  await new Promise((resolve) => server.stdout!.once("data", resolve));
  const take = `s=socket.create_connection(('${PEER[4]}',80)); s.send(b'x'); n=0
while True:
  d=s.recv(1<<20)
  if not d: break
  n+=len(d)
assert n==5_000_000`;
  sendAs(1001, take);
  assert.ok(countOf(accounting, 1001).bytes < 500_000);
  assert.equal(countOf(accounting, 1001).connections, 1);
});

test("NfAccounting leaves tables of others as they are, and is not in their way", root, async (t) => {
  await enterWithPeer(t);
  independentCounter([1001]);
  const others = run("nft", "--stateless", "list", "ruleset");
  const accounting = arrange(t);
  sendAs(1001, `udp('${PEER[4]}', 9, 5)`);
  assert.match(run("nft", "list", "counter", "inet", "admin", "c1001"), /packets 5 /);
  run("nft", "add", "table", "ip", "another");
  run("nft", "delete", "table", "ip", "another");
  assert.equal(accounting.readAccounts()?.length, 1, "changes of other tables are no matter of ours");
  assert.equal(accounting.remove(), true);
  assert.equal(run("nft", "--stateless", "list", "ruleset"), others);
});

test("NfAccounting does not count what an admin's rule drops", root, async (t) => {
  await enterWithPeer(t);
  const drop = "chain out { type filter hook output priority 0; udp dport 7 drop; }";
  feed(`table inet admin { ${drop}; }`, "nft", "-f", "-");
  const accounting = arrange(t);
  sendAs(1001, `udp('${PEER[4]}', 9, 5)`);
  assert.throws(() => sendAs(1001, `udp('${PEER[4]}', 7, 1)`), /Operation not permitted/);
  assert.equal(countOf(accounting, 1001).packets, 5);
});

test(
  "NfAccounting.readAccounts() notices whoever flushes, changes or restores it, and install() makes it anew",
  root,
  async (t) => {
    await enterWithPeer(t);
    const accounting = arrange(t);
    const saved = run("nft", "list", "ruleset");
    const disturbances: (() => void)[] = [
      () => run("nft", "flush", "ruleset"),
      () => run("nft", "flush", "table", "inet", TRAFFIC_TABLE),
      () => run("nft", "delete", "table", "inet", TRAFFIC_TABLE),
      () => run("nft", "insert", "rule", "inet", TRAFFIC_TABLE, "output", "accept"),
      // A firewall that is saved and restored has our table in it: its rules would count twice.
      () => feed(saved, "nft", "-f", "-"),
    ];
    for (const disturb of disturbances) {
      assert.notEqual(accounting.readAccounts(), null);
      disturb();
      assert.equal(accounting.readAccounts(), null);
      accounting.install();
      sendAs(1001, `udp('${PEER[4]}', 9, 3)`);
      assert.equal(countOf(accounting, 1001).packets, 3);
    }
  },
);

test("NfAccounting.remove() says whether there was a table", root, () => {
  enterNamespace();
  using accounting = new NfAccounting({ udpPorts: false });
  assert.equal(accounting.remove(), false);
  accounting.install();
  assert.equal(accounting.remove(), true);
  assert.equal(accounting.readAccounts(), null);
  assert.equal(run("nft", "list", "tables"), "");
});

test("NfAccounting keeps at most 65,535 ports, and goes on counting packets", root, async (t) => {
  await enterWithPeer(t);
  const accounting = arrange(t, true);
  const all = `s=socket.socket(2,2)\nfor p in range(1,40001): s.sendto(b'x',('${PEER[4]}',p))`;
  for (const uid of [1001, 1002]) sendAs(uid, all);
  assert.equal(accounting.readPorts().length, MAX_ELEMENTS);
  assert.deepEqual(
    [1001, 1002].map((uid) => countOf(accounting, uid).packets),
    [40_000, 40_000],
  );
});

test("NfAccounting cannot be had without CAP_NET_ADMIN", root, () => {
  enterNamespace();
  const script = `import("#src/linux/nf-accounting.ts").then(({ NfAccounting }) => {
    const accounting = new NfAccounting({ udpPorts: false });
    for (const act of ["install", "readPorts"]) try { accounting[act](); } catch (error) { console.log(error.cause.code); }
  });`;
  const words = ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", process.execPath, "-e", script];
  assert.equal(run("setpriv", ...words), "EPERM\nEPERM\n");
});
