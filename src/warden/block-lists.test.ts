import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { countNetworks, packNetworks, unpackNetworks } from "#src/linux/packed-networks.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import { BlockLists } from "./block-lists.ts";

function packed(...texts: string[]): ReturnType<typeof packNetworks> {
  return packNetworks(texts.map((text) => parseNetwork(text)!));
}

function shown(lists: BlockLists): string[] {
  return [...unpackNetworks(lists.union)].map(formatNetwork).sort();
}

test("BlockLists keeps each list in a file, and gives all networks once", (t) => {
  const folder = folderOf(t);
  const lists = BlockLists.open(folder);
  assert.equal(lists.put("one", packed("192.0.2.1/32", "192.0.2.1/32", "198.51.100.0/24")), 2);
  assert.equal(lists.put("two", packed("192.0.2.1/32", "2001:db8::/64", "2001:db8::1/128")), 3);
  const all = ["192.0.2.1/32", "198.51.100.0/24", "2001:db8::/64", "2001:db8::1/128"];
  assert.deepEqual(shown(lists), all);
  assert.deepEqual(shown(BlockLists.open(folder, { readOnly: true })), all);
  lists.put("one", packed("192.0.2.9/32"));
  assert.deepEqual(shown(BlockLists.open(folder)), [
    "192.0.2.1/32",
    "192.0.2.9/32",
    "2001:db8::/64",
    "2001:db8::1/128",
  ]);
  lists.put("two", new Map());
  assert.deepEqual([shown(lists), readdirSync(folder)], [["192.0.2.9/32"], ["one.list"]]);
});

test("BlockLists.put() refuses names that could be paths, too many lists and too many networks", (t) => {
  const lists = BlockLists.open(folderOf(t));
  for (const name of ["", "../x", "a/b", ".hidden", "a.b", "x\0", "x".repeat(65), "ü"])
    assert.throws(() => lists.put(name, packed("192.0.2.1/32")), { code: "GARRISON_ACTION_REFUSED" }, name);
  for (let number = 0; number < 64; number++) lists.put(`l${number}`, packed("192.0.2.1/32"));
  assert.throws(() => lists.put("more", packed("192.0.2.1/32")), /there are 64 already/);
  const keys = new Uint8Array(1_000_000 * 4);
  const view = new DataView(keys.buffer);
  for (let index = 0; index < 1_000_000; index++) view.setUint32(index * 4, 0x05000000 + index);
  const million = new Map([["4_32", { family: 4, prefix: 32, keys } as const]]);
  assert.throws(() => lists.put("l0", million), /1000063 networks, 1000000 are allowed/);
});

test("BlockLists.open() passes over a file that was damaged, and names it", (t) => {
  const folder = folderOf(t);
  BlockLists.open(folder).put("one", packed("192.0.2.1/32"));
  const path = join(folder, "one.list");
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    const lists = BlockLists.open(folder);
    assert.deepEqual([lists.damaged, countNetworks(lists.union)], [["one.list"], 0]);
  }
});
