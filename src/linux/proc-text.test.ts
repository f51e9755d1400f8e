import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parseCgroup, parseEffectiveUid, parseLoginUid, parseProcStat } from "./proc-text.ts";

// Recorded with cat(1) from linux 6.18, Debian 12.
const STAT =
  "7282 (bash) S 7281 7281 2778 0 -1 4194304 1310 5873 0 0 3 2 9 4 20 0 1 0 128584 4616192 833 18446744073709551615 1 1 0 0 0 0 65536 4 65538 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

test("parseProcStat() reads comm, parent and start time", () => {
  assert.deepEqual(parseProcStat(STAT), { comm: "bash", state: "S", parentPid: 7281, startTicks: 128_584 });
});

test("parseProcStat() is not fooled by a comm that looks like the rest of the line", () => {
  const forged = STAT.replace("(bash)", "(a) R 1 1 1 0)");
  assert.equal(parseProcStat(forged)?.parentPid, 7281);
  assert.equal(parseProcStat(forged)?.comm, "a) R 1 1 1 0");
  assert.equal(parseProcStat(STAT.replace("(bash)", "(a\nb)"))?.comm, "a\nb");
});

test("parseProcStat() reads this process as the kernel prints it", () => {
  const stat = parseProcStat(readFileSync("/proc/self/stat", "latin1"));
  assert.equal(stat?.parentPid, process.ppid);
});

test("parseProcStat() gives undefined for what is cut", () => {
  for (const text of ["", "1", "1 (", "1 )(", "1 (a) S", STAT.slice(0, 60)])
    assert.equal(parseProcStat(text), undefined, text);
});

test("parseEffectiveUid() takes the effective uid of a setuid program", () => {
  const status = "Name:\tsu\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nGid:\t1000\t1000\t1000\t1000\n";
  assert.equal(parseEffectiveUid(status), 0);
  assert.equal(parseEffectiveUid("Name:\tx\nUid:\t0\n"), null);
});

test("parseEffectiveUid() is not fooled by a name, because the kernel escapes newlines in it", () => {
  assert.equal(parseEffectiveUid("Name:\t\\nUid:\\t0\\t0\nUid:\t1000\t1001\t0\t0\n"), 1001);
});

test("parseLoginUid() knows that -1 is nobody", () => {
  assert.equal(parseLoginUid("4294967295"), null);
  assert.equal(parseLoginUid("1000"), 1000);
  assert.equal(parseLoginUid("0\n"), 0);
  assert.equal(parseLoginUid("-1"), null);
  assert.equal(parseLoginUid("0x10"), null);
});

const ID = "3f8f3c0ae5c1a6f3b9f0a8f0b6a8b7c2d4e6f8a0b1c2d3e4f5a6b7c8d9e0f1a2";
const CGROUPS = [
  ["0::/system.slice/ssh.service\n", "ssh.service", null],
  ["0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope", null],
  ["0::/user.slice/user-1000.slice/user@1000.service/app.slice/sshd.service\n", "user@1000.service", null],
  ["1:name=systemd:/system.slice/cron.service\n0::/\n", "cron.service", null],
  ["0::/system.slice/docker.service\n", "docker.service", null],
  [`0::/system.slice/docker-${ID}.scope\n`, `docker-${ID}.scope`, ID],
  [`12:pids:/docker/${ID}\n0::/docker/${ID}\n`, null, ID],
  [`0::/machine.slice/libpod-${ID}.scope/container\n`, `libpod-${ID}.scope`, ID],
  ["0::/lxc.payload.web-1/system.slice/nginx.service\n", "nginx.service", "web-1"],
  [`0::/kubepods/besteffort/pod1b2c/${ID}\n`, null, ID],
  [
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-${ID}.scope\n`,
    `cri-containerd-${ID}.scope`,
    ID,
  ],
  ["9:name=systemd:/\n4:memory:/process_api/4c78204740661bd900bd62d6094b59e2\n0::/\n", null, null],
  ["", null, null],
] as const;

test("parseCgroup() gives unit and container", () => {
  for (const [text, unit, container] of CGROUPS) assert.deepEqual(parseCgroup(text), { unit, container }, text);
});

test("the parsers of /proc give a value within bounds or none for any text", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(STAT, ...CGROUPS.map(([text]) => text))),
      (text) => {
        const stat = parseProcStat(text);
        assert.ok(stat === undefined || Number.isSafeInteger(stat.startTicks));
        for (const uid of [parseEffectiveUid(`Uid:\t${text}`), parseLoginUid(text)])
          assert.ok(uid === null || (uid >= 0 && uid < 4_294_967_295));
        const { unit, container } = parseCgroup(text);
        assert.ok((unit?.length ?? 0) <= 256 && (container?.length ?? 0) <= 64);
      },
    ),
  );
});
