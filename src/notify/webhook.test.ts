import assert from "node:assert/strict";
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { errorText } from "#src/lib/errors.ts";
import type { TestMessage } from "./message.ts";
import { isRefusal } from "./transport.ts";
import { openWebhook } from "./webhook.ts";

const SECRET = "0123456789abcdef";
const MESSAGE: TestMessage = { type: "test", id: "test-1", atUnixMs: Date.parse("2026-03-03T14:00:00.000Z") };
const { signal } = new AbortController();

interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real HTTP server on loopback that keeps what it gets. */
class Receiver implements AsyncDisposable {
  readonly requests: Request[] = [];
  readonly #server;

  constructor(answer: RequestListener) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        this.requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
        answer(request, response);
      });
    });
  }

  async open(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

/** The receiver's check, as docs tell it: constant time, and not older than five minutes. */
function isAuthentic({ headers, body }: Request, secret: string): boolean {
  const timestamp = String(headers["x-garrison-timestamp"]);
  const wanted = `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
  const given = Buffer.from(String(headers["x-garrison-signature"]));
  const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
  return isFresh && given.length === wanted.length && timingSafeEqual(given, Buffer.from(wanted));
}

test("openWebhook() posts JSON that the receiver can authenticate", async () => {
  await using receiver = new Receiver((_request, response) => void response.end("thanks"));
  const send = openWebhook({ url: `${await receiver.open()}/hook?a=1`, secret: SECRET }, "host1");
  assert.equal(await send(MESSAGE, signal), "HTTP 200");
  const request = receiver.requests[0]!;
  assert.deepEqual([request.method, request.url], ["POST", "/hook?a=1"]);
  assert.equal(request.headers["content-type"], "application/json");
  assert.equal(isAuthentic(request, SECRET), true);
  assert.equal(isAuthentic(request, "another secret 12"), false);
  assert.equal(isAuthentic({ ...request, body: request.body.replace("test", "tost") }, SECRET), false);
  const payload = JSON.parse(request.body) as Record<string, unknown>;
  assert.deepEqual(
    [payload["version"], payload["id"], payload["type"], payload["host"], payload["at"]],
    [1, "test-1", "test", "host1", "2026-03-03T14:00:00.000Z"],
  );
});

test("openWebhook() follows no redirect: the body and its signature go nowhere else", async () => {
  await using other = new Receiver((_request, response) => void response.end());
  const elsewhere = await other.open();
  await using receiver = new Receiver(
    (_request, response) => void response.writeHead(307, { Location: elsewhere }).end(),
  );
  const send = openWebhook({ url: await receiver.open(), secret: SECRET }, "host1");
  await assert.rejects(send(MESSAGE, signal), (error) => {
    assert.match(
      errorText(error),
      /^Cannot deliver message to http:\/\/127.*: HTTP status is 307, 200 to 299 is wanted$/,
    );
    return true;
  });
  assert.equal(other.requests.length, 0);
});

test("openWebhook() knows a refusal for good from one that may pass", async () => {
  for (const [status, isForGood] of [
    [400, true],
    [413, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ] as const) {
    await using receiver = new Receiver((_request, response) => void response.writeHead(status).end());
    const send = openWebhook({ url: await receiver.open(), secret: SECRET }, "host1");
    const error = await send(MESSAGE, signal).catch((reason: unknown) => reason);
    assert.ok(error instanceof Error);
    assert.equal(isRefusal(error), isForGood, `HTTP ${status}`);
  }
});

test("openWebhook() reads no endless response", async () => {
  let sizeBytes = 0;
  const chunk = Buffer.alloc(65_536);
  await using receiver = new Receiver((_request, response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write(chunk)) sizeBytes += chunk.length;
    };
    response.on("drain", pour);
    pour();
  });
  const send = openWebhook({ url: await receiver.open(), secret: SECRET }, "host1");
  assert.equal(await send(MESSAGE, signal), "HTTP 200");
  assert.ok(sizeBytes < 50_000_000);
});

test("openWebhook() gives up when it is told to, and names the server without its path", async () => {
  await using receiver = new Receiver(() => {});
  const origin = await receiver.open();
  const send = openWebhook({ url: `${origin}/token/0123`, secret: SECRET }, "host1");
  const controller = new AbortController();
  const sending = send(MESSAGE, controller.signal);
  controller.abort();
  await assert.rejects(sending, (error) => errorText(error).includes(origin) && !errorText(error).includes("token"));
});

test("openWebhook() fails when nobody listens", async () => {
  const receiver = new Receiver(() => {});
  const url = await receiver.open();
  await receiver[Symbol.asyncDispose]();
  const sending = openWebhook({ url, secret: SECRET }, "host1")(MESSAGE, signal);
  await assert.rejects(sending, { code: "GARRISON_DELIVERY_FAILED" });
});
