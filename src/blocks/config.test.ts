import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, parseConfig } from "#src/config/load.ts";

function parse(text: string): Promise<Config> {
  return parseConfig(text, { path: "/etc/garrison/garrison.yaml", host: "web1.example.com" });
}

test("parseConfig() blocks nothing by rule unless it is told to", async () => {
  const { blocks, wardenBlocks } = await parse("");
  assert.deepEqual(blocks, {
    mode: "observe",
    allow: [],
    proxies: [],
    policy: {
      points: 5,
      withinMs: 600_000,
      firstMs: 3_600_000,
      factor: 3,
      longestMs: 604_800_000,
      networkAt: 0,
    },
    lists: [],
  });
  assert.deepEqual(wardenBlocks, { backend: "auto", allow: [], proxies: [], hub: [], web: false });
});

test("parseConfig() gives what is written to the mind and to the warden", async () => {
  const { blocks, wardenBlocks } = await parse(`
blocks:
  mode: enforce
  backend: "off"
  allow: [192.0.2.0/24, "2001:db8::1"]
  proxies: [198.51.100.7]
  web: true
  policy: {points: 8, within: 1h, first: 10m, longest: 30d, factor: 2, networkAt: 8}
  lists:
    - {name: drop, from: "https://lists.example.org/drop.txt", every: 12h, maxSize: 1 MiB}
    - {name: own, from: /etc/garrison/own.txt}
`);
  assert.equal(blocks.mode, "enforce");
  assert.equal(blocks.policy.withinMs, 3_600_000);
  assert.equal(blocks.policy.networkAt, 8);
  assert.deepEqual(blocks.lists[0], {
    name: "drop",
    from: "https://lists.example.org/drop.txt",
    everyMs: 43_200_000,
    maxBytes: 1_048_576,
    maxEntries: 200_000,
  });
  assert.equal(blocks.lists[1]?.from, "/etc/garrison/own.txt");
  assert.deepEqual(wardenBlocks, {
    backend: null,
    allow: ["192.0.2.0/24", "2001:db8::1"],
    proxies: ["198.51.100.7"],
    hub: [],
    web: true,
  });
});

for (const [text, problem] of [
  [
    "blocks: {allow: [010.0.0.1]}",
    '"blocks.allow[0]" is "010.0.0.1", expected an address or a network such as 192.0.2.0/24',
  ],
  ["blocks: {mode: on}", '"blocks.mode" is "on", expected one of "observe", "enforce"'],
  ["blocks: {policy: {points: 1}}", '"blocks.policy.points" is 1, expected'],
  ["blocks: {policy: {within: 5}}", '"blocks.policy.within" is 5, expected a text with a unit such as "15s"'],
  [
    "blocks: {lists: [{name: a, from: http://x.example/}]}",
    '"blocks.lists[0].from" is "http://x.example/", expected "https://..." or an absolute path',
  ],
  ["blocks: {lists: [{name: ../a, from: /x}]}", "expected a name of a-z, 0-9 and -"],
  [
    "blocks: {lists: [{name: a, from: /x}, {name: a, from: /y}]}",
    'two lists have the name "a", expected a name for each',
  ],
  ["blocks: {alow: []}", '"blocks.alow" is not known, did you mean "allow"?'],
] as const) {
  test(`parseConfig() refuses ${JSON.stringify(text)}`, async () => {
    await assert.rejects(parse(text), (error: Error) => {
      assert.ok(error.message.includes(problem), error.message);
      return true;
    });
  });
}
