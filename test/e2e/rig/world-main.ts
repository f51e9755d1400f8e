/** The program of the world: does in its network namespace what the test asks over the channel that it was started with. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import {
  basic,
  ftp,
  imap,
  isDropped,
  type Login,
  open,
  type Route,
  smtp,
  ssh,
  startSsh,
  web,
  wordpress,
} from "./clients.ts";

/** Connections that stay open, by number. */
const held = new Map<number, { isOpen(): boolean; close(): void }>();
let lastHeld = 0;

/** Everything that can be asked. */
const deeds = {
  imap,
  smtp,
  ftp,
  basic,
  wordpress,
  ssh,
  web,
  isDropped,
  /** Whether a connection can be made; it is ended at once. */
  async canConnect(route: Route): Promise<boolean> {
    const socket = await open(route);
    socket?.destroy();
    return socket !== null;
  },
  /** Opens a connection and holds it. */
  async hold(route: Route): Promise<number> {
    const socket = await open(route);
    if (socket === null) throw new Error(`Cannot connect from ${route.from} to ${route.to} port ${route.port}`);
    socket.resume();
    held.set(++lastHeld, { isOpen: () => !socket.closed, close: () => socket.destroy() });
    return lastHeld;
  },
  /** Logs in by ssh with a terminal, and stays. */
  async holdSsh(login: Login): Promise<number> {
    const child = startSsh(login, "echo in; cat", ["-tt"]);
    let said = "";
    child.stderr!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await Promise.race([once(child.stdout!, "data"), once(child, "close")]);
    if (child.exitCode !== null) throw new Error(`Cannot log in by ssh from ${login.from} as "${login.user}": ${said}`);
    held.set(++lastHeld, { isOpen: () => child.exitCode === null, close: () => void child.kill() });
    return lastHeld;
  },
  async isOpen(id: number): Promise<boolean> {
    return held.get(id)!.isOpen();
  },
  async close(id: number): Promise<void> {
    held.get(id)!.close();
    held.delete(id);
  },
};

/** What can be asked, as the test sees it. */
export type Deeds = typeof deeds;

/** A question of the test. */
export interface Question {
  readonly id: number;
  readonly deed: keyof Deeds;
  readonly about: never;
}

/** Its answer. */
export type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

// Addresses of the world need no setting up: those of its routes to itself can all be sent from. IPv6 must be told so.
writeFileSync("/proc/sys/net/ipv6/ip_nonlocal_bind", "1");
process.on("message", async ({ id, deed, about }: Question) => {
  try {
    process.send!({ id, value: await deeds[deed](about) } satisfies Reply);
  } catch (error) {
    process.send!({ id, error: (error as Error).message } satisfies Reply);
  }
});
process.on("disconnect", () => process.exit());
process.send!({ id: 0, value: "ready" } satisfies Reply);
