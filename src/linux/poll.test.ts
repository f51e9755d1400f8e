import assert from "node:assert/strict";
import { closeSync, readSync, writeSync } from "node:fs";
import { test } from "node:test";
import { checked, libcFunction } from "./ffi.ts";
import { Poller } from "./poll.ts";

const pipe2 = libcFunction<(fds: Buffer, flags: number) => number>("int pipe2(_Out_ uint8_t *fds, int flags)");
const O_NONBLOCK_CLOEXEC = 0o2004000;

function openPipe(): { readonly readFd: number; readonly writeFd: number } {
  const fds = Buffer.alloc(8);
  checked(pipe2(fds, O_NONBLOCK_CLOEXEC), "make a pipe");
  return { readFd: fds.readInt32LE(0), writeFd: fds.readInt32LE(4) };
}

test("Poller calls back when an fd becomes readable, and stops by itself when the last one is removed", async () => {
  const poller = new Poller();
  const { readFd, writeFd } = openPipe();
  const text = await new Promise<string>((resolve, reject) => {
    poller.add(readFd, {
      onReadable: () => {
        const bytes = Buffer.alloc(10);
        resolve(bytes.toString("latin1", 0, readSync(readFd, bytes)));
      },
      onError: reject,
    });
    writeSync(writeFd, "now");
  });
  assert.equal(text, "now");
  await poller.remove(readFd);
  closeSync(readFd);
  closeSync(writeFd);
});

test("Poller.remove() resolves behind the poll that held the fd, also when others go on", async () => {
  const poller = new Poller();
  const one = openPipe();
  const other = openPipe();
  let calls = 0;
  poller.add(one.readFd, { onReadable: () => calls++, onError: () => {} });
  const heard = Promise.withResolvers<void>();
  poller.add(other.readFd, {
    onReadable: () => {
      readSync(other.readFd, Buffer.alloc(10));
      heard.resolve();
    },
    onError: heard.reject,
  });
  await poller.remove(one.readFd);
  closeSync(one.readFd);
  writeSync(other.writeFd, "x");
  await heard.promise;
  assert.equal(calls, 0);
  await poller.remove(other.readFd);
  for (const fd of [one.writeFd, other.readFd, other.writeFd]) closeSync(fd);
});

test("Poller tells the owner of a callback that throws, and polls the fd no more", async () => {
  const poller = new Poller();
  const { readFd, writeFd } = openPipe();
  let calls = 0;
  const error = await new Promise((resolve) => {
    poller.add(readFd, {
      onReadable: () => {
        calls++;
        throw new RangeError("no");
      },
      onError: resolve,
    });
    writeSync(writeFd, "x");
  });
  assert.ok(error instanceof RangeError);
  await poller.remove(readFd);
  assert.equal(calls, 1);
  closeSync(readFd);
  closeSync(writeFd);
});

test("Poller calls back for an fd that hangs up", async () => {
  const poller = new Poller();
  const { readFd, writeFd } = openPipe();
  const heard = Promise.withResolvers<void>();
  poller.add(readFd, { onReadable: heard.resolve, onError: heard.reject });
  closeSync(writeFd);
  await heard.promise;
  await poller.remove(readFd);
  closeSync(readFd);
});
