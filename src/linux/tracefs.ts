/**
 * An own tracefs instance with static tracepoints, filtered in the kernel.
 * Since: instances 3.11, sock/inet_sock_set_state 4.16. Needs: root, and tracefs mounted (the start-up stage mounts it in a
 * mount namespace of our own when the host has not). Without: the listeners sensor polls. Cost to the host: about 5 µs per TCP
 * connection for inet_sock_set_state; idle none. Memory: 64 KiB a CPU in the kernel unless asked for otherwise.
 * Blinded by: anyone with root who turns the event off; lost events are said by the kernel and counted.
 */
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";

const MOUNT_POINTS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
const MAX_REST = 4096;

/** Where tracefs is mounted, or `undefined`. */
export function findTracefs(): string | undefined {
  return MOUNT_POINTS.find((path) => existsSync(`${path}/instances`));
}

/** What an instance records. */
export interface TraceEvent {
  /** Such as `sock/inet_sock_set_state`. */
  readonly event: string;
  /** In the kernel's event filter syntax (Documentation/trace/events.rst). @default every event */
  readonly filter?: string;
}

/** How an instance records. */
export interface TraceOptions {
  /** Size of the kernel's ring, KiB a CPU. @default 64 */
  readonly bufferKiB?: number;
}

/** One instance. Holds one fd; disposing it, when no poll(2) holds the fd any more, removes the instance. */
export class TraceInstance implements Disposable {
  readonly fd: number;
  readonly #folder: string;
  readonly #buffer = Buffer.allocUnsafe(64 * 1024);
  #rest = "";

  private constructor(folder: string, fd: number) {
    this.#folder = folder;
    this.fd = fd;
  }

  /**
   * Makes the instance and switches the events on. Instances of the same prefix whose process has ended are removed.
   * @throws Error of node:fs (EACCES, ENOENT when the kernel lacks an event)
   */
  static open(
    tracefs: string,
    prefix: string,
    events: readonly TraceEvent[],
    { bufferKiB = 64 }: TraceOptions = {},
  ): TraceInstance {
    removeStale(tracefs, prefix);
    const folder = `${tracefs}/instances/${prefix}-${process.pid}`;
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(`${folder}/buffer_size_kb`, String(bufferKiB));
      // poll(2) on trace_pipe wakes at buffer_percent full (default 50): 0 wakes at the first event. Since 5.0.
      if (existsSync(`${folder}/buffer_percent`)) writeFileSync(`${folder}/buffer_percent`, "0");
      for (const { event, filter } of events) {
        if (filter !== undefined) writeFileSync(`${folder}/events/${event}/filter`, filter);
        writeFileSync(`${folder}/events/${event}/enable`, "1");
      }
      return new TraceInstance(folder, openSync(`${folder}/trace_pipe`, constants.O_RDONLY | constants.O_NONBLOCK));
    } catch (error) {
      removeInstance(folder);
      throw error;
    }
  }

  /** Complete lines of one read of at most 64 KiB, bytes as latin1; more may be queued. */
  readLines(): string[] {
    try {
      this.#rest += this.#buffer.toString("latin1", 0, readSync(this.fd, this.#buffer));
    } catch (error) {
      if (errnoOf(error) !== "EAGAIN") throw error;
    }
    const lines = this.#rest.split("\n");
    this.#rest = (lines.pop() ?? "").slice(-MAX_REST);
    return lines;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    removeInstance(this.#folder);
  }
}

function removeStale(tracefs: string, prefix: string): void {
  for (const name of readdirSync(`${tracefs}/instances`)) {
    const pid = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1) : "";
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) removeInstance(`${tracefs}/instances/${name}`);
  }
}

/** Somebody who looks into it keeps it busy: it is removed at the next start. */
function removeInstance(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (errnoOf(error) !== "EBUSY" && errnoOf(error) !== "ENOENT") throw error;
  }
}
