import assert from "node:assert/strict";
import { test } from "node:test";
import { settings, toOptions } from "./config.ts";

test("the settings of listeners are times with a unit", () => {
  assert.deepEqual(toOptions(settings.parse({})), { goneAfterMs: 30_000, udpClientMs: 600_000 });
  assert.deepEqual(toOptions(settings.parse({ goneAfter: "2m", udpClient: "1h" })), {
    goneAfterMs: 120_000,
    udpClientMs: 3_600_000,
  });
  for (const section of [{ goneAfter: 30 }, { goneAfter: "0s" }, { ports: [1] }])
    assert.equal(settings.safeParse(section).success, false, JSON.stringify(section));
});
