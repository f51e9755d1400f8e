import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { formatNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { AdminSessions } from "./admin-sessions.ts";
import { enterNamespace, Neighbour } from "./temp-namespace.mts";

const root = { skip: process.getuid?.() !== 0 };

/**
 * A daemon as sshd is one: a child for each connection, which says who has logged in, hands the connection to a child of that user,
 * and stays; it greets when all of them have become who they are to be. Words: login uid or - for none, uid of the user's process, uid
 * of what the user has started by sudo or - for nothing.
 */
const DAEMON = `
import os,socket,sys,time
login,user,sudo=sys.argv[1:]
s=socket.socket(socket.AF_INET6); s.setsockopt(41,26,0); s.setsockopt(1,2,1); s.bind(("::",2222)); s.listen(); print("ready",flush=True)
def child(run):
  if os.fork()==0: run(); time.sleep(999)
def monitor():
  global c; c,_=s.accept(); s.close()
  if login!="-": open("/proc/self/loginuid","w").write(login)
  def shell(ready):
    if sudo!="-": child(lambda: (c.close(),os.close(ready)))
    os.setuid(int(user)); os.close(ready)
  r,w=os.pipe()
  child(lambda: (os.close(r),shell(w))); os.close(w); os.read(r,1); c.send(b"welcome")
child(monitor); time.sleep(999)
`;
const CLIENT = `
import socket,sys,time
s=socket.create_connection((sys.argv[2],2222),source_address=(sys.argv[1],0)); print(s.recv(9),flush=True); time.sleep(999)
`;

async function peersOf(t: TestContext, words: readonly string[], from: string): Promise<string[]> {
  enterNamespace();
  const theirs = ["203.0.113.5/24", "2001:db8::5/64"];
  const neighbour = await Neighbour.connect(t, ["203.0.113.1/24", "2001:db8::1/64"], theirs);
  const daemon = spawn("python3", ["-c", DAEMON, ...words], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  t.after(() => process.kill(-daemon.pid!, "SIGKILL"));
  await once(daemon.stdout, "data");
  const client = neighbour.start(t, "python3", "-c", CLIENT, from, from.includes(":") ? "2001:db8::1" : "203.0.113.1");
  await once(client.stdout!, "data");
  const sessions = new AdminSessions();
  assert.equal(sessions.seesSockets, true);
  assert.deepEqual(sessions.peers([parseNetwork("198.51.100.0/24")!]), []);
  const seen = [...new Set(sessions.peers(null).map(formatNetwork))];
  const network = parseNetwork(from.includes(":") ? "2001:db8::/64" : "203.0.113.0/24")!;
  assert.deepEqual([...new Set(sessions.peers([network]).map(formatNetwork))], seen);
  return seen;
}

test("AdminSessions.peers() gives the address of root's login, IPv4 and IPv6", root, async (t) => {
  assert.deepEqual(await peersOf(t, ["0", "0", "-"], "203.0.113.5"), ["203.0.113.5/32"]);
  assert.deepEqual(await peersOf(t, ["0", "0", "-"], "2001:db8::5"), ["2001:db8::5/128"]);
});

test("AdminSessions.peers() gives the address of a user who has become root", root, async (t) => {
  assert.deepEqual(await peersOf(t, ["4242", "4242", "0"], "203.0.113.5"), ["203.0.113.5/32"]);
});

test("AdminSessions.peers() does not give a customer's login, nor who has not logged in", root, async (t) => {
  assert.deepEqual(await peersOf(t, ["4242", "4242", "-"], "203.0.113.5"), []);
  assert.deepEqual(await peersOf(t, ["-", "0", "0"], "203.0.113.5"), []);
});
