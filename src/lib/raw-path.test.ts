import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fileSubject, joinPath, showRawPath, splitPath, toRawPath } from "./raw-path.ts";

test("fileSubject() shows a clean name as it is, and adds the bytes of any other", () => {
  assert.deepEqual(fileSubject(toRawPath("/etc/größe")), { type: "file", path: "/etc/größe" });
  for (const name of ["a\nb", "a\x1b[31m", "a\u202eb", "\u200b"]) {
    assert.ok("pathBase64" in fileSubject(toRawPath(`/etc/${name}`)), JSON.stringify(name));
  }
  const invalid = fileSubject("/etc/\xff\xfe");
  assert.deepEqual(invalid, {
    type: "file",
    path: "/etc/\ufffd\ufffd",
    pathBase64: Buffer.from("/etc/\xff\xfe", "latin1").toString("base64"),
  });
});

test("every name of bytes survives: as it is, or in base64", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 255 }), (bytes) => {
      const raw = Buffer.from(bytes).toString("latin1");
      const subject = fileSubject(raw) as { path: string; pathBase64?: string };
      const back =
        subject.pathBase64 === undefined ? Buffer.from(subject.path) : Buffer.from(subject.pathBase64, "base64");
      assert.deepEqual(back, Buffer.from(bytes));
      assert.equal(subject.path, showRawPath(raw));
    }),
  );
});

test("splitPath() and joinPath() are each other's inverse", () => {
  for (const path of ["/a", "/a/b", "/a/b/c"]) {
    const { folder, name } = splitPath(path);
    assert.equal(joinPath(folder, name), path);
  }
  assert.deepEqual(splitPath("/a"), { folder: "/", name: "a" });
});
