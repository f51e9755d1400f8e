/** Helper of tests: network namespaces of their own. Not shipped (`.mts`). */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { checked, libcFunction } from "./ffi.ts";

const CLONE_NEWNET = 0x40000000;
const unshare = libcFunction<(flags: number) => number>("int unshare(int flags)");

/** Moves this thread, and the programs that it starts, into a new network namespace; nothing of the host's is reached any more. */
export function enterNamespace(): void {
  checked(unshare(CLONE_NEWNET), "enter a network namespace");
  run("ip", "link", "set", "lo", "up");
}

/** Runs a program to its end in the namespace of this thread. @returns its standard output */
export function run(program: string, ...words: string[]): string {
  return execFileSync(program, words, { stdio: ["ignore", "pipe", "pipe"] }).toString();
}

/** Gives a program its input. @returns its standard output */
export function feed(input: string, program: string, ...words: string[]): string {
  return execFileSync(program, words, { input, stdio: ["pipe", "pipe", "pipe"] }).toString();
}

/** Asks the echo server of {@link startEcho}, one line each: from, to, port; answers 1 or 0. */
const PROBER = `
import socket,sys
for line in sys.stdin:
  f,t,p=line.split()
  s=socket.socket(socket.AF_INET6 if ':' in t else socket.AF_INET,socket.SOCK_DGRAM)
  s.settimeout(.25); s.bind((f,0)); s.connect((t,int(p)))
  try: s.send(b'x'); print(int(s.recv(9)==b'x'),flush=True)
  except TimeoutError: print(0,flush=True)
  s.close()
`;
const ECHO = `
import socket,select,sys
ss=[socket.socket(socket.AF_INET6,socket.SOCK_DGRAM) for _ in sys.argv[1:]]
for s,p in zip(ss,sys.argv[1:]): s.setsockopt(41,26,0); s.bind(('::',int(p)))
print(1,flush=True)
while True:
  for s in select.select(ss,[],[])[0]: d,a=s.recvfrom(99); s.sendto(d,a)
`;

/** Answers every UDP packet to these ports of ours, IPv4 and IPv6, until the test has ended. */
export async function startEcho(t: TestContext, ...ports: number[]): Promise<void> {
  const child = spawn("python3", ["-c", ECHO, ...ports.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void child.kill("SIGKILL"));
  await once(child.stdout!, "data");
}

const MAC = { ours: "02:00:00:00:00:01", theirs: "02:00:00:00:00:02" } as const;

/** Another machine: a namespace at the other end of a cable. */
export class Neighbour {
  readonly #holder: ChildProcess;
  readonly #prober: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(holder: ChildProcess, prober: ChildProcess) {
    this.#holder = holder;
    this.#prober = prober;
    this.#answers = createInterface({ input: prober.stdout! })[Symbol.asyncIterator]();
  }

  /** Ours has `ours`, the other end has `theirs`; each a list of addresses with their prefix. */
  static async connect(t: TestContext, ours: readonly string[], theirs: readonly string[]): Promise<Neighbour> {
    const holder = spawn("unshare", ["-n", "sh", "-c", "echo; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    t.after(() => void holder.kill("SIGKILL"));
    await once(holder.stdout!, "data");
    const inside = ["-t", String(holder.pid), "-n"];
    run(
      "ip",
      ...["link", "add", "cable", "address", MAC.ours, "type", "veth", "peer", "name", "cable"],
      ...["address", MAC.theirs, "netns", String(holder.pid)],
    );
    const there = (program: string, ...words: string[]) => run("nsenter", ...inside, program, ...words);
    for (const [here, addresses, others, mac] of [
      [run, ours, theirs, MAC.theirs],
      [there, theirs, ours, MAC.ours],
    ] as const) {
      for (const address of addresses) here("ip", "address", "add", address, "dev", "cable", "nodad");
      here("ip", "link", "set", "cable", "up");
      // Whoever is blocked is not asked for its hardware address either: it is known, so that tests need not wait.
      for (const address of others)
        here("ip", "neighbour", "replace", address.replace(/\/.*/, ""), "lladdr", mac, "dev", "cable");
    }
    const prober = spawn("nsenter", [...inside, "python3", "-c", PROBER], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => void prober.kill("SIGKILL"));
    return new Neighbour(holder, prober);
  }

  /** Runs a program there. @returns its standard output */
  run(program: string, ...words: string[]): string {
    return run("nsenter", "-t", String(this.#holder.pid), "-n", program, ...words);
  }

  /** Starts a program there; it is killed when the test has ended. */
  start(t: TestContext, program: string, ...words: string[]): ChildProcess {
    const child = spawn("nsenter", ["-t", String(this.#holder.pid), "-n", program, ...words]);
    t.after(() => void child.kill("SIGKILL"));
    return child;
  }

  /** Whether a UDP packet from one of its addresses to one of ours comes back from the echo server within 0.25 s. */
  async canReach(from: string, to: string, port: number): Promise<boolean> {
    this.#prober.stdin!.write(`${from} ${to} ${port}\n`);
    const { value } = await this.#answers.next();
    return value === "1";
  }
}
