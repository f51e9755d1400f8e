import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parsePasswd, UserNames } from "./user-names.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
toor:x:0:0::/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
# a comment
+::::::
:x:44:44::/:/bin/sh
short:x
anna:x:1000:1000:Anna,,,:/home/anna:/bin/bash
neg:x:-1:1::/:/bin/sh
hex:x:0x10:1::/:/bin/sh
last:x:2000:2000::/:/bin/sh`;

test("parsePasswd() takes the first name of a uid and passes over what is of another form", () => {
  assert.deepEqual(
    [...parsePasswd(PASSWD)],
    [
      [0, "root"],
      [33, "www-data"],
      [1000, "anna"],
      [2000, "last"],
    ],
  );
});

test("parsePasswd() gives short names whatever the text is", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const [uid, name] of parsePasswd(text)) {
        assert.ok(Number.isSafeInteger(uid) && uid >= 0);
        assert.ok(name.length > 0 && name.length <= 128);
      }
    }),
  );
  assert.equal(parsePasswd(`${"x".repeat(5000)}:x:7:7::/:/bin/sh`).get(7)?.length, 128);
});

test("nameOf() reads the file again when it was replaced, and keeps the last names when it is gone", () => {
  const folder = mkdtempSync(join(tmpdir(), "garrison-passwd-"));
  const path = join(folder, "passwd");
  writeFileSync(path, PASSWD);
  const users = new UserNames(path);
  assert.deepEqual([users.nameOf(0), users.nameOf(1000), users.nameOf(9)], ["root", "anna", null]);
  writeFileSync(join(folder, "passwd.new"), "root:x:0:0::/:/bin/sh\nbert:x:1000:1000::/:/bin/sh\n");
  renameSync(join(folder, "passwd.new"), path);
  assert.equal(users.nameOf(1000), "bert");
  rmSync(folder, { recursive: true });
  assert.equal(users.nameOf(1000), "bert");
  assert.equal(new UserNames(path).nameOf(0), null);
});
