/** Helpers of the tests in this folder: the other side of a link. Named so that they are not shipped. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A place for unix sockets. */
export function makeRunFolder(): { folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "garrison-run-"));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

/** Comes back once `isSo` holds; each turn of the event loop it is asked again. */
export async function until(isSo: () => boolean, eachTurn: () => void = () => undefined): Promise<void> {
  while (!isSo()) {
    eachTurn();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A sentry or a warden that says what the test tells it to, byte by byte. */
export class FakePeer implements AsyncDisposable {
  readonly #server: Server;
  readonly #path: string;
  readonly #greeting: readonly unknown[];
  readonly #sockets: Socket[] = [];
  #text = "";
  connections = 0;

  private constructor(path: string, greeting: readonly unknown[]) {
    this.#path = path;
    this.#greeting = greeting;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens at `path`, and greets each that connects. */
  static async listen(path: string, greeting: readonly unknown[]): Promise<FakePeer> {
    const peer = new FakePeer(path, greeting);
    peer.#server.listen(peer.#path);
    await once(peer.#server, "listening");
    return peer;
  }

  /** Messages that have arrived, oldest first. */
  get received(): readonly Record<string, unknown>[] {
    return this.#text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  get isConnected(): boolean {
    return this.#sockets.some((socket) => !socket.destroyed);
  }

  say(...messages: readonly unknown[]): void {
    for (const message of messages) this.write(`${JSON.stringify(message)}\n`);
  }

  write(bytes: string | Uint8Array): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.write(bytes);
  }

  /** Ends the connections and goes on listening, as a process that was started again. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.#sockets.push(socket);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      this.#text += text;
    });
    socket.on("error", () => undefined);
    for (const message of this.#greeting) socket.write(`${JSON.stringify(message)}\n`);
  }
}

/** What must end a link, whatever the table behind it: as bytes, by what is wrong. */
export const MALFORMED: Readonly<Record<string, string | Uint8Array>> = {
  "no JSON": "hello\n",
  "an empty line": "\n",
  "a list": "[]\n",
  "a text": '"status"\n',
  "no message of the table": '{"t":"shutdown"}\n',
  "a name that objects inherit": '{"t":"constructor"}\n',
  "bytes that are no UTF-8": Uint8Array.of(0x22, 0xff, 0x22, 0x0a),
  "a frame without an end": "x".repeat(1024 * 1024 + 1),
};
