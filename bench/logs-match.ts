/**
 * What matching recorded logs costs, in CPU seconds (user and system, with everything that a program starts) and peak memory, against
 * fail2ban-regex, sshguard's parser and ripgrep on the same generated files: 5,000,000 lines, 750 MB. fail2ban gets a twentieth, which
 * is scaled. `PART` in the environment, such as 0.1, shortens everything. Runs itself once for each of our own figures.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LineRule, LogFormat, LogSource } from "#src/logs/contract.ts";
import { type Corpus, type CorpusKind, makeCorpus } from "./log-corpus.ts";

const DIST = join(import.meta.dirname, "../dist/src");
const PART = Number(process.env["PART"] ?? 1);
const BLOCK_BYTES = 1024 * 1024;
const FAIL2BAN_PART = 20;
const TICKS_PER_SECOND = 100;
const SSHGUARD = "/usr/libexec/sshguard/sshg-parser";

/** What rules of the generated attacks look like, and for which hits they are needed. */
const PATTERNS: Readonly<Record<CorpusKind, readonly string[]>> = {
  auth: [
    "^Failed password for (?:invalid user )?(?<user>.*) from (?<address>\\S+) port \\d+ ssh2$",
    "^Invalid user (?<user>.*) from (?<address>\\S+) port \\d+$",
  ],
  access: [
    "POST /wp-login\\.php ",
    "POST /xmlrpc\\.php ",
    "GET /\\.env ",
    "GET /\\.git/",
    "GET /phpmyadmin/",
    "GET \\S*/etc/passwd",
    "GET \\S*union%20select",
  ].map((request) => `^(?<address>\\S+) \\S+ \\S+ \\[[^\\]]*\\] "${request}`),
  exim: [
    "^dovecot_(?:login|plain) authenticator failed for \\S+ \\[(?<address>[^\\]]+)\\]:\\d+: 535 Incorrect authentication data \\(set_id=(?<user>.*)\\)$",
  ],
};
const FORMATS: Readonly<Record<CorpusKind, LogFormat>> = { auth: "syslog", access: "access", exim: "exim" };
const LITERALS: Readonly<Record<CorpusKind, readonly string[]>> = {
  auth: ["Failed password for ", "Invalid user "],
  access: ["/wp-login.php", "/xmlrpc.php", "/.env", "/.git/", "/phpmyadmin/", "/etc/passwd", "union%20select"],
  exim: ["535 Incorrect authentication data"],
};
const SERVICES =
  "vsftpd proftpd dovecot courier postfix sendmail asterisk openvpn squid named mysqld mongod gitlab nextcloud roundcube horde webmin froxlor plesk grafana";
const COMPLAINTS = [
  "authentication failure; rhost=",
  "login failed for user ",
  "Access denied for account ",
  "maximum attempts exceeded from ",
  "invalid credentials supplied by ",
  "refused connection from host ",
  "bad password attempt by ",
  "unknown user tried ",
  "too many requests from client ",
  "rejected handshake with peer ",
];

const [, , task, kind, extra] = process.argv;
if (task === undefined) await measureAll();
else if (task === "replay") await replayAll(process.argv.slice(3));
else await matchOne(kind as CorpusKind, task, Number(extra));

async function measureAll(): Promise<void> {
  const corpora = {
    auth: makeCorpus("auth", 2_000_000 * PART),
    access: makeCorpus("access", 2_000_000 * PART),
    exim: makeCorpus("exim", 1_000_000 * PART),
  };
  for (const name of ["auth", "access", "exim"] as const) {
    const corpus = corpora[name];
    const own = await measure(name, "garrison, all rules of the service", corpus, ownRun("patterns", name, 0));
    const hundred = await measure(name, "garrison, 100 more rules", corpus, ownRun("patterns", name, 100));
    const more = await measure(name, "garrison, 300 more rules", corpus, ownRun("patterns", name, 300));
    print({ log: name, ratio: "200 more rules cost", percent: round((more / hundred - 1) * 100) });
    const peers = [await measureRipgrep(name, corpus), await measureSshguard(name, corpus)];
    if (name !== "access") {
      const filter = name === "auth" ? "sshd" : "exim";
      const filtered = await measure(name, `garrison, fail2ban's filter ${filter}`, corpus, ownRun("filter", name, 0));
      print({
        log: name,
        ratio: "fail2ban to garrison with its filter",
        times: round((await measureFail2ban(name, filter, corpus)) / filtered),
      });
    }
    print({
      log: name,
      ratio: "garrison to ripgrep, sshguard to garrison",
      times: [own / peers[0]!, peers[1]! / own].map(round),
    });
  }
  const files = Object.values(corpora).map(({ path }) => path);
  const all = { path: "", lines: 5_000_000 * PART, bytes: 0, hits: 0 };
  await measure("all", "garrison logs replay, all rules and decisions", all, [
    process.execPath,
    import.meta.filename,
    "replay",
    ...files,
  ]);
}

function ownRun(what: "patterns" | "filter", name: CorpusKind, more: number): string[] {
  return [process.execPath, "--max-semi-space-size=16", import.meta.filename, what, name, String(more)];
}

/** @returns CPU seconds, without the start of our own program where it tells: fail2ban's is left out too */
async function measure(log: string, who: string, corpus: Corpus, words: readonly string[]): Promise<number> {
  const { cpuSeconds, rssMiB, output } = await run(words, null);
  print({
    log,
    who,
    cpuSeconds,
    millionLinesPerCpuSecond: round(corpus.lines / cpuSeconds / 1e6),
    rssMiB,
    ...parse(output),
  });
  return parse(output).withoutStart ?? cpuSeconds;
}

function parse(output: string): { readonly withoutStart?: number } {
  return output.startsWith("{") ? (JSON.parse(output) as { readonly withoutStart?: number }) : {};
}

async function measureRipgrep(log: CorpusKind, corpus: Corpus): Promise<number> {
  if (!existsSync("/usr/bin/rg")) return Number.NaN;
  const words = ["/usr/bin/rg", "-c", "-F", ...LITERALS[log].flatMap((text) => ["-e", text]), corpus.path];
  const { cpuSeconds, rssMiB, output } = await run(words, null);
  print({ log, who: "ripgrep -c", cpuSeconds, rssMiB, hits: Number(output), truth: corpus.hits });
  return cpuSeconds;
}

async function measureSshguard(log: CorpusKind, corpus: Corpus): Promise<number> {
  if (!existsSync(SSHGUARD)) return Number.NaN;
  const { cpuSeconds, rssMiB, output } = await run([SSHGUARD], corpus.path);
  print({ log, who: "sshg-parser", cpuSeconds, rssMiB, hits: output.split("\n").length - 1, truth: corpus.hits });
  return cpuSeconds;
}

/** Without its start, and scaled to the whole log. */
async function measureFail2ban(log: CorpusKind, filter: string, corpus: Corpus): Promise<number> {
  if (!existsSync("/usr/bin/fail2ban-regex")) return Number.NaN;
  const slice = `${corpus.path}.slice`;
  writeFileSync(slice, firstBytes(corpus.path, Math.floor(corpus.bytes / FAIL2BAN_PART)));
  const words = (path: string): string[] => ["/usr/bin/fail2ban-regex", "--no-check-all", path, filter];
  const started = await run(words("/dev/null"), null);
  const { cpuSeconds, rssMiB, output } = await run(words(slice), null);
  const scaled = (cpuSeconds - started.cpuSeconds) * FAIL2BAN_PART;
  const [, sliceHits] = /(\d+) matched/.exec(output) ?? [];
  print({
    log,
    who: `fail2ban-regex ${filter}, scaled`,
    cpuSeconds: round(scaled),
    rssMiB,
    sliceHits: Number(sliceHits),
    hitsAreAbout: round(corpus.hits / FAIL2BAN_PART),
  });
  return scaled;
}

function firstBytes(path: string, count: number): Buffer {
  const fd = openSync(path, "r");
  const bytes = Buffer.alloc(count);
  readSync(fd, bytes, 0, count, 0);
  closeSync(fd);
  return bytes.subarray(0, bytes.lastIndexOf(10) + 1);
}

/** CPU of the program and of what it has started and waited for. */
async function run(
  words: readonly string[],
  stdin: string | null,
): Promise<{ cpuSeconds: number; rssMiB: number; output: string }> {
  const before = childTicks();
  const [program = "", ...rest] = words;
  const input = stdin === null ? "ignore" : openSync(stdin, "r");
  const child = spawn(program, rest, { stdio: [input, "pipe", "inherit"], env: { ...process.env, TZ: "UTC" } });
  if (typeof input === "number") closeSync(input);
  let rssKiB = 0;
  const watch = setInterval(() => {
    rssKiB = Math.max(rssKiB, ...[child.pid, ...childrenOf(child.pid)].map(peakKiB));
  }, 20);
  let output = "";
  for await (const chunk of child.stdout ?? []) output += String(chunk);
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(watch);
  return { cpuSeconds: (childTicks() - before) / TICKS_PER_SECOND, rssMiB: Math.round(rssKiB / 1024), output };
}

/** cutime and cstime of proc_pid_stat(5). */
function childTicks(): number {
  const fields = readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[13]) + Number(fields[14]);
}

function childrenOf(pid: number | undefined): number[] {
  return readProc(`/proc/${pid}/task/${pid}/children`).trim().split(" ").map(Number);
}

function peakKiB(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** `""` of a process that has ended. */
function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

async function matchOne(name: CorpusKind, what: string, more: number): Promise<void> {
  const { SourceMatcher } =
    await load<typeof import("#src/logs/match/source-matcher.ts")>("logs/match/source-matcher.js");
  const { LineCutter } = await load<typeof import("#src/logs/match/line-cutter.ts")>("logs/match/line-cutter.js");
  const corpus = makeCorpus(name, (name === "exim" ? 1_000_000 : 2_000_000) * PART);
  const rules =
    what === "filter" ? [await filterRule(name === "auth" ? "sshd" : "exim")] : await patternRules(name, more);
  const source: LogSource = { name, kind: "file", paths: [], format: FORMATS[name], isForgeable: false };
  const matcher = new SourceMatcher(source, rules, {
    onDisabled: (rule, reason) => process.stderr.write(`${rule}: ${reason}\n`),
    nowUnixMs: () => Date.UTC(2026, 11, 1),
  });
  const cutter = new LineCutter();
  const block = Buffer.alloc(BLOCK_BYTES);
  const fd = openSync(corpus.path, "r");
  const hits = { failures: 0, addresses: new Set<string>() };
  const before = process.cpuUsage();
  for (let count = readSync(fd, block); count > 0; count = readSync(fd, block)) {
    cutter.push(block.subarray(0, count), (bytes, offset) => {
      for (const { address } of matcher.match(bytes, { file: corpus.path, offset, line: null })) {
        hits.failures++;
        hits.addresses.add(address ?? "");
      }
    });
  }
  const { user, system } = process.cpuUsage(before);
  print({
    withoutStart: round((user + system) / 1e6),
    hits: hits.failures,
    truth: corpus.hits,
    addresses: hits.addresses.size,
    candidates: matcher.stats().candidates,
  });
}

async function patternRules(name: CorpusKind, more: number): Promise<LineRule[]> {
  const { literalsOf } = await load<typeof import("#src/logs/match/literals.ts")>("logs/match/literals.js");
  const services = SERVICES.split(" ");
  const others = Array.from({ length: more }, (_, index) => {
    const complaint = COMPLAINTS[Math.floor(index / services.length) % COMPLAINTS.length];
    const suffix = index < services.length * COMPLAINTS.length ? "" : `code=${index} `;
    return `^${services[index % services.length]}: ${complaint}${suffix}(?<address>\\S+)$`;
  });
  return [...PATTERNS[name], ...others].map((pattern, index) => {
    const regex = new RegExp(pattern);
    return {
      name: `bench.${index}`,
      literals: literalsOf(pattern, ""),
      search: ({ text, messageAt }) => regex.exec(messageAt === 0 ? text : text.slice(messageAt)),
      conclude: (found, { atUnixMs }) => {
        const { address = null, user = null } = (found as RegExpExecArray).groups ?? {};
        const rest = { service: "bench", outcome: "failure", site: null, detail: null, weight: 1 } as const;
        return [{ rule: `bench.${index}`, atUnixMs, address, user, ...rest }];
      },
    };
  });
}

/** A filter of the installed fail2ban, unmodified. */
async function filterRule(name: string): Promise<LineRule> {
  const { readFilter } = await load<typeof import("#src/logs/fail2ban/read-filter.ts")>("logs/fail2ban/read-filter.js");
  const { HostConfigTree } = await load<typeof import("#src/logs/fail2ban/config/config-tree.ts")>(
    "logs/fail2ban/config/config-tree.js",
  );
  const { compileFilter } = await load<typeof import("#src/logs/fail2ban/match/compile-filter.ts")>(
    "logs/fail2ban/match/compile-filter.js",
  );
  return compileFilter(readFilter(new HostConfigTree(), name), { nowUnixMs: () => Date.UTC(2026, 11, 1) });
}

/** As `garrison logs replay --json` of these files, with the lines thrown away and the summary kept. */
async function replayAll(files: readonly string[]): Promise<void> {
  const { replay } = await load<typeof import("#src/cli/commands/logs-replay.ts")>("cli/commands/logs-replay.js");
  const { Output } = await load<typeof import("#src/cli/output.ts")>("cli/output.js");
  const output = new Output({ json: true, color: false });
  const kept: object[] = [];
  output.jsonLines = (values) => void JSON.stringify(values);
  output.json = (value) => void kept.push(value as object);
  const folders = { state: "/var/lib/garrison", config: "/etc/garrison/garrison.yaml", isConfigNamed: false };
  await replay({ output, root: "/", folders: folders as never }, {}, files).catch((error: Error) => {
    if (error.message !== "") throw error;
  });
  const { lines, bytes, hits, addresses, blocks } = (kept.at(-1) as { summary: Record<string, number> }).summary;
  print({ lines, bytes, hits, addresses, blocks });
}

async function load<Module>(path: string): Promise<Module> {
  return (await import(join(DIST, path))) as Module;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(figures: object): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
