/** Helper of the tests in this folder: a mind with a warden of the test's. Named so that it is not shipped. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BlocksOptions } from "#src/blocks/options.ts";
import { askAll } from "#src/cli/client.ts";
import { listenUnix } from "#src/linux/unix-socket.ts";
import { POLICY } from "#src/logs/decide/test-hits.mts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { ToMind } from "#src/wire/cli-messages.ts";
import { FakePeer, until } from "./fake-peer.mts";
import { Mind } from "./mind.ts";

const HEAD = { seq: 0, hash: "0".repeat(64), ref: 0 };
const FIREWALL = {
  ...{ t: "firewall", backend: "nftables", failure: null, blocked: 3, listed: 4000, restored: 1, dropped: 12 },
  blindTo: ["live connections of blocked addresses are not ended: \x1b[31m"],
};
/** A mind whose warden does what it is asked to, but refuses 203.0.113.99. */
export class Bench implements AsyncDisposable {
  readonly #socket: string;
  readonly #answered = new Set<unknown>();
  warden!: FakePeer;
  mind!: Mind;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** @param folder of the sockets and of the state, which the next mind in it finds */
  static async start(folder: string, blocks: Partial<BlocksOptions> = {}, listed = 4000): Promise<Bench> {
    const bench = new Bench(join(folder, "garrison.sock"));
    mkdirSync(join(folder, "state"), { recursive: true });
    const hello = { t: "hello", pid: 72, journal: HEAD, lastAction: 0 };
    bench.warden = await FakePeer.listen(join(folder, "warden.sock"), [hello, { ...FIREWALL, listed }]);
    const settings = {
      host: "web1",
      version: "0.1.0",
      stateFolder: join(folder, "state"),
      sentrySocket: join(folder, "sentry.sock"),
      wardenSocket: join(folder, "warden.sock"),
      logsSocket: join(folder, "logs.sock"),
      learnMs: 0,
      acceptForMs: 0,
      sensors: [],
      canaries: { file: "/canary/f", secret: "/canary/s" },
      store: { maxBytes: 64 * 1024 * 1024, keepAlertsMs: 1 },
      notify: null,
      levels: { limits: [] },
      logs: null,
      blocks: { mode: "observe", allow: [], proxies: [], policy: POLICY, lists: [], ...blocks } as const,
      effectiveConfig: "",
      configSource: "defaults",
      isRoot: true,
    };
    const log = () => undefined;
    const child = {
      settings,
      listenFd: listenUnix(bench.#socket, 0),
      log: { error: log, warn: log, info: log },
      onStop: () => undefined,
    };
    bench.mind = new Mind(child, new Map());
    await bench.mind.start();
    await until(() => bench.mind.firewall !== null);
    return bench;
  }

  async ask(request: ToMind): Promise<readonly JsonObject[]> {
    let isDone = false;
    const asked = askAll(this.#socket, request).finally(() => {
      isDone = true;
    });
    const [items] = await Promise.all([asked, this.until(() => isDone)]);
    return items as readonly Json[] as readonly JsonObject[];
  }

  /** What the warden was asked, without entries for the journal. */
  get asked(): readonly Record<string, unknown>[] {
    return this.warden.received.filter(({ t }) => t !== "record");
  }

  /** Comes back once `isSo` holds; the warden answers meanwhile. */
  until(isSo: () => boolean): Promise<void> {
    return until(isSo, () => this.#answer());
  }

  #answer(): void {
    for (const { id, t, blocks, actions, network } of this.asked.filter((one) => !this.#answered.has(one["id"]))) {
      this.#answered.add(id);
      if (t === "block-list") {
        this.warden.say({ t: "answer", id, ok: true, undo: null, failure: null, results: null, journal: HEAD });
        continue;
      }
      const named = () => (actions as string[]).map((action) => ({ action }));
      const rehearsed = [{ action: "x0", network }];
      const wanted = (t === "block" ? blocks : t === "rehearse" ? rehearsed : named()) as Record<string, unknown>[];
      const results = wanted.map(({ action, network }) => ({
        action,
        failure: network === "203.0.113.99/32" ? "Cannot block: it is a gateway of this host" : null,
      }));
      this.warden.say({ t: "answer", id, ok: true, undo: null, failure: null, results, journal: HEAD });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mind.stop();
    await this.warden[Symbol.asyncDispose]();
  }
}
