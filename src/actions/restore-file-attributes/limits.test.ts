import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import type { Ownership } from "#src/linux/held-path.ts";
import type { ActionLimits } from "../contract.ts";
import { parseWatchedPatterns } from "../watched-paths.ts";
import { checkRestore, checkRestoreUndo } from "./limits.ts";

const SHADOW = 42;
const MIND = 900;
const LIMITS: ActionLimits = {
  watchedFiles: parseWatchedPatterns([
    { pattern: "/etc/passwd", secret: false },
    { pattern: "/etc/cron.d/*", secret: false },
    { pattern: "/etc/deep/**", secret: false },
    { pattern: "/etc/shad*", secret: false },
    { pattern: "/etc/shadow", secret: true },
  ]),
  mindGid: MIND,
  groupId: (name) => (name === "shadow" ? SHADOW : undefined),
};

function own(mode: number, uid = 0, gid = 0): Ownership {
  return { mode, uid, gid };
}

function allows(from: Ownership, to: Ownership, rawPath = "/etc/passwd"): boolean {
  try {
    checkRestore({ rawPath, from, to }, LIMITS);
    return true;
  } catch (error) {
    assert.ok(error instanceof GarrisonError);
    assert.equal(error.code, "GARRISON_ACTION_REFUSED");
    return false;
  }
}

test("checkRestore() allows what a restore is for", () => {
  assert.ok(allows(own(0o666), own(0o644)));
  assert.ok(allows(own(0o644, 1000, 1000), own(0o644)));
  assert.ok(allows(own(0o777), own(0o755)));
  assert.ok(allows(own(0o4777), own(0o4755)));
  assert.ok(allows(own(0o4755), own(0o755)));
  assert.ok(allows(own(0o000), own(0o600)));
  assert.ok(allows(own(0o600), own(0o640, 0, 4)));
  assert.ok(allows(own(0o644, 0, 0), own(0o640, 0, SHADOW), "/etc/shadow"));
  assert.ok(allows(own(0o644, 1000, SHADOW), own(0o640, 0, SHADOW), "/etc/shadow"));
});

test("checkRestore() refuses what would give someone something", () => {
  const cases: [string, Ownership, Ownership, string?][] = [
    ["setuid", own(0o755), own(0o4755)],
    ["setgid", own(0o755), own(0o2755)],
    ["sticky", own(0o755), own(0o1755)],
    ["setuid on a file that becomes root's", own(0o4755, 1000, 1000), own(0o4755)],
    ["setgid on a file that gets another group", own(0o2755, 0, 1000), own(0o2755, 0, 0)],
    ["write for others", own(0o644), own(0o646)],
    ["write for the group", own(0o644), own(0o664)],
    ["read for others", own(0o640), own(0o644)],
    ["execute", own(0o644), own(0o744)],
    ["read for the group of a secret", own(0o600), own(0o640), "/etc/shadow"],
    ["read for others of a secret", own(0o640), own(0o644), "/etc/shadow"],
    ["another owner", own(0o644), own(0o644, 1000, 0)],
    ["the owner of nobody", own(0o644), own(0o644, 65_534, 0)],
    ["a group of users", own(0o644), own(0o644, 0, 1000)],
    ["the mind's group", own(0o644), own(0o644, 0, MIND)],
    ["a system group that could write", own(0o664), own(0o664, 0, 4)],
    ["a system group for a secret", own(0o640), own(0o640, 0, 4), "/etc/shadow"],
    ["a path that is not on the list", own(0o666), own(0o644), "/etc/other"],
    ["a path below one of the list", own(0o666), own(0o644), "/etc/passwd/x"],
    ["a path with ..", own(0o666), own(0o644), "/etc/cron.d/.."],
    ["a deep path with ..", own(0o666), own(0o644), "/etc/deep/../other"],
    ["a path with an empty part", own(0o666), own(0o644), "/etc/deep//x"],
    ["a relative path", own(0o666), own(0o644), "etc/passwd"],
  ];
  for (const [what, from, to, path] of cases) assert.ok(!allows(from, to, path), what);
});

const ownership = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.constantFrom(0, 1000, 1001),
  gid: fc.constantFrom(0, 4, SHADOW, MIND, 1000),
});

test("checkRestore() never lets anyone but root and system groups gain anything, whatever is asked", () => {
  const paths = fc.constantFrom("/etc/passwd", "/etc/shadow");
  fc.assert(
    fc.property(ownership, ownership, paths, (from, to, path) => {
      if (!allows(from, to, path)) return;
      const added = to.mode & ~from.mode;
      assert.equal(added & 0o7137, 0);
      assert.ok(to.uid === from.uid || to.uid === 0);
      assert.ok(to.gid === from.gid || to.gid < 1000);
      if (to.gid === MIND) assert.equal(from.gid, MIND);
      if (to.gid !== from.gid && to.gid !== 0) assert.equal(to.mode & 0o020, 0);
      if (to.uid !== from.uid || to.gid !== from.gid) assert.equal(to.mode & 0o7000, 0);
      if (path === "/etc/shadow") assert.equal(added & 0o077, 0);
    }),
    { numRuns: 5000 },
  );
});

test("checkRestoreUndo() opens a file again for a day, and then leaves that to root", () => {
  const open = { rawPath: "/etc/passwd", from: own(0o644), to: own(0o666) };
  const day = 24 * 3_600_000;
  assert.doesNotThrow(() => checkRestoreUndo(open, LIMITS, day));
  assert.throws(() => checkRestoreUndo(open, LIMITS, day + 1), /chown 0:0, then chmod 0666, by root himself is wanted/);
  assert.throws(() => checkRestoreUndo(open, LIMITS, -1), { code: "GARRISON_ACTION_REFUSED" });
  const harmless = { rawPath: "/etc/passwd", from: own(0o644), to: own(0o600) };
  assert.doesNotThrow(() => checkRestoreUndo(harmless, LIMITS, 1000 * day));
});
