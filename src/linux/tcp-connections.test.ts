import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { formatNetwork, type IpNetwork, overlaps, parseNetwork } from "#src/lib/ip-network.ts";
import { remoteFilter } from "./sock-diag-filter.ts";
import { endConnections, listConnections } from "./tcp-connections.ts";
import { enterNamespace, run } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() !== 0 };

/** Connects from each address to a socket that hears both families, tells for each line what became of the connections, and holds them. */
const PEERS = `
import socket,sys
l=socket.socket(socket.AF_INET6); l.setsockopt(41,26,0); l.bind(("::",2222)); l.listen(99); held=[]
for f in sys.argv[1:]:
  c=socket.create_connection(("::1" if ":" in f else "127.0.0.1",2222),source_address=(f,0)); held+=[c,l.accept()[0]]
held[0].shutdown(1)
only=socket.socket(); only.bind(("127.0.0.1",2223)); only.listen()
held+=[socket.create_connection(("127.0.0.1",2223),source_address=("127.0.9.9",0)),only.accept()[0]]
print("ready",flush=True)
for s in held: s.settimeout(5)
for _ in sys.stdin:
  try: print(repr(held[3].recv(9)),flush=True)
  except OSError as e: print(type(e).__name__,flush=True)
`;
const FROM = ["127.0.7.1", "127.0.7.2", "127.0.8.1", "2001:db8::7:1", "2001:db8::8:1"];

function net(text: string): IpNetwork {
  return parseNetwork(text)!;
}

async function connect(t: TestContext): Promise<(line: string) => Promise<string>> {
  enterNamespace();
  for (const address of FROM.slice(3)) run("ip", "address", "add", `${address}/128`, "dev", "lo", "nodad");
  const peers = spawn("python3", ["-c", PEERS, ...FROM], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => void peers.kill("SIGKILL"));
  const lines = createInterface({ input: peers.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "ready");
  return async (line) => {
    peers.stdin.write(`${line}\n`);
    return String((await lines.next()).value);
  };
}

/** The other ends of those to these ports. */
function remotesOf(connections: ReturnType<typeof listConnections>): string[] {
  const ours = connections.filter(({ localPort }) => localPort === 2222 || localPort === 2223);
  return ours.map(({ remote }) => formatNetwork(remote)).sort();
}

test(
  "listConnections() gives both families, IPv4-mapped as IPv4, of the networks that are asked for",
  root,
  async (t) => {
    await connect(t);
    const all = [
      "127.0.7.1/32",
      "127.0.7.2/32",
      "127.0.8.1/32",
      "127.0.9.9/32",
      "2001:db8::7:1/128",
      "2001:db8::8:1/128",
    ];
    assert.deepEqual(remotesOf(listConnections(null)), all);
    assert.deepEqual(remotesOf(listConnections([net("127.0.7.0/24")])), ["127.0.7.1/32", "127.0.7.2/32"]);
    assert.deepEqual(remotesOf(listConnections([net("127.0.9.9"), net("2001:db8::8:0/112")])), [
      "127.0.9.9/32",
      "2001:db8::8:1/128",
    ]);
    assert.deepEqual(listConnections([net("198.51.100.0/24"), net("2001:db8:1::/48")]), []);
    assert.deepEqual(listConnections([]), []);
    const many = Array.from({ length: 400 }, (_, index) => net(`198.51.${100 + (index >> 8)}.${index & 255}`));
    assert.deepEqual(remotesOf(listConnections([...many, net("127.0.8.1")])), ["127.0.8.1/32"]);
    const established = remotesOf(listConnections(null, { isEstablished: true }));
    assert.deepEqual(established, all.slice(1), "one is half closed");
  },
);

test("listConnections() is told by the kernel's filter what a look at all of them gives", root, async (t) => {
  await connect(t);
  const all = remotesOf(listConnections(null)).map(net);
  const bits = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const near = fc.record({ at: fc.nat(all.length - 1), cut: fc.nat(128) }).map(({ at, cut }) => {
    const [address = "", length] = formatNetwork(all[at]!).split("/");
    return net(`${address}/${Math.max(8, Number(length) - cut)}`);
  });
  const far = bits.map((bytes): IpNetwork => ({ family: 6, bytes, prefix: 128 }));
  const wanted = fc.array(fc.oneof(near, far), { maxLength: 16 });
  fc.assert(
    fc.property(wanted, (networks) => {
      const expected = all.filter((one) => networks.some((network) => overlaps(network, one)));
      assert.deepEqual(remotesOf(listConnections(networks)), expected.map(formatNetwork).sort());
    }),
  );
});

test("endConnections() ends the connections that were listed, and no others", root, async (t) => {
  const ask = await connect(t);
  const listed = listConnections([net("127.0.7.2")]);
  assert.equal(endConnections(listed.filter(({ localPort }) => localPort === 2222)), 1);
  assert.equal(await ask("?"), "ConnectionAbortedError");
  assert.deepEqual(remotesOf(listConnections([net("127.0.7.0/24")])), ["127.0.7.1/32"]);
});

test("remoteFilter() jumps behind the first network that fits to the end, and 4 bytes behind it when none does", () => {
  assert.equal(remoteFilter([]), null);
  assert.equal(remoteFilter([net("192.0.2.0/24")])!.toString("hex"), "0810140002180000ffffffffc0000200");
  const two = remoteFilter([net("192.0.2.1"), net("2001:db8::/32")])!;
  assert.deepEqual(
    [two.subarray(0, 16), two.subarray(16, 20), two.subarray(20)].map((step) => step.toString("hex")),
    ["0810140002200000ffffffffc0000201", "01042000", "081c20000a200000ffffffff20010db8000000000000000000000000"],
  );
});
