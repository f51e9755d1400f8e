/**
 * fail2ban's own sshd filter on a generated auth.log: CPU seconds of our matcher with the converted filter against those of
 * `fail2ban-regex` on the same file, and whether both found the same. Needs Debian's fail2ban.
 * Usage: node bench/fail2ban-sshd.ts [LINES]
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";
import { HostConfigTree } from "#src/logs/fail2ban/config/config-tree.ts";
import { compileFilter } from "#src/logs/fail2ban/match/compile-filter.ts";
import { readFilter } from "#src/logs/fail2ban/read-filter.ts";
import { LineCutter } from "#src/logs/match/line-cutter.ts";
import { SourceMatcher } from "#src/logs/match/source-matcher.ts";
import { type Corpus, makeCorpus } from "./log-corpus.ts";

const CHUNK_BYTES = 1_048_576;

const corpus = makeCorpus("auth", Number(process.argv[2] ?? 300_000));
const own = measureOwn(corpus);
const peer = measurePeer(corpus);
console.log(
  JSON.stringify(
    { lines: corpus.lines, bytes: corpus.bytes, hits: corpus.hits, own, peer, ratio: peer.cpuSeconds / own.cpuSeconds },
    null,
    2,
  ),
);
if (Math.abs(own.hits - peer.hits) > corpus.hits / 100 || own.hits < corpus.hits)
  throw new Error("Cannot compare: the hits differ");

interface Figures {
  readonly cpuSeconds: number;
  readonly hits: number;
}

function measureOwn({ path }: Corpus): Figures & { candidates: number } {
  const started = process.cpuUsage();
  const rule = compileFilter(readFilter(new HostConfigTree(), "sshd"));
  const source = { name: "auth", kind: "file", paths: [path], format: "plain", isForgeable: true } as const;
  const matcher = new SourceMatcher(source, [rule], {
    onDisabled: (name, reason) => {
      throw new Error(`${name} is disabled: ${reason}`);
    },
  });
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
  return { cpuSeconds: (user + system) / 1e6, hits, candidates: matcher.stats().candidates };
}

/** CPU of a child that has ended is known to its parent alone: python3 is one that tells. */
function measurePeer({ path }: Corpus): Figures {
  const script = [
    "import resource, subprocess, sys",
    "out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout.decode()",
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)",
    "print(used.ru_utime + used.ru_stime)",
    "print(out)",
  ].join("\n");
  const words = ["-c", script, "fail2ban-regex", "--no-check-all", "--print-no-missed", path, "sshd"];
  const output = execFileSync("python3", words, { encoding: "utf8", maxBuffer: 2 ** 28 });
  const [, matched] = /^Lines: \d+ lines, \d+ ignored, (\d+) matched/m.exec(output) ?? [];
  return { cpuSeconds: Number(output.split("\n")[0]), hits: Number(matched) };
}
