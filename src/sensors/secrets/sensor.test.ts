import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Observation } from "#src/model/observation.ts";
import { sensor as filesSensor } from "../files/sensor.ts";
import { Hand, RunningSensor, WITHOUT_ROOT } from "../harness.mts";
import type { SecretsOptions } from "./config.ts";
import { sensor } from "./sensor.ts";

const NEVER_MS = 3_600_000;
const skip = WITHOUT_ROOT;
const PYTHON = realpathSync("/usr/bin/python3");
const root = mkdtempSync(join(tmpdir(), "garrison-secrets-"));
const at = (name: string): string => join(root, name);
const secret = at("home/secret");
const patterns = ["home/secret", "home/*/.accesshash", "later/a/b/key", "keys/*"].map(at);
const options: SecretsOptions = { patterns, scanEveryMs: NEVER_MS };
const digestOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

let running: RunningSensor;
let hand: Hand;
let laterReads = 0;

before(() => {
  for (const name of ["home/kim", "keys", "bin"]) mkdirSync(at(name), { recursive: true });
  chmodSync(root, 0o755);
  writeFileSync(secret, "hush", { mode: 0o644 });
  if (skip) return;
  running = new RunningSensor({ sensor, options });
  hand = new Hand();
});
after(async () => {
  await running?.[Symbol.asyncDispose]();
  await hand?.[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

const isRead =
  (path: string) =>
  ({ type, group }: Observation): boolean =>
    type === "present" && group === path;

/**
 * What is told of an act as reads of a secret, up to a later read that is told for certain: by a program that nobody has hashed yet,
 * because programs are hashed one after the other, and reads are told behind that.
 */
async function reads(act: () => Promise<void>, path = secret): Promise<Observation[]> {
  await running.ready();
  const from = running.facts.length;
  await act();
  const program = at(`bin/later-${++laterReads}`);
  copyFileSync("/bin/cat", program);
  chmodSync(program, 0o755);
  const later = spawn(program, [secret, "-"], { stdio: ["pipe", "ignore", "inherit"] });
  await running.observation("the later read", ({ facts }) => facts?.["exe"] === program, from);
  later.stdin?.end();
  await once(later, "exit");
  const told = running.facts.slice(from).filter((fact): fact is Observation => fact.type !== "census");
  return told.filter((fact) => isRead(path)(fact) && fact.facts?.["exe"] !== program);
}

function hasIoUring(): boolean {
  const disabled = "/proc/sys/kernel/io_uring_disabled";
  return !existsSync(disabled) || readFileSync(disabled, "latin1").trim() === "0";
}

function only(told: readonly Observation[]): Observation {
  assert.equal(told.length, 1, JSON.stringify(told, null, 1));
  return told[0]!;
}

test("a read is told with its reader: digest of the program, uid, parent", { skip }, async () => {
  await using user = new Hand("/usr/bin/python3", [], { uid: 65_534, gid: 65_534 });
  const { facts, who, key, group, subject } = only(await reads(() => user.do(`open("${secret}").read()`)));
  assert.deepEqual(
    { ...facts },
    {
      path: secret,
      exe: PYTHON,
      exeSha256: digestOf(PYTHON),
      uid: 65_534,
      parentExe: process.execPath,
      unit: null,
      how: facts?.["how"] ?? "",
    },
  );
  assert.ok(["read", "opened"].includes(String(facts?.["how"])));
  assert.equal(who?.pid, user.pid);
  assert.equal(key, JSON.stringify([secret, digestOf(PYTHON), 65_534, process.execPath]));
  assert.deepEqual([group, subject], [secret, { type: "file", path: secret }]);
});

// Programs that stay for a moment behind their read, as a thief who does something with it does.
const READS: Readonly<Record<string, string>> = {
  "a shell builtin": `subprocess.run(["sh", "-c", "read line < ${secret}; sleep 0.05"])`,
  "an open without a read": `os.close(os.open("${secret}", os.O_RDONLY))`,
  mmap: `f = os.open("${secret}", os.O_RDONLY); m = mmap.mmap(f, 4, prot=mmap.PROT_READ); os.close(f); m[:]; m.close()`,
  "a hard link elsewhere": `os.link("${secret}", "${root}/bin/link"); open("${root}/bin/link").read(); os.remove("${root}/bin/link")`,
  "a symbolic link": `os.symlink("${secret}", "${root}/bin/soft"); open("${root}/bin/soft").read(); os.remove("${root}/bin/soft")`,
  "/proc/self/root": `open("/proc/self/root${secret}").read()`,
  sendfile: `f = os.open("${secret}", os.O_RDONLY); r, w = os.pipe(); os.sendfile(w, f, 0, 4); os.close(f)`,
  "a bind mount": `subprocess.run("mkdir -p ${root}/bin/mnt; mount --bind ${root}/home ${root}/bin/mnt; cp ${root}/bin/mnt/secret /dev/null; umount ${root}/bin/mnt", shell=True)`,
  "an overlay on top, as a container's": `subprocess.run("mkdir -p ${root}/bin/over; mount -t overlay -o lowerdir=${root}/home:${root}/keys overlay ${root}/bin/over; cp ${root}/bin/over/secret /dev/null; umount ${root}/bin/over", shell=True, check=True)`,
  "a mount namespace of its own": `subprocess.run(["unshare", "-m", "sh", "-c", "mount --bind ${root}/home /mnt; read line < /mnt/secret; sleep 0.05"])`,
};

test("reads by other means are all seen", { skip }, async (t) => {
  for (const [means, script] of Object.entries(READS)) {
    await t.test(means, async () => {
      await using reader = new Hand();
      const { who } = only(await reads(() => reader.do(script)));
      const isOfReader = who === null || who.pid === reader.pid || who.parents.some(({ pid }) => pid === reader.pid);
      assert.ok(isOfReader, JSON.stringify(who));
    });
  }
});

test("cat is told, even when it has ended by the time we look", { skip }, async () => {
  const { facts } = only(await reads(() => hand.shell(`cat ${secret} > /dev/null`)));
  assert.ok(facts?.["exe"] === null || /\/cat$/.test(String(facts?.["exe"])), String(facts?.["exe"]));
});

test("a secret that is executed is told", { skip }, async () => {
  const script = at("keys/script");
  await hand.do(`open("${script}", "w").write("#!/bin/sh\\nsleep 0.05\\n"); os.chmod("${script}", 0o755)`);
  await running.observation("the new secret", ({ type, key }) => type === "record" && key === script);
  const told = await reads(() => hand.do(`subprocess.run(["${script}"])`), script);
  assert.ok(told.some(({ facts }) => facts?.["how"] === "executed" || facts?.["how"] === "opened"));
});

test("io_uring: an open and read that no system call shows", {
  skip: skip || !hasIoUring() ? skip || "the kernel refuses io_uring" : false,
}, async () => {
  const { who } = only(
    await reads(() =>
      hand.do(
        readFileSync(join(import.meta.dirname, "testdata/io-uring-read.py"), "utf8").replaceAll("SECRET", secret),
      ),
    ),
  );
  assert.equal(who?.pid, hand.pid);
});

test("a reader whose program file has been deleted is told with its digest", { skip }, async () => {
  const program = at("bin/thief");
  copyFileSync(PYTHON, program);
  chmodSync(program, 0o755);
  await using thief = new Hand(program, ["-S"], { env: { PYTHONHOME: "/usr" } });
  await thief.do(`os.remove("${program}")`);
  const { facts } = only(await reads(() => thief.do(`open("${secret}").read()`)));
  assert.deepEqual([facts?.["exe"], facts?.["exeSha256"]], [`${program} (deleted)`, digestOf(PYTHON)]);
});

test("a setuid helper is told as the user it acts as, started by the user's program", { skip }, async () => {
  const helper = at("bin/helper");
  copyFileSync("/bin/cat", helper);
  spawnSync("chmod", ["4755", helper]);
  await using user = new Hand("/usr/bin/python3", [], { uid: 65_534, gid: 65_534 });
  // It waits for its second input, so that it is there when we look.
  const act = `p = subprocess.Popen(["${helper}", "${secret}", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE); p.stdout.read(4)`;
  const { facts, who } = only(await reads(() => user.do(act)));
  assert.deepEqual([facts?.["exe"], facts?.["uid"], facts?.["parentExe"]], [helper, 0, PYTHON]);
  assert.equal(who?.parents[0]?.pid, user.pid);
  await user.do("p.stdin.close(); p.wait()");
});

test("different readers in one moment are each told; one that reads again is told once a second", {
  skip,
}, async () => {
  await using one = new Hand();
  await using other = new Hand("/usr/bin/python3", [], { uid: 65_534, gid: 65_534 });
  const startMs = performance.now();
  const told = await reads(async () => {
    for (let round = 0; round < 3; round++) {
      await one.do(`for _ in range(20): open("${secret}").read()`);
      await other.do(`for _ in range(20): open("${secret}").read()`);
    }
  });
  const seconds = Math.floor((performance.now() - startMs) / 1000);
  for (const uid of [0, 65_534]) {
    const count = told.filter(({ facts }) => facts?.["uid"] === uid).length;
    assert.ok(count >= 1 && count <= 1 + seconds, `uid ${uid}: ${count} in ${seconds} s`);
  }
});

test("a process that changes its user between two reads is two readers", { skip }, async () => {
  await using reader = new Hand();
  const told = await reads(async () => {
    await reader.do(`open("${secret}").read()`);
    await running.observation("the first read", ({ who }) => who?.pid === reader.pid);
    await reader.do(`os.setuid(65534); open("${secret}").read()`);
  });
  assert.deepEqual(told.map(({ facts }) => facts?.["uid"]).sort(), [0, 65_534]);
});

test("look-alikes are not told: stat, chmod, listing the folder, other files, the sensors' own looks", {
  skip,
}, async () => {
  await using files = new RunningSensor({
    sensor: filesSensor,
    options: { watched: patterns.map((pattern) => ({ pattern, secret: true })), scanEveryMs: 100 },
  });
  await files.ready();
  const commands = `stat ${secret}; ls -l ${root}/home; find ${root}/home; test -r ${secret}; chmod 640 ${secret}; chmod 644 ${secret}; touch ${root}/home/other; cat ${root}/home/other`;
  assert.deepEqual(await reads(() => hand.shell(`(${commands}) > /dev/null`)), []);
  await files.observation(
    "the files sensor's own look",
    ({ key, facts }) => key === secret && facts?.["mode"] === "0644",
  );
  assert.deepEqual(
    running.observations.filter(({ who }) => who?.pid === process.pid),
    [],
  );
});

test("a secret that comes into being is told with who made it, and its reads from then on", { skip }, async (t) => {
  for (const [name, pattern, make] of [
    ["home/kim/.accesshash", "home/*/.accesshash", (path: string) => `open("${path}", "w").write("x")`],
    [
      "home/lee/.accesshash",
      "home/*/.accesshash",
      (path: string) => `os.mkdir("${root}/home/lee"); open("${path}", "w").write("x")`,
    ],
    [
      "later/a/b/key",
      "later/a/b/key",
      (path: string) => `os.makedirs("${root}/later/a/b"); open("${path}", "w").write("x")`,
    ],
    [
      "keys/renamed",
      "keys/*",
      (path: string) => `open("${root}/keys.new", "w").write("x"); os.rename("${root}/keys.new", "${path}")`,
    ],
  ] as const) {
    await t.test(name, async () => {
      const path = at(name);
      await hand.do(make(path));
      const made = await running.observation("the secret", ({ type, key }) => type === "record" && key === path);
      assert.deepEqual([made.facts?.["type"], made.who?.pid, made.group], ["file", hand.pid, at(pattern)]);
      await using reader = new Hand();
      assert.equal(only(await reads(() => reader.do(`open("${path}").read()`), path)).who?.pid, reader.pid);
    });
  }
});

test("a secret that is replaced stays watched and is no new one; one that is gone is told", { skip }, async () => {
  const path = at("keys/replaced");
  await hand.do(`open("${path}", "w").write("1")`);
  await running.observation("the secret", ({ type, key }) => type === "record" && key === path);
  await using reader = new Hand();
  const script = `open("${root}/n", "w").write("2"); os.rename("${root}/n", "${path}")`;
  await hand.do(script);
  await reads(() => hand.do("pass"));
  assert.equal(only(await reads(() => reader.do(`open("${path}").read()`), path)).who?.pid, reader.pid);
  const records = () => running.observations.filter(({ type, key }) => type === "record" && key === path);
  assert.equal(records().length, 1);
  await hand.do(`os.remove("${path}")`);
  await running.until("its end", () => records().at(-1)?.facts === null);
});

test("a census of each pattern names the secrets that are there", { skip }, async () => {
  await using fresh = new RunningSensor({ sensor, options });
  await fresh.ready();
  const censuses = fresh.facts.flatMap((fact) => (fact.type === "census" ? [fact] : []));
  assert.deepEqual(
    censuses.map(({ group }) => group),
    patterns,
  );
  assert.deepEqual(censuses[0]?.keys, [secret]);
  assert.equal(fresh.status().state, "watching");
});

test("no fact holds a byte of a secret", { skip }, () => {
  assert.ok(!JSON.stringify(running.facts).includes("hush"));
});
