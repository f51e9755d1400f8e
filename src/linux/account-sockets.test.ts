import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { findHolders, listAccountSockets } from "./account-sockets.ts";
import { asUser, enterWithPeer, PEER } from "./traffic-namespace.mts";

const root = { skip: process.getuid?.() === 0 ? false : "needs root" };

test(
  "listAccountSockets() finds an account's other ends, and findHolders() the processes that have them",
  root,
  async (t) => {
    await enterWithPeer(t, 25, 8080);
    const script = `k=[socket.create_connection(('${PEER[4]}',25)) for _ in range(3)]
k.append(socket.create_connection(('${PEER[6]}',8080)))
u=socket.socket(2,2); u.connect(('${PEER[4]}',53)); v=udp('${PEER[4]}',9,2)
l=socket.create_server(('127.0.0.1',0))
print(1,flush=True); sys.stdin.read()`;
    const [program, ...words] = asUser(61_003, script);
    const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => void child.kill("SIGKILL"));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const found = listAccountSockets(new Set([61_003, 61_004]));
    assert.deepEqual([...found.keys()], [61_003]);
    const sockets = found.get(61_003)!;
    assert.deepEqual(
      sockets.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`).sort(),
      [
        ...Array.from({ length: 3 }, () => `tcp ${PEER[4]} 25`),
        `tcp ${PEER[6]} 8080`,
        `udp ${PEER[4]} 53`,
        // It sends to whomever it names in each call.
        "udp null 0",
      ].sort(),
    );
    // setpriv becomes the program: it is the child itself.
    assert.deepEqual([...findHolders(61_003, sockets)], [[child.pid, 6]]);
    assert.deepEqual([...findHolders(61_004, sockets)], []);
  },
);
