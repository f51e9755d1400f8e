/**
 * fail2ban's own sshd filter on a generated auth.log: CPU seconds of our matcher with the converted filter against those of
 * `fail2ban-regex` on the same file, whole processes, and whether both found the same. Ours runs from the build (`npm run build`), as
 * users run it. Needs Debian's fail2ban. Usage: node bench/fail2ban-sshd.ts [LINES]
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Corpus, makeCorpus } from "./log-corpus.ts";

const OWN = join(import.meta.dirname, "fail2ban-sshd-own.mjs");
/** As the reader of `garrison logs replay` runs. */
const FLAGS = ["--max-semi-space-size=16"];

const [, , lines = "2000000"] = process.argv;
compare(makeCorpus("auth", Number(lines)));

function compare({ path, lines, bytes, hits }: Corpus): void {
  const own = runOwn(path);
  const peer = runPeer(path);
  const ratio = peer.cpuSeconds / own.cpuSeconds;
  console.log(JSON.stringify({ lines, bytes, hits, own, peer, ratio }, null, 2));
  if (Math.abs(own.hits - peer.hits) > hits / 100 || own.hits < hits)
    throw new Error("Cannot compare: the hits differ");
}

interface Figures {
  readonly cpuSeconds: number;
  readonly hits: number;
}

function runOwn(path: string): Figures & { matchingSeconds: number } {
  const { cpuSeconds, output } = run([process.execPath, ...FLAGS, OWN, path]);
  return { cpuSeconds, ...(JSON.parse(output) as { hits: number; matchingSeconds: number }) };
}

function runPeer(path: string): Figures {
  const words = ["fail2ban-regex", "--no-check-all", "--print-no-missed", path, "sshd"];
  const { cpuSeconds, output } = run(words);
  const [, matched] = /^Lines: \d+ lines, \d+ ignored, (\d+) matched/m.exec(output) ?? [];
  return { cpuSeconds, hits: Number(matched) };
}

/** CPU of a child that has ended is known to its parent alone: python3 is one that tells. */
function run(words: readonly string[]): { cpuSeconds: number; output: string } {
  const script = [
    "import resource, subprocess, sys",
    "out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout.decode()",
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)",
    "print(used.ru_utime + used.ru_stime)",
    "print(out)",
  ].join("\n");
  const output = execFileSync("python3", ["-c", script, ...words], { encoding: "utf8", maxBuffer: 2 ** 28 });
  const end = output.indexOf("\n");
  return { cpuSeconds: Number(output.slice(0, end)), output: output.slice(end + 1) };
}
