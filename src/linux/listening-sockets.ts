/**
 * The listening sockets of our own network namespace or of another process's: by sock_diag, or by /proc/PID/net where the kernel
 * lacks it. Since: always. Needs: CAP_SYS_ADMIN for other namespaces by sock_diag. Without: their /proc text.
 * Cost: sock-diag.ts; the /proc text costs 9 ms and more, because the kernel walks its whole table for it.
 * Blinded by: what blinds sock_diag.
 */
import { errorText } from "#src/lib/errors.ts";
import { inNetNamespace } from "./net-namespace.ts";
import { readProcText } from "./proc.ts";
import { parseProcNetSockets } from "./proc-net-text.ts";
import { SockDiag } from "./sock-diag.ts";
import type { DiagProtocol, InetSocket } from "./sock-diag-messages.ts";

/** Reads listeners. The owner disposes it. */
export class ListeningSockets implements Disposable {
  /** Why it reads /proc instead of sock_diag, or `null`. */
  readonly whyNoDiag: string | null;
  readonly #diag: SockDiag | undefined;

  constructor() {
    let whyNoDiag: string | null = null;
    try {
      const diag = new SockDiag();
      // tcp_diag and udp_diag may be modules that must not be loaded: the first dump tells.
      diag.listeners();
      this.#diag = diag;
    } catch (error) {
      whyNoDiag = errorText(error);
    }
    this.whyNoDiag = whyNoDiag;
  }

  /** Of our own network namespace. */
  own(protocols: readonly DiagProtocol[]): InetSocket[] {
    return this.#diag?.listeners(protocols) ?? readProcNet("self", protocols);
  }

  /** Of the network namespace of a process. Empty when it has ended. */
  of(pid: number, protocols: readonly DiagProtocol[]): InetSocket[] {
    const visit = (): InetSocket[] => {
      using diag = new SockDiag();
      return diag.listeners(protocols);
    };
    const sockets = this.#diag === undefined ? undefined : inNetNamespace(pid, visit);
    return sockets ?? readProcNet(pid, protocols);
  }

  [Symbol.dispose](): void {
    this.#diag?.[Symbol.dispose]();
  }
}

function readProcNet(pid: number | "self", protocols: readonly DiagProtocol[]): InetSocket[] {
  return protocols.flatMap((protocol) =>
    ([4, 6] as const).flatMap((family) => {
      const name = `${protocol}${family === 6 ? "6" : ""}`;
      return parseProcNetSockets(readProcText(`/proc/${pid}/net/${name}`) ?? "", protocol, family);
    }),
  );
}
