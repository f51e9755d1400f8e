import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import { restorePlan } from "./data.ts";
import { planRestoreFileAttributes } from "./plan.ts";

const BEFORE = { type: "file", mode: "0644", uid: 0, gid: 0, inode: "12" };
const NOW = { type: "file", mode: "0666", uid: 0, gid: 0, inode: "12", mtimeMs: 1 };

function alertOf(change: Partial<Alert> = {}, evidence: JsonObject = { before: BEFORE, now: NOW }): Alert {
  const at = "2026-01-02T03:04:05.678Z";
  return {
    id: "a1",
    incident: "i1",
    at,
    sensor: "files",
    kind: "file.mode",
    severity: "critical",
    subject: { type: "file", path: "/etc/passwd" },
    who: null,
    ordinary: "",
    observed: "",
    evidence,
    next: [],
    attack: [],
    count: 1,
    firstAt: at,
    lastAt: at,
    state: "open",
    drill: null,
    host: "host",
    ...change,
  };
}

test("planRestoreFileAttributes() plans back to the ordinary look when the file was unusual already", () => {
  const between = { ...BEFORE, mode: "0660" };
  const alert = alertOf({}, { before: between, ordinary: BEFORE, now: NOW });
  assert.equal(planRestoreFileAttributes(alert).to.mode, "0644");
});

test("planRestoreFileAttributes() plans from what is there now to what was there before", () => {
  assert.deepEqual(planRestoreFileAttributes(alertOf()), {
    pathBase64: Buffer.from("/etc/passwd").toString("base64"),
    inode: "12",
    from: { mode: "0666", uid: 0, gid: 0 },
    to: { mode: "0644", uid: 0, gid: 0 },
  });
});

test("planRestoreFileAttributes() takes a name that is no clean text from pathBase64", () => {
  const raw = Buffer.from([0x2f, 0x65, 0xff, 0x0a]);
  const subject = { type: "file", path: "/e\ufffd\n", pathBase64: raw.toString("base64") } as const;
  assert.equal(planRestoreFileAttributes(alertOf({ subject })).pathBase64, raw.toString("base64"));
});

test("planRestoreFileAttributes() says why it cannot", () => {
  const cases: [Alert, RegExp][] = [
    [alertOf({ kind: "file.content" }), /it is file\.content/],
    [alertOf({ subject: { type: "account", name: "x" } }), /about a account/],
    [alertOf({}, { before: null, now: NOW }), /how the file was and is/],
    [alertOf({}, { before: BEFORE, now: null }), /how the file was and is/],
    [alertOf({}, { before: BEFORE, now: { ...NOW, type: "link" } }), /neither a regular file nor a folder/],
    [alertOf({}, { before: { ...BEFORE, type: "folder" }, now: NOW }), /neither a regular file nor a folder/],
    [alertOf({}, { before: { type: "file" }, now: NOW }), /does not say inode, mode and owner/],
    [alertOf({}, { before: BEFORE, now: { ...NOW, inode: "x" } }), /does not say inode, mode and owner/],
    [alertOf({}, { before: BEFORE, now: { ...NOW, mode: "0644" } }), /did not change/],
  ];
  for (const [alert, reason] of cases) {
    assert.throws(
      () => planRestoreFileAttributes(alert),
      (error) => error instanceof GarrisonError && error.code === "GARRISON_CANNOT_PLAN" && reason.test(error.message),
      String(reason),
    );
  }
});

test("planRestoreFileAttributes() gives a well-formed plan or a named error for any evidence", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      fc.option(fc.string(), { nil: undefined }),
      (before, now, pathBase64) => {
        const subject = { type: "file", path: "/x", ...(pathBase64 === undefined ? {} : { pathBase64 }) } as const;
        try {
          restorePlan(planRestoreFileAttributes(alertOf({ subject }, { before, now } as JsonObject)), "plan");
        } catch (error) {
          assert.ok(error instanceof GarrisonError);
          assert.equal(error.code, "GARRISON_CANNOT_PLAN");
        }
      },
    ),
  );
});
