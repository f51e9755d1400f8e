import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folderOf } from "./temp-folder.mts";
import { TrustedPath } from "./trusted-path.ts";

const WITHOUT_ROOT = process.getuid?.() === 0 ? false : "needs root";
const CUSTOMER = 54_321;

test("TrustedPath.open() follows root's links in root's folders, to an absolute or a relative target", (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, "real/deep"), { recursive: true });
  writeFileSync(join(folder, "real/file"), "content");
  symlinkSync(join(folder, "real"), join(folder, "absolute"));
  symlinkSync("../file", join(folder, "real/deep/relative"));
  for (const path of ["real/file", "absolute/file", "real/deep/relative", "absolute/deep/relative"]) {
    using file = TrustedPath.open(join(folder, path));
    assert.equal(file?.realPath(), join(folder, "real/file"), path);
    assert.equal(file?.isRootsOwn, true);
    const fd = file.openToRead();
    assert.equal(readFileSync(fd, "utf8"), "content");
    closeSync(fd);
  }
});

test("TrustedPath.open() gives nothing for what is not there, and for a ring of links", (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "file"), "");
  symlinkSync("nowhere", join(folder, "dangling"));
  for (const path of ["none", "file/below", "dangling", "none/below"]) {
    assert.equal(TrustedPath.open(join(folder, path)), undefined, path);
  }
  symlinkSync("ring", join(folder, "ring"));
  assert.throws(() => TrustedPath.open(join(folder, "ring")), { code: "GARRISON_PATH_UNSAFE" });
});

test("TrustedPath.open() refuses a link of a customer, and any link below a folder of his", {
  skip: WITHOUT_ROOT,
}, (t) => {
  const folder = folderOf(t);
  const home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(join(folder, "secret"), "secret");
  symlinkSync(join(folder, "secret"), join(folder, "his"));
  lchownSync(join(folder, "his"), CUSTOMER, CUSTOMER);
  symlinkSync(join(folder, "secret"), join(home, "roots"));
  chownSync(home, CUSTOMER, CUSTOMER);
  mkdirSync(join(folder, "open"));
  symlinkSync(join(folder, "secret"), join(folder, "open/link"));
  chmodSync(join(folder, "open"), 0o777);
  for (const path of ["his", "home/roots", "open/link"]) {
    assert.throws(() => TrustedPath.open(join(folder, path)), { code: "GARRISON_PATH_UNSAFE" }, path);
  }
  writeFileSync(join(home, "log"), "");
  using log = TrustedPath.open(join(home, "log"));
  assert.deepEqual([log?.isRootsOwn, log?.folderUid], [false, BigInt(CUSTOMER)]);
});
