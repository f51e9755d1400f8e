import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assembleFilter } from "./seccomp.ts";

/** Runs a body in a process of its own behind the filter. */
function behindFilter(internet: boolean | "raw", body: string): string {
  const script = `
    import { setNoNewPrivileges } from "#src/linux/privileges.ts";
    import { refuseSystemCalls } from "#src/linux/seccomp.ts";
    import { libcFunction, lastErrno } from "#src/linux/ffi.ts";
    const socket = libcFunction("int socket(int domain, int type, int protocol)");
    const kill = libcFunction("int kill(int pid, int signal)");
    const unshare = libcFunction("int unshare(int flags)");
    const mount = libcFunction("int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)");
    const tell = (result) => result === -1 ? lastErrno() : "done";
    setNoNewPrivileges();
    refuseSystemCalls({ internet: ${JSON.stringify(internet)} });
    ${body}`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", script], {
    cwd: import.meta.dirname,
  });
  assert.equal(stderr.toString(), "");
  return stdout.toString().trim();
}

test("refuseSystemCalls() refuses mounts, namespaces, signals and internet sockets, and nothing that a sensor needs", () => {
  const output = behindFilter(
    false,
    `console.log([tell(mount("none", "/tmp", "tmpfs", 0, null)), tell(unshare(0x20000)), tell(kill(process.ppid, 0)),
      tell(socket(2, 1, 0)), tell(socket(10, 2, 0)), tell(socket(17, 3, 0)), tell(socket(1, 1, 0)), tell(socket(16, 3, 4))].join(" "))`,
  );
  assert.equal(output, "EPERM EPERM EPERM EPERM EPERM EPERM done done");
});

test("refuseSystemCalls() leaves raw internet sockets alone to what uses iptables", () => {
  const output = behindFilter(
    "raw",
    `console.log([tell(socket(2, 3, 255)), tell(socket(10, 3 | 0o2000000, 255)), tell(socket(2, 1, 0)), tell(socket(10, 2, 0)),
      tell(socket(17, 3, 0)), tell(socket(1, 1, 0)), tell(socket(16, 3, 4)), tell(unshare(0x20000))].join(" "))`,
  );
  assert.equal(output, "done done EPERM EPERM EPERM done done EPERM");
});

test("refuseSystemCalls() leaves internet sockets to the mind", () => {
  assert.equal(
    behindFilter(
      true,
      `console.log([tell(socket(2, 1, 0)), tell(socket(10, 2, 0)), tell(unshare(0x20000))].join(" "))`,
    ),
    "done done EPERM",
  );
});

test("refuseSystemCalls() holds for what the process becomes, and for its threads and children", () => {
  const output = behindFilter(
    false,
    `const { spawnSync } = await import("node:child_process");
     console.log(spawnSync("/bin/mount", ["-t", "tmpfs", "none", "/tmp"]).status !== 0, spawnSync("/bin/cat", ["/proc/self/status"]).stdout.toString().match(/Seccomp:\\t(\\d)/)[1]);`,
  );
  assert.equal(output, "true 2");
});

for (const architecture of ["x64", "arm64"]) {
  for (const internet of [true, false, "raw"] as const) {
    test(`assembleFilter() jumps only to instructions that are there (${architecture}, internet ${internet})`, () => {
      const program = assembleFilter(architecture, internet);
      const length = program.length / 8;
      const returns: number[] = [];
      for (let at = 0; at < length; at++) {
        const code = program.readUInt16LE(at * 8);
        if (code === 0x06) returns.push(program.readUInt32LE(at * 8 + 4));
        if ((code & 0x07) !== 0x05) continue;
        assert.ok(at + 1 + program[at * 8 + 2]! < length);
        assert.ok(at + 1 + program[at * 8 + 3]! < length);
      }
      assert.deepEqual(returns, [0x80000000, 0x7fff0000, 0x00050001]);
    });
  }
}

test("assembleFilter() fails closed on an architecture that it does not know", () => {
  assert.throws(() => assembleFilter("riscv64", false), { code: "GARRISON_NOT_CONFINED" });
});
