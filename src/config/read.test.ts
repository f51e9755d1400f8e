import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { errorText } from "#src/lib/errors.ts";
import { describeDistrust, MAX_CONFIG_BYTES, readConfigFile } from "./read.ts";

const SELF = process.getuid!();
const asRoot = { skip: SELF === 0 ? false : "needs root" };

async function openFolder(): Promise<AsyncDisposable & { readonly file: string; readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "garrison-config-"));
  return { path, file: join(path, "garrison.yaml"), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const TRUST: readonly (readonly [uid: number, mode: number, callerUid: number, distrust: string | null])[] = [
  [0, 0o644, 0, null],
  [0, 0o600, 0, null],
  [0, 0o755, 0, null],
  [0, 0o644, 1000, null],
  [1000, 0o600, 1000, null],
  [1000, 0o666, 1000, null],
  [0, 0o666, 1000, null],
  [
    0,
    0o664,
    0,
    "its mode 0664 lets others than its owner write to it, expected 0644 or stricter because it decides what root does",
  ],
  [
    0,
    0o602,
    0,
    "its mode 0602 lets others than its owner write to it, expected 0644 or stricter because it decides what root does",
  ],
  [
    0,
    0o4777,
    0,
    "its mode 4777 lets others than its owner write to it, expected 0644 or stricter because it decides what root does",
  ],
  [1000, 0o600, 0, "it belongs to uid 1000, expected root as its owner"],
  [1001, 0o644, 1000, "it belongs to uid 1001, expected root or uid 1000 as its owner"],
];

for (const [uid, mode, callerUid, distrust] of TRUST) {
  test(`describeDistrust() ${distrust === null ? "trusts" : "does not trust"} a file of uid ${uid} and mode ${mode.toString(8)} to decide for uid ${callerUid}`, () => {
    assert.equal(describeDistrust({ uid, mode: 0o100000 | mode }, callerUid), distrust);
  });
}

test("readConfigFile() gives the text of a file, through a link too", async () => {
  await using folder = await openFolder();
  await writeFile(folder.file, "learn: 1h # é\n", { mode: 0o644 });
  await symlink(folder.file, join(folder.path, "link"));
  assert.equal(await readConfigFile(folder.file, SELF), "learn: 1h # é\n");
  assert.equal(await readConfigFile(join(folder.path, "link"), SELF), "learn: 1h # é\n");
});

test("readConfigFile() gives undefined when there is no file, no folder, or a file in place of the folder", async () => {
  await using folder = await openFolder();
  await writeFile(join(folder.path, "plain"), "");
  for (const name of ["none.yaml", "none/garrison.yaml", "plain/garrison.yaml"]) {
    assert.equal(await readConfigFile(join(folder.path, name), SELF), undefined);
  }
});

test("readConfigFile() refuses a file that others may write to when root acts on it", asRoot, async () => {
  await using folder = await openFolder();
  await writeFile(folder.file, "learn: 1h\n");
  await chmod(folder.file, 0o666);
  await assert.rejects(readConfigFile(folder.file, 0), {
    code: "GARRISON_CONFIG",
    message: `Cannot load "${folder.file}": its mode 0666 lets others than its owner write to it, expected 0644 or stricter because it decides what root does`,
  });
  assert.equal(await readConfigFile(folder.file, 1000), "learn: 1h\n");
});

test("readConfigFile() refuses a file of another user, of which a link by that user is one", asRoot, async () => {
  await using folder = await openFolder();
  await writeFile(folder.file, "learn: 1h\n", { mode: 0o600 });
  await chown(folder.file, 1000, 1000);
  await symlink(folder.file, join(folder.path, "link"));
  for (const path of [folder.file, join(folder.path, "link")]) {
    await assert.rejects(readConfigFile(path, 0), {
      code: "GARRISON_CONFIG",
      message: `Cannot load "${path}": it belongs to uid 1000, expected root as its owner`,
    });
  }
});

test("readConfigFile() refuses a FIFO without waiting for a writer, and a folder, and a device", async () => {
  await using folder = await openFolder();
  await mkdir(join(folder.path, "folder"));
  execFileSync("mkfifo", [join(folder.path, "fifo")]);
  for (const path of [join(folder.path, "fifo"), join(folder.path, "folder"), "/dev/null"]) {
    await assert.rejects(readConfigFile(path, SELF), {
      code: "GARRISON_CONFIG",
      message: `Cannot load "${path}": it is no regular file, expected one`,
    });
  }
});

test("readConfigFile() reads a file of 1 MiB and refuses one byte more", async () => {
  await using folder = await openFolder();
  await writeFile(folder.file, "#".repeat(MAX_CONFIG_BYTES), { mode: 0o644 });
  assert.equal((await readConfigFile(folder.file, SELF))?.length, MAX_CONFIG_BYTES);
  await writeFile(folder.file, "#".repeat(MAX_CONFIG_BYTES + 1));
  await assert.rejects(readConfigFile(folder.file, SELF), {
    code: "GARRISON_CONFIG",
    message: `Cannot load "${folder.file}": it has more than 1048576 bytes, expected at most 1 MiB`,
  });
});

test("readConfigFile() refuses bytes that are no UTF-8", async () => {
  await using folder = await openFolder();
  for (const bytes of [
    [0x61, 0xff],
    [0xed, 0xa0, 0x80],
    [0xff, 0xfe, 0x61, 0x00],
  ]) {
    await writeFile(folder.file, Uint8Array.from(bytes), { mode: 0o644 });
    await assert.rejects(readConfigFile(folder.file, SELF), {
      code: "GARRISON_CONFIG",
      message: `Cannot load "${folder.file}": it has bytes that are no UTF-8, expected a text`,
    });
  }
});

test("readConfigFile() says why a file cannot be opened", async () => {
  await using folder = await openFolder();
  const loop = join(folder.path, "loop");
  await symlink(loop, loop);
  await assert.rejects(readConfigFile(loop, SELF), (error: Error) => {
    assert.equal(
      errorText(error),
      `Cannot load "${loop}": it cannot be opened, expected a file that can be read: ELOOP: too many symbolic links encountered, open '${loop}'`,
    );
    return true;
  });
});

test("readConfigFile() escapes a hostile path in its message", async () => {
  await using folder = await openFolder();
  const path = join(folder.path, "a\x1b[31m\nb");
  await mkdir(path);
  await assert.rejects(readConfigFile(path, SELF), (error: Error) => error.message.includes('a\\x1b[31m\\x0ab"'));
});
