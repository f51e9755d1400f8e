import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  lutimesSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { describeFileCapabilities } from "./file-capabilities.ts";
import { FileLook } from "./file-metadata.ts";

const folder = mkdtempSync(join(tmpdir(), "garrison-metadata-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const skip = process.getuid?.() !== 0 && "needs root";

function look(name: string, options = {}) {
  using found = FileLook.open(at(name), options);
  return found?.metadata;
}

test("FileLook.open() gives undefined where nothing is, or can be", () => {
  assert.equal(look("nothing"), undefined);
  assert.equal(look("nothing/below"), undefined);
  assert.equal(look("x".repeat(300)), undefined);
});

test("FileLook looks at the link itself, or at what it leads to", () => {
  writeFileSync(at("file"), "text", { mode: 0o604 });
  symlinkSync("file", at("link"));
  symlinkSync("nowhere", at("dangling"));
  assert.deepEqual([look("link")?.type, look("link")?.target, look("link")?.realPath], ["link", "file", at("link")]);
  const followed = look("link", { follow: true });
  assert.deepEqual([followed?.type, followed?.mode, followed?.realPath], ["file", 0o604, at("file")]);
  assert.equal(look("dangling")?.target, "nowhere");
  assert.equal(look("dangling", { follow: true }), undefined);
});

test("FileLook.readPieces() gives the bytes up to a limit, and says whether that was all", () => {
  writeFileSync(at("long"), "x".repeat(600_000));
  using found = FileLook.open(at("long"));
  const read = (limitBytes: number): [boolean, number] => {
    let bytes = 0;
    const isWhole = found!.readPieces(limitBytes, (piece) => {
      bytes += piece.length;
    });
    return [isWhole, bytes];
  };
  assert.deepEqual(read(600_000), [true, 600_000]);
  assert.deepEqual(read(599_999), [false, 599_999]);
  assert.deepEqual(read(1_000_000), [true, 600_000]);
  assert.deepEqual(read(0), [false, 0]);
});

test("FileLook reads a file of /proc, whose size is said to be 0, and gives no content of anything but files", () => {
  using version = FileLook.open("/proc/version");
  let text = "";
  assert.equal(
    version?.readPieces(65_536, (piece) => (text += piece.toString("latin1"))),
    true,
  );
  assert.match(text, /^Linux version/);
  using device = FileLook.open("/dev/zero");
  assert.equal(device?.metadata.type, "device");
  assert.equal(
    device?.readPieces(10, () => assert.fail("no device is read")),
    false,
  );
});

test("FileLook does not move the access time", { skip }, () => {
  writeFileSync(at("old"), "text");
  utimesSync(at("old"), 1000, 2000);
  lutimesSync(at("link"), 1000, 2000);
  using found = FileLook.open(at("old"));
  found?.readPieces(100, () => {});
  assert.equal(statSync(at("old")).atimeMs, 1_000_000);
});

test("FileLook names capabilities, xattrs, and flags", { skip }, () => {
  writeFileSync(at("program"), "");
  const commands = `setcap cap_setuid,cap_net_raw+ep program; setfattr -n user.a -v 1 program; setfattr -n user.big -v "$(head -c 1000 /dev/zero | tr '\\0' a)" program; chattr +ia program`;
  assert.equal(spawnSync("sh", ["-c", commands], { cwd: folder, stdio: "inherit" }).status, 0);
  const { capabilities, xattrs, flags } = look("program")!;
  spawnSync("chattr", ["-ia", at("program")]);
  assert.equal(capabilities, "cap_setuid,cap_net_raw=ep");
  assert.deepEqual(Object.keys(xattrs), ["user.a", "user.big"]);
  assert.match(xattrs["user.big"] ?? "", /^1000 bytes, sha256 [0-9a-f]{64}$/);
  assert.deepEqual(flags, ["immutable", "append-only"]);
});

test("FileLook sums up more xattrs than anyone reads, so that none hides behind the others", { skip }, () => {
  writeFileSync(at("many"), "");
  const set = (from: number, to: number): void => {
    const script = `import os
for n in range(${from}, ${to}): os.setxattr("${at("many")}", "user.%03d" % n, b"x")`;
    assert.equal(spawnSync("/usr/bin/python3", ["-c", script], { stdio: "inherit" }).status, 0);
  };
  set(0, 40);
  const before = look("many")?.xattrs;
  assert.deepEqual([Object.keys(before ?? {}).length, before?.["others"]?.slice(0, 15)], [33, "8 more, sha256 "]);
  set(40, 41);
  assert.notEqual(look("many")?.xattrs["others"], before?.["others"]);
});

test("FileLook does not wait for a FIFO, nor for a terabyte", { skip }, () => {
  spawnSync("mkfifo", [at("fifo")]);
  closeSync(openSync(at("huge"), "w"));
  truncateSync(at("huge"), 2 ** 40);
  assert.equal(look("fifo")?.type, "fifo");
  assert.equal(look("huge")?.sizeBytes, 2 ** 40);
});

// getfattr -e hex -n security.capability, and what getcap(8) says of the same file on Debian 12.
const CAPABILITIES = [
  ["0100000280200000000000000000000000000000", "cap_setuid,cap_net_raw=ep"],
  ["0000000280000000000000000000000000000000", "cap_setuid=p"],
  ["0100000200002000000020000000000000000000", "cap_sys_admin=eip"],
  ["010000038000000000000000000000000000000000000000", "cap_setuid=ep"],
  ["0000000200000000000000000001000000000000", "cap_checkpoint_restore=p"],
  ["00000002000000000000000000000000", "unreadable: 00000002000000000000000000000000"],
  ["ff", "unreadable: ff"],
  ["", "unreadable: "],
  ["0000000200000000000000000000000000000000", "none"],
] as const;

test("describeFileCapabilities() says what getcap says", () => {
  for (const [value, expected] of CAPABILITIES)
    assert.equal(describeFileCapabilities(Buffer.from(value, "hex")), expected, value);
});

test("describeFileCapabilities() gives words for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.ok(describeFileCapabilities(Buffer.from(bytes)).length < 2000);
    }),
  );
});
