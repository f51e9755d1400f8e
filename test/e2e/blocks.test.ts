import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { enterNamespace, Neighbour, run, startEcho } from "#src/linux/temp-namespace.mts";
import { restoreBlocks } from "#src/warden/restore-blocks.ts";
import { WardenProcess } from "./warden-process.mts";

const root = { skip: process.getuid?.() !== 0 };
const OURS = ["203.0.113.1/24", "2001:db8::1/32"];
const THEIRS = ["203.0.113.5/24", "203.0.113.6/24", "2001:db8:0:5::5/32", "2001:db8:0:6::5/32"];
const ALL = THEIRS.map((address) => address.replace(/\/.*/, ""));

interface Scene {
  readonly warden: WardenProcess;
  readonly neighbour: Neighbour;
  /** Those of the neighbour's addresses that are answered. */
  reaching(port?: number): Promise<string[]>;
}

/** A confined warden, and a neighbour with two addresses of IPv4 and two of IPv6. */
async function arrange(t: TestContext): Promise<Scene> {
  enterNamespace();
  const neighbour = await Neighbour.connect(t, OURS, THEIRS);
  await startEcho(t, 7000, 7001);
  const warden = new WardenProcess(t, folderOf(t));
  await warden.start();
  const reaching = async (port = 7000): Promise<string[]> => {
    const seen: string[] = [];
    for (const from of ALL) {
      if (await neighbour.canReach(from, from.includes(":") ? "2001:db8::1" : "203.0.113.1", port)) seen.push(from);
    }
    return seen;
  };
  return { warden, neighbour, reaching };
}

test("a confined warden blocks, lets through again, and writes it into the journal", root, async (t) => {
  const { warden, reaching } = await arrange(t);
  assert.deepEqual(await reaching(), ALL);
  assert.equal(await warden.block("x1", "203.0.113.5/32"), null);
  assert.equal(await warden.block("x2", "2001:db8:0:5::/64"), null);
  assert.deepEqual(await reaching(), ["203.0.113.6", "2001:db8:0:6::5"]);
  const status = await warden.status(({ blocked }) => blocked === 2);
  assert.deepEqual([status.backend, status.failure, status.restored], ["nftables", null, 0]);
  assert.ok((await warden.unblock("x1", "x2", "x77")).ok);
  assert.deepEqual(await reaching(), ALL);
  assert.deepEqual(
    (await warden.journal()).map(({ kind, by }) => `${kind} ${by}`),
    ["blocks.begin rule:sshd", "blocks.begin rule:sshd", "blocks.undo admin:root"],
  );
  assert.match(warden.statusField("CapEff"), /^0000000000081[0-9a-f]{3}$/);
  assert.equal(warden.statusField("Seccomp"), "2");
  assert.equal(warden.stderr, "");
});
