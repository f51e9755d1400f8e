/** A network namespace for web servers under test, with addresses of its own, and a client in it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { waitFor } from "./host.ts";

/** One request, sent from one of the namespace's addresses. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly path: string;
  /** @default "GET" */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

// Sends one request after the other and prints their statuses.
const CLIENT = `
  const http = require("node:http");
  const send = ({ from, to, port, path, method = "GET", headers, body }) => new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const all = { host: "alice.example", "user-agent": "Mozilla/5.0", accept: "text/html", connection: "close", ...length, ...headers };
    const options = { host: to, port, path, method, headers: all, localAddress: from, agent: false };
    const request = http.request(options, (response) => {
      response.resume();
      response.on("close", () => resolve(response.statusCode));
    });
    request.on("error", reject);
    request.end(body);
  });
  (async () => {
    const statuses = [];
    for (const one of JSON.parse(process.argv[1])) statuses.push(await send(one));
    console.log(JSON.stringify(statuses));
  })();
`;

/** Made on construction; gone when disposed. */
export class WebNamespace implements Disposable {
  readonly #name: string;

  constructor(name: string, addresses: readonly string[]) {
    this.#name = `garrison-${name}-${process.pid}`;
    run("ip", "netns", "add", this.#name);
    this.run("ip", "link", "set", "lo", "up");
    for (const address of addresses)
      this.run("ip", "address", "add", `${address}/${address.includes(":") ? 128 : 32}`, "dev", "lo");
  }

  /** Runs a program inside to its end and gives what it printed. */
  run(program: string, ...words: string[]): string {
    return run("ip", "netns", "exec", this.#name, program, ...words);
  }

  /** The statuses of the answers. */
  send(requests: readonly Sent[]): number[] {
    return JSON.parse(this.run(process.execPath, "-e", CLIENT, JSON.stringify(requests))) as number[];
  }

  [Symbol.dispose](): void {
    spawnSync("ip", ["netns", "delete", this.#name]);
  }
}

/** Waits until a server that wrote its pid there, and was told to stop, is gone: it removes the file before its children have ended. */
export async function stopServer(pidFile: string, stop: () => void): Promise<void> {
  const pid = Number(readFileSync(pidFile, "utf8"));
  assert.ok(pid > 1);
  stop();
  await waitFor(() => !existsSync(`/proc/${pid}`), `the end of process ${pid}`);
}

function run(program: string, ...words: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${words.slice(0, 5).join(" ")}: ${error ?? ""}${stdout}${stderr}`);
  return stdout;
}
