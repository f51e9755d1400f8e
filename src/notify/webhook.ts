/** A signed POST of JSON. The receiver checks timestamp and signature before it reads the body. */
import { createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { WebhookOptions } from "./options.ts";
import { writePayload } from "./payload.ts";
import { deliveryError, type Send } from "./transport.ts";

const TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 65_536;

/** The sender of the channel `webhook`. No redirect is followed, no proxy used, no connection kept. */
export function openWebhook(options: WebhookOptions, host: string): Send {
  const url = new URL(options.url);
  return async (message, signal) => {
    const body = JSON.stringify(writePayload(message, host));
    const headers = headersOf(options.secret, body);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const status = await post(url, { headers, body, signal: deadline }).catch((error: unknown) => {
      throw deliveryError(url.origin, error, { isRefused: false });
    });
    if (status >= 200 && status < 300) return `HTTP ${status}`;
    const cause = new Error(`HTTP status is ${status}, 200 to 299 is wanted`);
    throw deliveryError(url.origin, cause, { isRefused: isPermanent(status) });
  };
}

function headersOf(secret: string, body: string): http.OutgoingHttpHeaders {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "User-Agent": "garrison",
    "X-Garrison-Timestamp": timestamp,
    "X-Garrison-Signature": signatureOf(secret, timestamp, body),
  };
}

/** `sha256=` and the HMAC-SHA256 of `TIMESTAMP.BODY` in hexadecimal. @param timestamp Unix seconds as text */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

interface Post {
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** The status of the response; its body is read up to a bound, so that the other side sees a proper end, and ignored. */
function post(url: URL, { headers, body, signal }: Post): Promise<number> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === "https:" ? https : http;
    const sending = request(url, { method: "POST", headers, signal, agent: false }, (response) => {
      let sizeBytes = 0;
      response.on("data", (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_RESPONSE_BYTES) response.destroy();
      });
      response.on("close", () => resolve(response.statusCode ?? 0));
      response.on("error", () => resolve(response.statusCode ?? 0));
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

/** The request itself is at fault; 408 and 429 ask to come again later. */
function isPermanent(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}
