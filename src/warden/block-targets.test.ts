import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatNetwork } from "#src/lib/ip-network.ts";
import type { BlockedNetwork } from "#src/linux/firewall.ts";
import type { StoredBlock } from "./block-ledger.ts";
import { BlockTargets } from "./block-targets.ts";

const NOW = 1_000_000;

function block(number: number, network: string, ports: readonly number[], leftMs: number | null): StoredBlock {
  return { action: `x${number}`, network, ports, untilUnixMs: leftMs === null ? null : NOW + leftMs };
}

function show(elements: readonly BlockedNetwork[]): (readonly [string, number | null, number | null])[] {
  return elements.map(({ network, port, timeoutMs }) => [formatNetwork(network), port, timeoutMs] as const);
}

function targetsOf(...blocks: readonly StoredBlock[]): BlockTargets {
  const targets = new BlockTargets();
  for (const one of blocks) targets.add(one);
  return targets;
}

test("BlockTargets.wanted() gives each network and port once, with the longest time of those that hold it", () => {
  const short = block(1, "192.0.2.1/32", [], 10);
  const long = block(2, "192.0.2.1/32", [], 500);
  const ports = block(3, "192.0.2.1/32", [22, 25], null);
  const other = block(4, "2001:db8::/64", [22], 20);
  const all = [short, long, ports, other];
  assert.deepEqual(show(targetsOf(...all).wanted(all, NOW)), [
    ["192.0.2.1/32", null, 500],
    ["192.0.2.1/32", 22, null],
    ["192.0.2.1/32", 25, null],
    ["2001:db8::/64", 22, 20],
  ]);
});

test("BlockTargets.unwanted() gives what nobody holds any more, and what is over", () => {
  const left = block(1, "192.0.2.1/32", [], 10);
  const gone = block(2, "192.0.2.1/32", [], 500);
  const alone = block(3, "192.0.2.2/32", [22], 500);
  const over = block(4, "192.0.2.3/32", [], -1);
  const targets = targetsOf(left, gone, alone, over);
  for (const one of [gone, alone]) targets.delete(one);
  assert.deepEqual(show(targets.unwanted([gone, alone, over], NOW)), [
    ["192.0.2.2/32", 22, 0],
    ["192.0.2.3/32", null, 0],
  ]);
  assert.deepEqual(show(targets.wanted([gone, alone, over], NOW)), [["192.0.2.1/32", null, 10]]);
});

test("BlockTargets gives for any blocks, some of them deleted, what a look at all that are left gives", () => {
  const network = fc.constantFrom("192.0.2.1/32", "192.0.2.0/24", "255.255.255.255/32", "2001:db8::1/128");
  const ports = fc.uniqueArray(fc.constantFrom(22, 25, 443), { maxLength: 2 });
  const left = fc.oneof(fc.constant(null), fc.integer({ min: -5, max: 5 }));
  const some = fc.array(fc.tuple(network, ports, left, fc.boolean()), { maxLength: 12 });
  fc.assert(
    fc.property(some, (made) => {
      const blocks = made.map(([text, list, leftMs], index) => block(index + 1, text, list, leftMs));
      const kept = blocks.filter((_, index) => made[index]![3]);
      const targets = targetsOf(...blocks);
      for (const one of blocks) if (!kept.includes(one)) targets.delete(one);
      const expected = new Map<string, number | null>();
      for (const { network: text, ports: list } of blocks) {
        for (const port of list.length === 0 ? [null] : list) {
          const holders = kept.filter((one) => one.network === text && isHeld(one, port));
          const times = holders.map(({ untilUnixMs }) => (untilUnixMs === null ? Infinity : untilUnixMs - NOW));
          const longest = Math.max(0, ...times);
          expected.set(`${text} ${port}`, longest === Infinity ? null : longest);
        }
      }
      const told = (elements: readonly BlockedNetwork[]) =>
        show(elements).map(([text, port, timeoutMs]) => [`${text} ${port}`, timeoutMs]);
      assert.deepEqual(
        told(targets.wanted(blocks, NOW)),
        [...expected].filter(([, timeoutMs]) => timeoutMs !== 0),
      );
      assert.deepEqual(
        told(targets.unwanted(blocks, NOW)),
        [...expected].filter(([, timeoutMs]) => timeoutMs === 0),
      );
    }),
  );
});

function isHeld({ ports }: StoredBlock, port: number | null): boolean {
  return port === null ? ports.length === 0 : ports.includes(port);
}
