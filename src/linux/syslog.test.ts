import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const isRoot = process.getuid?.() === 0;
const SKIP = isRoot ? false : "needs root: a mount namespace with a /dev of its own";

// A process whose /dev is empty but for what is named, so that the host's /dev/log is neither read nor disturbed.
const OWN_DEV = `mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 &&
  if [ -n "$LOG" ]; then touch /dev/log && mount --bind "$LOG" /dev/log; fi && exec "$@"`;

/** A datagram socket in python, because node has none: prints each datagram as a line of JSON. */
const LISTENER = `
import json, socket, sys, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if sys.argv[2] == "stream" else socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
if sys.argv[2] == "stream": listener.listen()
print(json.dumps("ready"), flush=True)
source = listener if sys.argv[2] == "datagram" else None
while sys.argv[2] == "stuck": time.sleep(1)
while True:
    if source is None: source = listener.accept()[0]
    data = source.recv(65536)
    if data: print(json.dumps(data.decode("utf8")), flush=True)
    else: source = None
`;

/** Runs a script with Syslog as \`log\` in a /dev of its own; gives its output. */
async function runWithLog(script: string, socketPath: string): Promise<string> {
  const code = `import { Syslog } from "#src/linux/syslog.ts"; using log = new Syslog(); ${script}`;
  const node = [process.execPath, "--input-type=module-typescript", "-e", code];
  const child = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", OWN_DEV, "sh", ...node], {
    cwd: join(import.meta.dirname, "../.."),
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LOG: socketPath },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [status] = (await once(child, "close")) as [number | null];
  assert.equal(status, 0);
  return output;
}

/** Runs the script with a listener of the given type at /dev/log; gives its output and the lines that arrived. */
async function runWithListener(
  script: string,
  type: "datagram" | "stream" | "stuck",
  count: number,
): Promise<{ output: string; lines: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "garrison-syslog-"));
  const socketPath = join(folder, "log");
  const listener = spawn("python3", ["-c", LISTENER, socketPath, type], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const arriving = createInterface({ input: listener.stdout })[Symbol.asyncIterator]();
    assert.equal((await arriving.next()).value, '"ready"');
    const output = await runWithLog(script, socketPath);
    const lines: string[] = [];
    while (lines.length < count) lines.push(JSON.parse(String((await arriving.next()).value)) as string);
    return { output, lines };
  } finally {
    listener.kill();
    rmSync(folder, { recursive: true });
  }
}

test("Syslog writes lines as garrison to authpriv, whatever is in them", { skip: SKIP }, async () => {
  const script = `
    await log.write("crit", 'new critical file.mode subject="/tmp/%s%n%1000000d é"');
    await log.write("info", "x".repeat(4000));`;
  const { lines } = await runWithListener(script, "datagram", 2);
  // LOG_AUTHPRIV is 10 << 3, crit is 2 and info is 6.
  assert.match(
    lines[0] ?? "",
    /^<82>\w{3} [ \d]\d [\d:]{8} garrison\[\d+\]: new critical file\.mode subject="\/tmp\/%s%n%1000000d é"$/,
  );
  assert.match(lines[1] ?? "", /^<86>.* garrison\[\d+\]: x{4000}$/);
});

test("Syslog keeps the order of lines", { skip: SKIP }, async () => {
  const script = 'for (let line = 0; line < 50; line++) await log.write("notice", "line " + line);';
  const { lines } = await runWithListener(script, "datagram", 50);
  assert.deepEqual(
    lines.map((line) => line.slice(line.indexOf("line"))),
    Array.from({ length: 50 }, (_, line) => `line ${line}`),
  );
});

test("Syslog reaches a listener of streams", { skip: SKIP }, async () => {
  const { lines } = await runWithListener('await log.write("err", "over a stream");', "stream", 1);
  assert.match(lines.join(""), /^<83>.* garrison\[\d+\]: over a stream\0?/);
});

test("Syslog waits for a full queue no longer than a second, and the process can end", { skip: SKIP }, async () => {
  const script = `
    let written = 0;
    for (;;) try { await log.write("crit", "x"); written++; } catch (error) { console.log(error.message, written > 0); break; }`;
  const { output } = await runWithListener(script, "stuck", 0);
  assert.equal(output, "Cannot write to syslog: /dev/log is silent (its queue is full) true\n");
});

test("Syslog says that nothing listens, where libc would say nothing", { skip: SKIP }, async () => {
  const script = 'await log.write("crit", "lost").catch((error) => console.log(error.code, error.message));';
  const output = await runWithLog(script, "");
  assert.equal(output, "GARRISON_SYSLOG_SILENT Cannot write to syslog: /dev/log is silent (ENOENT)\n");
});
