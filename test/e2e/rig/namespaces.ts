/** Programs in namespaces, which live as long as a process of ours: nothing is left on the host when a test ends, or is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Where programs are. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A program that is killed when this process ends, however it ends. */
export const TIED = ["setpriv", "--pdeathsig", "KILL"];

/** Words in front of a program that put it into the namespaces of a process. */
export function entering(pid: number, kinds: readonly string[]): string[] {
  return ["nsenter", "--target", String(pid), ...kinds.map((kind) => `--${kind}`)];
}

/** Runs a program to its end. @returns what it wrote. @throws Error with what it said when it failed */
export async function runProgram(words: readonly string[], input = ""): Promise<string> {
  const child = spawn(words[0]!, words.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  // A program that has ended without reading says by its exit code whether that was well.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`Cannot run ${words.join(" ")}: ${said}`);
  return said;
}

/** Ends a process, and waits for its end. */
export async function endProcess(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await whenEnded(child);
}

/** Waits for the end of a process. */
export async function whenEnded(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** Addresses and routes of one end of the wire, as lines for `ip -batch`. */
export async function configureNetwork(pid: number, lines: readonly string[]): Promise<void> {
  await runProgram([...entering(pid, ["net"]), "ip", "-batch", "-"], `${lines.join("\n")}\n`);
}

/** A wire between the network namespaces of two processes; it is called `eth0` in both, and goes when one of them goes. */
export async function joinNetworks(one: number, other: number): Promise<void> {
  const link = ["name", "eth0", "netns", String(one), "type", "veth", "peer", "name", "eth0", "netns", String(other)];
  await runProgram(["ip", "link", "add", ...link]);
}
