/** Helper of tests: a network namespace with a cable to another one, and senders under uids of their own. Not shipped (`.mts`). */
import type { TestContext } from "node:test";
import { enterNamespace, Neighbour, run } from "./temp-namespace.mts";

/** The other end of the cable. */
export const PEER = { 4: "192.0.2.5", 6: "2001:db8::5" } as const;

/** Enters a namespace of our own; at the other end somebody takes TCP on the ports that are given, and throws away what comes. */
export async function enterWithPeer(t: TestContext, ...ports: number[]): Promise<Neighbour> {
  enterNamespace();
  const neighbour = await Neighbour.connect(t, ["192.0.2.1/24", "2001:db8::1/32"], ["192.0.2.5/24", "2001:db8::5/32"]);
  if (ports.length > 0) await takeConnections(t, neighbour, ports);
  return neighbour;
}

const SINK = `
import selectors,socket,sys
x=selectors.DefaultSelector()
for p in sys.argv[1:]:
  s=socket.create_server(('::',int(p)),family=socket.AF_INET6,dualstack_ipv6=True,backlog=512); x.register(s,1,True)
print(1,flush=True)
while True:
  for k,_ in x.select():
    if k.data: c,a=k.fileobj.accept(); x.register(c,1,False)
    elif not k.fileobj.recv(1<<20): x.unregister(k.fileobj); k.fileobj.close()
`;

async function takeConnections(t: TestContext, neighbour: Neighbour, ports: readonly number[]): Promise<void> {
  const sink = neighbour.start(t, "/usr/bin/python3", "-c", SINK, ...ports.map(String));
  await new Promise((resolve) => sink.stdout!.once("data", resolve));
}

/** Words that run a Python script as somebody. Its helpers: `udp(to, port, count)`, `tcp(to, port, bytes)`. */
export function asUser(uid: number, script: string): [program: string, ...words: string[]] {
  return ["setpriv", "--reuid", String(uid), "--clear-groups", "/usr/bin/python3", "-c", `${SENDERS}\n${script}`];
}

const SENDERS = `
import socket,sys
def family(to): return socket.AF_INET6 if ':' in to else socket.AF_INET
def udp(to,port,count):
  s=socket.socket(family(to),socket.SOCK_DGRAM)
  for _ in range(count): s.sendto(b'x'*22,(to,port))
  return s
def tcp(to,port,count):
  s=socket.create_connection((to,port)); s.sendall(b'x'*count); s.shutdown(1); s.recv(1); return s
`;

/** Runs a script as somebody, to its end. */
export function sendAs(uid: number, script: string): void {
  run(...asUser(uid, script));
}
