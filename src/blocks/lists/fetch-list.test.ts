import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { folderOf } from "#src/linux/temp-folder.mts";
import type { BlockListOptions } from "../options.ts";
import { fetchList } from "./fetch-list.ts";
import { ListServer, textAnswer } from "./list-server.mts";

const { signal } = new AbortController();
const TEXT = "203.0.113.5\n203.0.113.6\n";

function list(from: string, maxBytes = 1000): BlockListOptions {
  return { name: "one", from, everyMs: 3_600_000, maxBytes, maxEntries: 1000 };
}

test("fetchList() gets the text with its ETag, and asks with it the next time", async (t) => {
  const server = await ListServer.start(t, textAnswer(TEXT));
  const first = await fetchList(list(server.url), null, { signal });
  assert.equal(first.kind, "text");
  assert.ok(first.kind === "text");
  assert.equal(first.text, TEXT);
  assert.deepEqual(await fetchList(list(server.url), first.validators, { signal }), { kind: "unchanged" });
  assert.equal(server.requests[1]?.headers["if-none-match"], first.validators.etag);
});

test("fetchList() asks by Last-Modified where there is no ETag", async (t) => {
  const lastModified = "Sun, 22 Nov 2026 12:41:46 GMT";
  const server = await ListServer.start(t, (request, response) => {
    if (request.headers["if-modified-since"] === lastModified) response.writeHead(304).end();
    else response.writeHead(200, { "last-modified": lastModified }).end(TEXT);
  });
  const first = await fetchList(list(server.url), null, { signal });
  assert.ok(first.kind === "text");
  assert.deepEqual(first.validators, { etag: null, lastModified });
  assert.equal((await fetchList(list(server.url), first.validators, { signal })).kind, "unchanged");
});

test("fetchList() unpacks a transfer in gzip and a file in gzip, within the bound", async (t) => {
  const server = await ListServer.start(t, (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(TEXT));
  });
  const transfer = await fetchList(list(server.url), null, { signal });
  assert.equal(transfer.kind === "text" && transfer.text, TEXT);
  server.answer = (_, response) => response.writeHead(200).end(gzipSync(TEXT));
  const file = await fetchList(list(server.url), null, { signal });
  assert.equal(file.kind === "text" && file.text, TEXT);
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  for (const headers of [{}, { "content-encoding": "gzip" }]) {
    server.answer = (_, response) => response.writeHead(200, headers).end(bomb);
    await assert.rejects(
      fetchList(list(server.url, 100_000), null, { signal }),
      isUnreachable(/longer than 97\.7 KiB/),
    );
  }
});

test("fetchList() stops reading at the bound, whatever the length was said to be", async (t) => {
  const server = await ListServer.start(t, (_, response) => {
    response.writeHead(200);
    const write = (): void => {
      while (response.writable && response.write("203.0.113.5\n".repeat(100)));
      if (response.writable) response.once("drain", write);
    };
    write();
  });
  await assert.rejects(
    fetchList(list(server.url), null, { signal }),
    isUnreachable(/longer than 1000 B, which is maxSize/),
  );
});

test("fetchList() follows redirects, at most 5, and none to another protocol", async (t) => {
  const server = await ListServer.start(t, (request, response) => {
    if (request.url === "/target") response.writeHead(200).end(TEXT);
    else response.writeHead(302, { location: request.url === "/list.txt" ? "/target" : "/loop" }).end();
  });
  const fetched = await fetchList(list(server.url), null, { signal });
  assert.equal(fetched.kind === "text" && fetched.text, TEXT);
  const loop = new URL("/loop", server.url).href;
  await assert.rejects(fetchList(list(loop), null, { signal }), isUnreachable(/redirects more than 5 times/));
  server.answer = (_, response) => response.writeHead(301, { location: "file:///etc/passwd" }).end();
  await assert.rejects(
    fetchList(list(server.url), null, { signal }),
    isUnreachable(/from http: to file:, which is not followed/),
  );
});

test("fetchList() says why there is no text: status, no server, no answer in time, or no longer wanted", async (t) => {
  const server = await ListServer.start(t, (_, response) => response.writeHead(503).end("203.0.113.5"));
  await assert.rejects(
    fetchList(list(server.url), null, { signal }),
    isUnreachable(/HTTP status is 503, 200 is wanted/),
  );
  server.answer = (_, response) => response.writeHead(304).end();
  await assert.rejects(fetchList(list(server.url), null, { signal }), isUnreachable(/HTTP status is 304/));
  server.answer = () => undefined;
  await assert.rejects(fetchList(list(server.url), null, { signal, timeoutMs: 20 }), isUnreachable(/timeout/));
  await assert.rejects(fetchList(list("http://127.0.0.1:1/"), null, { signal }), isUnreachable(/./));
  const aborted = AbortSignal.abort();
  await assert.rejects(fetchList(list(server.url), null, { signal: aborted }), { name: "AbortError" });
});

test("fetchList() reads a file, and knows whether it has changed", async (t) => {
  const path = join(folderOf(t), "list");
  writeFileSync(path, TEXT, { mode: 0o644 });
  const first = await fetchList(list(path), null, { signal });
  assert.ok(first.kind === "text");
  assert.equal(first.text, TEXT);
  assert.equal((await fetchList(list(path), first.validators, { signal })).kind, "unchanged");
  writeFileSync(path, `${TEXT}203.0.113.7\n`);
  assert.equal((await fetchList(list(path), first.validators, { signal })).kind, "text");
});

test("fetchList() reads no file that is missing, too long, a link, a folder, a pipe, or that others can write", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "list");
  writeFileSync(path, TEXT, { mode: 0o644 });
  const refuse = (from: string, why: RegExp, maxBytes?: number): Promise<void> =>
    assert.rejects(fetchList(list(from, maxBytes), null, { signal }), isUnreachable(why));
  await refuse(join(folder, "none"), /ENOENT/);
  await refuse(path, /longer than 10 B/, 10);
  symlinkSync(path, join(folder, "link"));
  await refuse(join(folder, "link"), /symbolic link/);
  mkdirSync(join(folder, "folder"));
  await refuse(join(folder, "folder"), /no regular file/);
  assert.equal(spawnSync("mkfifo", [join(folder, "pipe")]).status, 0);
  await refuse(join(folder, "pipe"), /no regular file/);
  chmodSync(path, 0o666);
  await refuse(path, /others can write it/);
});

test("fetchList() reads no file of an ordinary user", { skip: process.getuid?.() !== 0 && "needs root" }, async (t) => {
  const path = join(folderOf(t), "list");
  writeFileSync(path, TEXT, { mode: 0o644 });
  chownSync(path, 1234, 1234);
  await assert.rejects(fetchList(list(path), null, { signal }), isUnreachable(/a file that root owns/));
});

function isUnreachable(why: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "GARRISON_LIST_UNREACHABLE");
    assert.match(error.message, /^Cannot get list "one" from "/);
    assert.match(String((error.cause as Error).message), why);
    return true;
  };
}
