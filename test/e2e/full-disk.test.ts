import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Host } from "./host.ts";

const watched = mkdtempSync("/tmp/garrison-full-");
const disk = mkdtempSync("/tmp/garrison-disk-");
assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", disk]).status, 0);
after(() => {
  spawnSync("umount", ["-l", disk]);
  for (const folder of [disk, watched]) rmSync(folder, { recursive: true, force: true });
});

test("on a full disk alerts are still told, once, and status says so; with room again all is kept and journaled", async () => {
  const paths = ["a", "b", "c"].map((name) => join(watched, name));
  for (const path of paths) {
    writeFileSync(path, "x");
    chmodSync(path, 0o644);
  }
  await using host = await Host.start({ config: `sensors: { files: { paths: ["${watched}/*"] } }\n`, folder: disk });
  const ballast = join(disk, "ballast");
  spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"]);
  spawnSync("dd", ["if=/dev/zero", `of=${ballast}2`, "bs=512"]);
  assert.equal(statfsSync(disk).bavail, 0);
  for (const path of paths) chmodSync(path, 0o666);
  for (const path of paths) {
    const alert = await host.alert(
      ({ subject }) => subject.type === "file" && subject.path === path,
      `the alert of ${path}`,
    );
    assert.equal(alert.severity, "critical");
  }
  const { items } = await host.command("status", "--json");
  assert.match(String((items[0]!["store"] as { state: string }).state), /^full: alerts are told but not kept/);
  rmSync(ballast);
  rmSync(`${ballast}2`);
  const from = host.events.length;
  await host.until(({ event, text }) => event === "note" && String(text) === "the store is kept", "room again", from);
  const listed = await host.command("alerts", "--json", "--kind", "file.mode");
  assert.deepEqual(listed.items.map(({ subject }) => (subject as { path: string }).path).sort(), paths);
  for (const path of paths) {
    const told = host.events.filter(
      ({ event, type, alert }) =>
        event === "alert" && type === "new" && alert?.subject.type === "file" && alert.subject.path === path,
    );
    assert.equal(told.length, 1, `${path} was told ${told.length} times`);
  }
  let journaled = 0;
  for (let tries = 0; journaled < 3 && tries < 100; tries++) {
    const { items } = await host.command("journal", "--json");
    journaled = items.filter(({ data }) => (data as { kind?: unknown }).kind === "file.mode").length;
  }
  assert.equal(journaled, 3);
  assert.equal((await host.command("journal", "verify")).code, 0);
});
