import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DENY_HEAD } from "#src/blocks/web/deny-file.ts";
import { parseNetwork } from "#src/lib/ip-network.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import { until } from "#src/mind/fake-peer.mts";
import type { StoredBlock } from "./block-ledger.ts";
import { emptyWebDeny, WebDeny } from "./web-deny.ts";

const NOW = 1_795_000_000_000;

/** A folder in which the blocks of a test are written. */
class Bench {
  readonly folder: string;
  readonly warnings: string[] = [];
  blocks: StoredBlock[] = [];
  allowed: readonly string[] = [];
  nowUnixMs = NOW;
  readonly deny: WebDeny;

  constructor(t: TestContext) {
    this.folder = join(folderOf(t), "web");
    this.deny = new WebDeny({
      folder: this.folder,
      blocks: () => this.blocks,
      allowed: () => this.allowed.map((text) => parseNetwork(text)!),
      now: () => this.nowUnixMs,
      warn: (message, fields) => this.warnings.push(`${message} ${JSON.stringify(fields)}`),
    });
    t.after(() => this.deny[Symbol.dispose]());
  }

  block(network: string, more: Partial<StoredBlock> = {}): void {
    const action = `x${this.blocks.length + 1}`;
    this.blocks.push({ action, network, ports: [], untilUnixMs: NOW + 3_600_000, ...more });
  }

  text(name: string): string | null {
    try {
      return readFileSync(join(this.folder, name), "utf8").slice(DENY_HEAD.length);
    } catch {
      return null;
    }
  }

  async writes(map: string, geo: string): Promise<void> {
    await until(() => this.text("deny.geo") === geo);
    assert.equal(this.text("deny.map"), map);
  }
}

test("WebDeny writes blocks of all ports or of the web's, the newest first, for everybody to read", async (t) => {
  const bench = new Bench(t);
  bench.block("198.51.100.7/32");
  bench.block("203.0.113.0/24", { ports: [22, 443] });
  bench.block("192.0.2.1/32", { ports: [22, 25] });
  bench.block("2001:db8:1:2::/64", { untilUnixMs: null, ports: [80] });
  bench.block("192.0.2.2/32", { untilUnixMs: NOW });
  bench.block("198.51.100.7/32");
  bench.deny.change();
  await bench.writes(
    "198.51.100.7 deny\n2001:db8:1:2: deny\n203.0.113. deny\n",
    "198.51.100.7/32 1;\n2001:db8:1:2::/64 1;\n203.0.113.0/24 1;\n",
  );
  assert.equal(statSync(bench.folder).mode & 0o7777, 0o755);
  for (const name of ["deny.map", "deny.geo"]) assert.equal(statSync(join(bench.folder, name)).mode & 0o7777, 0o644);
  assert.deepEqual(readdirSync(bench.folder).sort(), ["deny.geo", "deny.map"]);
  assert.deepEqual(bench.warnings, []);
});

test("WebDeny never denies who is allowed, also by a wider network that was blocked before", async (t) => {
  const bench = new Bench(t);
  bench.allowed = ["203.0.113.9/32", "192.0.2.0/24"];
  bench.block("203.0.113.0/24");
  bench.block("192.0.2.77/32");
  bench.block("198.51.100.7/32");
  bench.deny.change();
  await bench.writes("198.51.100.7 deny\n", "198.51.100.7/32 1;\n");
});

test("WebDeny writes again when a block ends, without being told", async (t) => {
  const bench = new Bench(t);
  bench.block("198.51.100.7/32", { untilUnixMs: NOW + 50 });
  bench.block("198.51.100.8/32");
  bench.deny.change();
  await until(() => bench.text("deny.geo")?.includes("198.51.100.7/32") === true);
  bench.nowUnixMs = NOW + 50;
  await bench.writes("198.51.100.8 deny\n", "198.51.100.8/32 1;\n");
});

test("WebDeny gathers changes, and leaves a file alone that would be the same", async (t) => {
  const bench = new Bench(t);
  bench.block("198.51.100.7/32");
  for (let count = 0; count < 100; count++) bench.deny.change();
  await bench.writes("198.51.100.7 deny\n", "198.51.100.7/32 1;\n");
  const { ino } = statSync(join(bench.folder, "deny.map"));
  bench.block("10.0.0.0/7");
  bench.deny.change();
  // Apache's map cannot hold a /7: its file is not touched.
  await bench.writes("198.51.100.7 deny\n", "10.0.0.0/7 1;\n198.51.100.7/32 1;\n");
  assert.equal(statSync(join(bench.folder, "deny.map")).ino, ino);
});

test("WebDeny counts what a file has no room for and says it once", async (t) => {
  const bench = new Bench(t);
  const many = 10_003;
  for (let number = 0; number < many; number++) bench.block(`10.${number >> 8}.${number & 255}.1/32`);
  bench.deny.change();
  await until(() => bench.warnings.length === 1);
  assert.equal(
    bench.warnings[0],
    'blocks left out for the web server {"file":"deny.map","leftOut":3,"lines":10000,"why":"there is room for 10000 lines"}',
  );
  assert.equal(bench.text("deny.map")?.split("\n").length, 10_001);
  assert.ok(!bench.text("deny.map")?.includes("10.0.2.1 "), "the oldest are left out");
  assert.equal(bench.text("deny.geo")?.split("\n").length, many + 1);
  bench.block("198.51.100.7/32");
  bench.deny.change();
  await until(() => bench.text("deny.map")?.startsWith("198.51.100.7 deny\n") === true);
  assert.equal(bench.warnings.length, 1);
});

test("WebDeny says once that it cannot write, and goes on when it can", async (t) => {
  const bench = new Bench(t);
  writeFileSync(bench.folder, "in the way");
  bench.block("198.51.100.7/32");
  bench.deny.change();
  await until(() => bench.warnings.length === 1);
  assert.match(bench.warnings[0]!, /^blocks not written for the web server .*EEXIST/);
  bench.deny.change();
  rmSync(bench.folder);
  await bench.writes("198.51.100.7 deny\n", "198.51.100.7/32 1;\n");
  assert.equal(bench.warnings.length, 1);
});

test("emptyWebDeny() empties what was written, and makes nothing", (t) => {
  const folder = folderOf(t);
  emptyWebDeny(folder);
  assert.deepEqual(readdirSync(folder), []);
  writeFileSync(join(folder, "deny.map"), `${DENY_HEAD}198.51.100.7 deny\n`);
  chmodSync(join(folder, "deny.map"), 0o644);
  emptyWebDeny(folder);
  assert.equal(readFileSync(join(folder, "deny.map"), "utf8"), DENY_HEAD);
  assert.equal(statSync(join(folder, "deny.map")).mode & 0o7777, 0o644);
  const { ino } = statSync(join(folder, "deny.map"));
  emptyWebDeny(folder);
  assert.deepEqual([readdirSync(folder), statSync(join(folder, "deny.map")).ino], [["deny.map"], ino]);
  emptyWebDeny(join(folder, "absent"));
});
