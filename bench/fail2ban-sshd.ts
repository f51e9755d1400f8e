/**
 * fail2ban's own sshd filter on a generated auth.log: CPU seconds of our matcher with the converted filter against those of
 * `fail2ban-regex` on the same file, whole processes, and whether both found the same. Ours runs from the build (`npm run build`), as
 * users run it. Needs Debian's fail2ban. Usage: node bench/fail2ban-sshd.ts [LINES]
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { type Corpus, makeCorpus } from "./log-corpus.ts";

const DIST = join(import.meta.dirname, "../dist/src/logs");
const CHUNK_BYTES = 2_097_152;

const [, , lines = "2000000", role] = process.argv;
const corpus = makeCorpus("auth", Number(lines));
if (role === "own") await matchAll(corpus);
else compare(corpus);

function compare({ path, lines, bytes, hits }: Corpus): void {
  const own = runOwn(String(lines));
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

/** Prints the number of hits, and how much of the CPU the matching took: the rest is the start of node and of the filter. */
async function matchAll({ path }: Corpus): Promise<void> {
  const { HostConfigTree } = await load<typeof import("#src/logs/fail2ban/config/config-tree.ts")>(
    "fail2ban/config/config-tree.js",
  );
  const { compileFilter } = await load<typeof import("#src/logs/fail2ban/match/compile-filter.ts")>(
    "fail2ban/match/compile-filter.js",
  );
  const { readFilter } = await load<typeof import("#src/logs/fail2ban/read-filter.ts")>("fail2ban/read-filter.js");
  const { LineCutter } = await load<typeof import("#src/logs/match/line-cutter.ts")>("match/line-cutter.js");
  const { SourceMatcher } = await load<typeof import("#src/logs/match/source-matcher.ts")>("match/source-matcher.js");
  const rule = compileFilter(readFilter(new HostConfigTree(), "sshd"));
  const source = { name: "auth", kind: "file", paths: [path], format: "plain", isForgeable: true } as const;
  const matcher = new SourceMatcher(source, [rule], {
    onDisabled: (name, reason) => {
      throw new Error(`${name} is disabled: ${reason}`);
    },
  });
  const started = process.cpuUsage();
  let hits = 0;
  const take = (bytes: Buffer, offset: number): void => {
    hits += matcher.match(bytes, { file: path, offset, line: null }).length;
  };
  const cutter = new LineCutter();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(path, "r");
  for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk))
    cutter.push(chunk.subarray(0, count), take);
  closeSync(fd);
  const { user, system } = process.cpuUsage(started);
  console.log(JSON.stringify({ hits, matchingSeconds: (user + system) / 1e6 }));
}

async function load<Module>(path: string): Promise<Module> {
  return (await import(join(DIST, path))) as Module;
}

function runOwn(count: string): Figures & { matchingSeconds: number } {
  const words = [process.execPath, "--max-semi-space-size=16", import.meta.filename, count, "own"];
  const { cpuSeconds, output } = run(words);
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
