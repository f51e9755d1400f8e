/**
 * `garrison flows` on a capture that the test makes: real sessions of vsftpd and pyftpdlib with Python's ftplib, by PASV, EPSV, PORT and EPRT,
 * over IPv4 and IPv6, on odd ports, behind NAT and encrypted, beside reverse shells and a bounce; recorded by tcpdump in a network
 * namespace. What each data connection was is known from the sockets of the client.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { waitFor } from "./host.ts";

const PROGRAM = join(import.meta.dirname, "../../dist/bin/garrison.js");
const ADDRESSES = ["192.0.2.1/32", "192.0.2.77/32", "203.0.113.9/32", "2001:db8::1/128", "2001:db8::77/128"];
const SERVERS = [
  ["192.0.2.1", 21, ""],
  ["192.0.2.1", 2121, ""],
  ["2001:db8::1", 21, ""],
  ["192.0.2.1", 2122, "pasv_address=203.0.113.9\n"],
] as const;
const END = "the-end-of-the-traffic";

type Flow = Readonly<Record<string, unknown>>;

/** Folder, namespace and programs of this test; all is gone when it is disposed. */
class Stage implements Disposable {
  readonly folder = mkdtempSync("/tmp/garrison-flows-");
  readonly #name = `garrison-flows-${process.pid}`;
  readonly #children: ChildProcess[] = [];

  constructor() {
    chmodSync(this.folder, 0o755);
    mkdirSync(join(this.folder, "pub"), { mode: 0o755 });
    mkdirSync(join(this.folder, "empty"), { mode: 0o755 });
    writeFileSync(join(this.folder, "pub/file"), Buffer.alloc(20_000, 7));
    writeFileSync(join(this.folder, "file"), Buffer.alloc(20_000, 7));
    this.#ip("netns", "add", this.#name);
    this.#ip("-n", this.#name, "link", "set", "lo", "up");
    for (const address of ADDRESSES) this.#ip("-n", this.#name, "address", "add", address, "dev", "lo");
  }

  start(program: string, ...words: string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.#name, program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    this.#children.push(child);
    return child;
  }

  isListening(port: number): boolean {
    const { stdout } = spawnSync("ip", ["netns", "exec", this.#name, "ss", "-Htln", `sport = :${port}`]);
    return stdout.length > 0;
  }

  #ip(...words: string[]): void {
    const { status, stderr } = spawnSync("ip", words);
    assert.equal(status, 0, `ip ${words.join(" ")}: ${stderr}`);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
    spawnSync("ip", ["netns", "delete", this.#name]);
    rmSync(this.folder, { recursive: true });
  }
}

async function startServers(stage: Stage): Promise<void> {
  for (const [index, [address, port, more]] of SERVERS.entries()) {
    const is6 = address.includes(":");
    const path = join(stage.folder, `vsftpd-${index}.conf`);
    const settings = [
      `listen=${is6 ? "NO" : "YES"}`,
      `listen_ipv6=${is6 ? "YES" : "NO"}`,
      `listen_address${is6 ? "6" : ""}=${address}`,
      `listen_port=${port}`,
      `anon_root=${stage.folder}/pub`,
      `secure_chroot_dir=${stage.folder}/empty`,
      "anonymous_enable=YES",
      "ftp_username=daemon",
      "seccomp_sandbox=NO",
      "isolate_network=NO",
      "xferlog_enable=NO",
    ];
    writeFileSync(path, `${settings.join("\n")}\n${more}`);
    stage.start("vsftpd", path);
  }
  await waitFor(() => [21, 2121, 2122].every((port) => stage.isListening(port)), "the start of vsftpd");
}

/** Records what the script does. @returns what it says of its data connections */
async function record(stage: Stage, path: string): Promise<Flow[]> {
  const tcpdump = stage.start("tcpdump", "-i", "lo", "-Z", "root", "-U", "--immediate-mode", "-B", "65536", "-w", path);
  let said = "";
  tcpdump.stderr!.on("data", (text: Buffer) => (said += text));
  await waitFor(() => said.includes("listening on"), "the start of tcpdump");
  const traffic = stage.start("/usr/bin/python3", join(import.meta.dirname, "flows-traffic.py"), stage.folder);
  let told = "";
  let complaint = "";
  traffic.stdout!.on("data", (text: Buffer) => (told += text));
  traffic.stderr!.on("data", (text: Buffer) => (complaint += text));
  const [code] = (await once(traffic, "close")) as [number];
  assert.equal(code, 0, complaint);
  await waitFor(() => readFileSync(path).includes(END), "the last packet");
  tcpdump.kill("SIGINT");
  await once(tcpdump, "close");
  assert.match(said, /\n0 packets dropped by kernel\n/);
  return jsonLines(told);
}

function jsonLines(text: string): Flow[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Flow);
}

function endsOf({ ends }: Flow): string {
  return (ends as [string, number][])
    .map(([address, port]) => `${address} ${port}`)
    .sort()
    .join(" and ");
}

function flowEnds({ a, aPort, b, bPort }: Flow): string {
  return [`${a} ${aPort}`, `${b} ${bPort}`].sort().join(" and ");
}

function isHigh({ ends }: Flow): boolean {
  return (ends as [string, number][]).every(([, port]) => port >= 1024);
}

suite("garrison flows on real traffic", { skip: process.getuid?.() !== 0 }, () => {
  let stage: Stage;
  let told: Flow[] = [];
  let path = "";
  let flows: Flow[] = [];
  let code: number | null = null;

  function run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
    const state = join(stage.folder, "state");
    const done = spawnSync(process.execPath, [PROGRAM, "--state", state, "flows", "--pcap", path, ...words], {
      encoding: "utf8",
    });
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  before(async () => {
    stage = new Stage();
    path = join(stage.folder, "all.pcap");
    await startServers(stage);
    told = await record(stage, path);
    const result = run("--json");
    code = result.code;
    flows = jsonLines(result.stdout);
  });

  after(() => stage[Symbol.dispose]());

  test("every FTP data flow is found, and nothing else is taken for one", () => {
    const data = told.filter((one) => one["kind"] === "data" && isHigh(one)).map(endsOf);
    const found = flows.filter(({ verdict }) => verdict === "ftp-data").map(flowEnds);
    assert.deepEqual(found.sort(), data.sort());
    assert.equal(data.length, 36);
    assert.equal(code, 1);
  });

  test("each is explained by the command that announced it, also behind NAT and on odd ports", () => {
    const how = new Map(told.filter(({ kind }) => kind === "data").map((one) => [endsOf(one), one["how"]]));
    for (const flow of flows.filter(({ verdict }) => verdict === "ftp-data")) {
      const { command, translated, serverPort } = flow["relation"] as Flow;
      assert.equal(command, how.get(flowEnds(flow)));
      assert.equal(translated, serverPort === 8022 || serverPort === 2122, JSON.stringify(flow));
    }
  });

  test("reverse shells that speak of passive mode, a bounce that the server agreed to, and UDP stay unexplained", () => {
    const others = told.filter(({ kind }) => kind === "other").map(endsOf);
    assert.equal(others.length, 4);
    for (const ends of others) {
      const [flow, ...more] = flows.filter((one) => "a" in one && flowEnds(one) === ends);
      assert.deepEqual([flow?.["verdict"], flow?.["why"], more.length], ["unexplained", "not-announced", 0], ends);
    }
    const { summary } = flows.at(-1) as { summary: { ftp: Flow } };
    assert.equal(summary.ftp["bounces"], 1);
    assert.equal(summary.ftp["encrypted"], 1);
  });

  test("data beside an encrypted control connection is unexplained, and is FTP data in a passive range that the caller names", () => {
    const [encrypted] = told.filter(({ kind }) => kind === "encrypted").map(endsOf);
    const flow = flows.find((one) => "a" in one && flowEnds(one) === encrypted);
    assert.deepEqual([flow?.["verdict"], flow?.["why"]], ["unexplained", "encrypted-ftp"]);
    const ranged = jsonLines(run("--json", "--passive-range", "32768-60999").stdout);
    const again = ranged.find((one) => "a" in one && flowEnds(one) === encrypted);
    assert.equal(again?.["verdict"], "ftp-data");
    assert.equal((again?.["relation"] as Flow | undefined)?.["evidence"], "passive-range");
    const more = ranged.filter(({ verdict }) => verdict === "ftp-data").length - 36;
    assert.equal(more, 1);
  });

  test("control connections on high ports are unexplained until the caller says that they are ordinary", () => {
    const controls = flows.filter(({ why }) => why === "ftp-control");
    assert.ok(controls.length >= 10, `${controls.length}`);
    const ordinary = jsonLines(
      run("--json", "--ordinary", "2121,tcp/2122,192.0.2.1:8021,[2001:db8::1]:8021,8022,8023").stdout,
    );
    assert.equal(ordinary.filter(({ why }) => why === "ftp-control").length, 0);
    assert.equal(ordinary.filter(({ verdict }) => verdict === "ordinary").length, controls.length);
  });
});
