import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PackageOwners } from "./packages.ts";

/** /var/lib/dpkg/info as Debian 13 has it, by file and its lines. */
const INFO = {
  "bash.list": ["/.", "/bin", "/bin/bash", "/etc", "/etc/bash.bashrc"],
  "libc6:amd64.list": ["/.", "/lib64/ld-linux-x86-64.so.2", "/libx32/x", "/usr/lib/x86_64-linux-gnu/libc.so.6"],
  "openssh-server.list": ["/.", "/usr/sbin/sshd", "/usr/lib/openssh/sshd-session"],
  "openssh-server.md5sums": ["/usr/bin/not-a-list"],
  "bash.conffiles": ["/etc/skel/.bashrc"],
  "empty.list": [],
};

function makeInfo(): { folder: string; write(name: string, lines: readonly string[]): void } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "garrison-dpkg-"));
  const write = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(""));
  for (const [name, lines] of Object.entries(INFO)) write(name, lines);
  return { folder, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const CASES: readonly [path: string, owner: string | null][] = [
  ["/usr/sbin/sshd", "openssh-server"],
  ["/usr/lib/openssh/sshd-session", "openssh-server"],
  ["/bin/bash", "bash"],
  // With a merged /usr the kernel names the file below /usr, and the list does not.
  ["/usr/bin/bash", "bash"],
  ["/usr/lib64/ld-linux-x86-64.so.2", "libc6"],
  ["/usr/libx32/x", "libc6"],
  ["/usr/lib/x86_64-linux-gnu/libc.so.6", "libc6"],
  ["/usr/sbin/sshd.bak", null],
  ["/sbin/sshd", null],
  ["/usr/sbin", null],
  ["/usr/bin/not-a-list", null],
  ["/home/a/bin/bash", null],
  ["", null],
  // Two lines of a list, as one name.
  ["/etc\n/etc/bash.bashrc", null],
  ["/bin/bash\n", null],
];
for (const [path, owner] of CASES) {
  test(`ownerOf(${JSON.stringify(path)}) is ${owner}`, () => {
    using info = makeInfo();
    assert.equal(new PackageOwners(info.folder).ownerOf(path), owner);
  });
}

test("ownerOf() gives null where there is no dpkg", () => {
  assert.equal(new PackageOwners("/nowhere/at/all").ownerOf("/bin/bash"), null);
});

test("ownerOf() asks once for a path, and again when packages were installed or removed", () => {
  using info = makeInfo();
  const owners = new PackageOwners(info.folder);
  assert.equal(owners.ownerOf("/usr/bin/nc"), null);
  info.write("netcat.list", ["/.", "/usr/bin/nc"]);
  // The clock of a file system may be too coarse to tell.
  utimesSync(info.folder, 5, 5);
  assert.equal(owners.ownerOf("/usr/bin/nc"), "netcat");
  rmSync(join(info.folder, "netcat.list"));
  utimesSync(info.folder, 6, 6);
  assert.equal(owners.ownerOf("/usr/bin/nc"), null);
});
