import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePathPattern } from "#src/lib/path-pattern.ts";
import { settings, toOptions } from "./config.ts";
import { shippedFiles } from "./list.ts";

const optionsOf = (section: unknown) => toOptions(settings.parse(section));

test("without settings the shipped list is watched, each minute as a whole", () => {
  const { watched, scanEveryMs } = optionsOf({});
  assert.equal(scanEveryMs, 60_000);
  assert.deepEqual(watched, shippedFiles(""));
});

test("the shipped list holds valid patterns, each once, and the shadow files as secrets", () => {
  const shipped = shippedFiles("/opt/panel");
  for (const { pattern } of shipped) parsePathPattern(pattern);
  assert.equal(new Set(shipped.map(({ pattern }) => pattern)).size, shipped.length);
  assert.deepEqual(
    shipped.filter(({ secret }) => secret).map(({ pattern }) => pattern),
    ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-"],
  );
  const panel = shipped.filter(({ pattern }) => pattern.includes("cpanel"));
  assert.ok(panel.every(({ pattern }) => pattern.startsWith("/opt/panel/")));
});

test("settings add paths, secret paths, and leave shipped ones out", () => {
  const { watched, scanEveryMs } = optionsOf({
    paths: ["/srv/a/*"],
    secretPaths: ["/srv/key"],
    ignore: ["/etc/hosts"],
    scanEvery: "5m",
  });
  assert.ok(watched.some(({ pattern, secret }) => pattern === "/srv/a/*" && !secret));
  assert.ok(watched.some(({ pattern, secret }) => pattern === "/srv/key" && secret));
  assert.ok(!watched.some(({ pattern }) => pattern === "/etc/hosts"));
  assert.equal(scanEveryMs, 300_000);
});

test("settings that cannot be meant are refused", () => {
  for (const section of [
    { paths: ["etc/passwd"] },
    { paths: ["/a/../b"] },
    { scanEvery: 60 },
    { scanEvery: "soon" },
    { panelPrefix: "opt" },
    { panelPrefix: "/opt/" },
    { nothing: 1 },
  ])
    assert.equal(settings.safeParse(section).success, false, JSON.stringify(section));
});
