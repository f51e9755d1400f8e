import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { enterPrivateMounts, mountTracefs } from "#src/linux/privileges.ts";
import type { Observation } from "#src/model/observation.ts";
import { RunningSensor, WITHOUT_ROOT, watchTurns } from "../harness.mts";
import type { ListenersOptions } from "./config.ts";
import { sensor } from "./sensor.ts";

const PYTHON = "/usr/bin/python3";
const TRACEFS = "/sys/kernel/tracing";
const OPTIONS: ListenersOptions = { goneAfterMs: 1500, udpClientMs: 600_000 };

const LISTEN = `
import ctypes, json, os, socket, sys, threading, time
def serve(family, address, protocol=0, kind=socket.SOCK_STREAM, v6only=False, name=None):
    s = socket.socket(family, kind, protocol)
    if v6only: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind == socket.SOCK_STREAM: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if name: ctypes.CDLL(None).prctl(15, ctypes.c_char_p(name), 0, 0, 0)
    if address: s.bind(address)
    if kind == socket.SOCK_STREAM: s.listen(5)
    return s
V4, V6, UDP, MPTCP = socket.AF_INET, socket.AF_INET6, socket.SOCK_DGRAM, 262
def ready(*values):
    print(json.dumps(values), flush=True)
def wait():
    sys.stdin.readline()
`;

/** A process that runs the script until it is told to end. `ready(...)` in it gives `values`. */
class Program implements AsyncDisposable {
  readonly child: ChildProcess;

  constructor(script: string, command: readonly string[] = [PYTHON], options = {}) {
    const [program = PYTHON, ...parameters] = command;
    this.child = spawn(program, [...parameters, "-c", LISTEN + script], {
      stdio: ["pipe", "pipe", "inherit"],
      ...options,
    });
  }

  async values(): Promise<unknown[]> {
    const [line] = await once(this.child.stdout!, "data");
    return JSON.parse(String(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.child.exitCode === null ? once(this.child, "exit") : null;
    this.child.stdin?.end();
    await ended;
  }
}

function isAt(port: number, protocol = "tcp"): (fact: Observation) => boolean {
  return ({ type, subject }) =>
    type === "present" && subject.type === "socket" && subject.port === port && subject.protocol === protocol;
}

function isProgram(pid: number | undefined): (fact: Observation) => boolean {
  return ({ type, facts }) => type === "present" && facts?.["pid"] === pid;
}

/** A listener that is told at once: whatever was to be told before it has been. */
async function marker(running: RunningSensor, port: number): Promise<void> {
  await using program = new Program(`s = serve(V4, ("127.0.0.1", ${port})); ready(); wait()`);
  await program.values();
  await running.observation("the marker", isAt(port));
}

let running: RunningSensor;

before(() => {
  if (WITHOUT_ROOT) return;
  // In mounts of our own, where nobody else mounts or unmounts: the host may have tracefs or not.
  enterPrivateMounts();
  assert.equal(spawnSync("mount", ["--make-rprivate", "/"]).status, 0);
  if (!existsSync(`${TRACEFS}/instances`)) assert.equal(mountTracefs(TRACEFS), null);
});

test("a first list tells what listens already, the census after the time of a restart", {
  skip: WITHOUT_ROOT,
}, async () => {
  await using program = new Program(
    `s = serve(V4, ("127.0.0.1", 7001)); u = serve(V4, ("127.0.0.1", 7002), kind=UDP); ready(); wait()`,
  );
  await program.values();
  await using first = new RunningSensor({ sensor, options: OPTIONS });
  const tcp = await first.observation("a TCP listener that was there", isAt(7001));
  assert.equal(tcp.scanned, true);
  assert.equal(tcp.facts?.["pid"], program.child.pid);
  const udp = await first.observation("a UDP listener that was there", isAt(7002, "udp"));
  const census = await first.until("the census", () =>
    first.facts.find((fact) => fact.type === "census" && fact.group === "host"),
  );
  assert.ok(census.type === "census" && census.keys.includes(tcp.key) && census.keys.includes(udp.key));
  assert.equal(first.status().state, "watching");
});

test("listeners as they come", { skip: WITHOUT_ROOT }, async (t) => {
  running = new RunningSensor({ sensor, options: OPTIONS });
  after(() => running[Symbol.asyncDispose]());
  await running.ready();

  await t.test("a TCP listener is told with its address, owner, program, parents and pid", async () => {
    await using program = new Program(`os.setuid(65534); s = serve(V4, ("127.0.0.1", 7010)); ready(); wait()`);
    const told = await running.observation("the listener", isAt(7010));
    assert.deepEqual(told.subject, { type: "socket", protocol: "tcp", address: "127.0.0.1", port: 7010 });
    assert.equal(told.group, "host");
    assert.equal(told.scanned, false);
    const { exe, uid, pid, addressClass, namespace } = told.facts!;
    assert.match(String(exe), /^\/usr\/bin\/python3/);
    assert.deepEqual(
      { uid, pid, addressClass, namespace },
      { uid: 65_534, pid: program.child.pid!, addressClass: "loopback", namespace: "host" },
    );
    assert.equal(told.who?.uid, 65_534);
    assert.equal(told.who?.parents[0]?.exe, process.execPath);
  });

  await t.test("a thread's listener is told with its process", async () => {
    await using program = new Program(`
def run():
    global s
    s = serve(V4, ("127.0.0.1", 7011)); ready(); time.sleep(60)
threading.Thread(target=run, daemon=True).start(); wait()`);
    assert.equal((await running.observation("the listener", isAt(7011))).facts?.["pid"], program.child.pid);
  });

  await t.test("listen() without bind() is told with the port the kernel gave", async () => {
    await using program = new Program(`s = serve(V4, None); ready(s.getsockname()[1]); wait()`);
    const [port] = await program.values();
    const told = await running.observation("the listener", isProgram(program.child.pid));
    assert.equal(told.facts?.["port"], port);
    assert.equal(told.facts?.["ephemeral"], true);
  });

  await t.test("IPv6 only, and IPv6 for both, are told", async () => {
    await using program = new Program(
      `a = serve(V6, ("::1", 7013), v6only=True); b = serve(V6, ("::", 7014)); ready(); wait()`,
    );
    assert.equal((await running.observation("::1", isAt(7013))).facts?.["addressClass"], "loopback");
    assert.equal((await running.observation("::", isAt(7014))).facts?.["addressClass"], "any");
    assert.equal((await running.observation("::", isAt(7014))).facts?.["pid"], program.child.pid);
  });

  await t.test("MPTCP is told once, with its process", async () => {
    await using program = new Program(`s = serve(V4, ("0.0.0.0", 7015), MPTCP); ready(); wait()`);
    assert.equal((await running.observation("the listener", isAt(7015))).facts?.["pid"], program.child.pid);
    await marker(running, 7016);
    assert.equal(running.observations.filter(isAt(7015)).length, 1);
  });

  await t.test("a listener that lives 5 ms is told, and gone later", async () => {
    await using program = new Program(
      `s = serve(V4, ("0.0.0.0", 7017)); time.sleep(0.005); s.close(); ready(); wait()`,
    );
    const told = await running.observation("the listener", isAt(7017));
    assert.equal(told.facts?.["pid"], program.child.pid);
    const gone = await running.observation("its end", ({ type, key }) => type === "absent" && key === told.key);
    assert.equal(gone.who, null);
  });

  await t.test("a listener of a process that has ended is told all the same", async () => {
    await using program = new Program(`serve(V4, ("0.0.0.0", 7018)); os._exit(0)`);
    await running.observation("the listener", isAt(7018));
    assert.equal(running.observations.filter(isAt(7018)).length, 1);
    assert.ok(program.child.pid);
  });

  await t.test("a listener in another network namespace is told, TCP and UDP", async () => {
    await using program = new Program(
      `s = serve(V4, ("0.0.0.0", 7019)); u = serve(V4, ("0.0.0.0", 520), kind=UDP); t = serve(V4, ("0.0.0.0", 7020)); ready(); wait()`,
      ["unshare", "-n", PYTHON],
    );
    const told = await running.observation("the TCP listener", isAt(7019));
    assert.equal(told.group, "namespaces");
    assert.match(String(told.facts?.["namespace"]), /^net:\[\d+\]$/);
    assert.equal(told.facts?.["pid"], program.child.pid);
    await running.observation("the second", isAt(7020));
    await using fresh = new RunningSensor({ sensor, options: OPTIONS });
    const udp = await fresh.observation("the UDP listener, at the first list", isAt(520, "udp"));
    assert.equal(udp.facts?.["pid"], program.child.pid);
    assert.equal((await fresh.observation("the TCP listener, at the first list", isAt(7019))).scanned, true);
  });

  await t.test("a named network namespace (ip netns) is told", async () => {
    const name = `garrison-${process.pid}`;
    assert.equal(spawnSync("ip", ["netns", "add", name], { stdio: "inherit" }).status, 0);
    try {
      await using program = new Program(`s = serve(V4, ("0.0.0.0", 7021)); ready(); wait()`, [
        "ip",
        "netns",
        "exec",
        name,
        PYTHON,
      ]);
      assert.equal((await running.observation("the listener", isAt(7021))).group, "namespaces");
      assert.ok(program.child.pid);
    } finally {
      spawnSync("ip", ["netns", "delete", name]);
    }
  });

  await t.test("a UDP listener is told with its process", async () => {
    await using program = new Program(
      `s = serve(V4, ("127.0.0.1", 7022), kind=UDP); t = serve(V6, ("::", 161), kind=UDP); ready(); wait()`,
    );
    assert.equal((await running.observation("a system port", isAt(161, "udp"))).facts?.["pid"], program.child.pid);
    assert.equal((await running.observation("a user port", isAt(7022, "udp"))).facts?.["pid"], program.child.pid);
  });

  await t.test("a name chosen to forge another process is not believed", async () => {
    await using program = new Program(`s = serve(V4, ("127.0.0.1", 7023), name=b"x\\n-1 [0] . 1.1:"); ready(); wait()`);
    assert.equal((await running.observation("the listener", isAt(7023))).facts?.["pid"], program.child.pid);
  });

  await t.test("a passive FTP data port, a client's UDP socket and a short test server are not told", async () => {
    await using program = new Program(`
for _ in range(5):
    data = serve(V4, None); time.sleep(0.1); data.close()
high = serve(V4, ("127.0.0.1", 61000)); time.sleep(0.1); high.close()
client = serve(V4, ("0.0.0.0", 0), kind=UDP); client.sendto(b"x", ("127.0.0.1", 9))
resolver = serve(V4, ("0.0.0.0", 20053), kind=UDP); time.sleep(0.05); resolver.close()
ready(); stays = serve(V4, None); wait()`);
    await program.values();
    const told = await running.observation("the listener that stays", isProgram(program.child.pid));
    assert.equal(told.facts?.["ephemeral"], true);
    await running.observation("a later UDP listener", isAt(7022, "udp"));
    const others = running.observations.filter(isProgram(program.child.pid)).filter(({ key }) => key !== told.key);
    assert.deepEqual(others, []);
  });

  await t.test(
    "a listener that vanishes is told after goneAfter; one that restarts within it is there again, never gone",
    async () => {
      const restarting = new Program(`s = serve(V4, ("127.0.0.1", 7030)); ready(); wait()`);
      await restarting.values();
      const { key: restartedKey } = await running.observation("the first start", isAt(7030));
      const leaving = new Program(`s = serve(V4, ("127.0.0.1", 7031)); ready(); wait()`);
      const { key: leftKey } = await running.observation("the other", isAt(7031));
      await restarting[Symbol.asyncDispose]();
      const leftMs = performance.now();
      await leaving[Symbol.asyncDispose]();
      await using again = new Program(`s = serve(V4, ("127.0.0.1", 7030)); ready(); wait()`);
      await again.values();
      const gone = await running.observation("its end", ({ type, key }) => type === "absent" && key === leftKey);
      assert.ok(performance.now() - leftMs >= OPTIONS.goneAfterMs - 50);
      assert.equal(gone.facts?.["port"], 7031);
      const ofRestarted = running.observations.filter(({ key }) => key === restartedKey).map(({ type }) => type);
      assert.deepEqual(ofRestarted, ["present", "present"]);
    },
  );

  await t.test("a storm of listeners does not stall the event loop, and all of them are told", async () => {
    const longestTurn = watchTurns();
    await using program = new Program(
      `kept = [serve(V4, ("127.0.0.1", 10000 + n)) for n in range(800)]; ready(); wait()`,
    );
    await program.values();
    await running.until(
      "800 listeners",
      () => running.observations.filter(isProgram(program.child.pid)).length === 800,
    );
    assert.ok(longestTurn().cpuMs < 150, JSON.stringify(longestTurn()));
    assert.equal(running.status().restarts, 0);
  });
});

test("without tracefs the sensor polls, and says so", { skip: WITHOUT_ROOT }, async () => {
  // Covered in our own mounts only.
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "none", TRACEFS]).status, 0);
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "none", "/sys/kernel/debug"]).status, 0);
  await using blind = new RunningSensor({ sensor, options: OPTIONS });
  await blind.ready();
  assert.equal(blind.status().state, "degraded");
  assert.match(blind.status().blindTo.join("\n"), /live less than 500 ms: tracefs is not mounted/);
  await using program = new Program(`s = serve(V4, ("127.0.0.1", 7040)); ready(); wait()`);
  const told = await blind.observation("the listener", isAt(7040));
  assert.equal(told.facts?.["pid"], program.child.pid);
});
