/**
 * An own tracefs instance with one static tracepoint, filtered in the kernel.
 * Since: instances 3.11, sock/inet_sock_set_state 4.16. Needs: root, and tracefs mounted (the start-up stage mounts it in a
 * mount namespace of our own when the host has not). Cost to the host: about 5 µs per TCP connection; idle none.
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

/** Where tracefs is mounted, or `undefined`. */
export function findTracefs(): string | undefined {
  return MOUNT_POINTS.find((path) => existsSync(`${path}/instances`));
}

/** What an instance records. `filter` is in the kernel's event filter syntax (Documentation/trace/events.rst). */
export interface TraceEvent {
  readonly event: string;
  readonly filter: string;
}

/** One instance. Holds one fd and one kernel buffer of 64 KiB a CPU; disposing it removes the instance. */
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
   * Makes the instance and switches the event on. Instances of the same prefix whose process has ended are removed.
   * @throws Error of node:fs (EACCES, ENOENT when the kernel lacks the event)
   */
  static open(tracefs: string, prefix: string, { event, filter }: TraceEvent): TraceInstance {
    removeStale(tracefs, prefix);
    const folder = `${tracefs}/instances/${prefix}-${process.pid}`;
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(`${folder}/buffer_size_kb`, "64");
      // poll(2) on trace_pipe wakes at buffer_percent full (default 50): 0 wakes at the first event.
      writeFileSync(`${folder}/buffer_percent`, "0");
      writeFileSync(`${folder}/events/${event}/filter`, filter);
      writeFileSync(`${folder}/events/${event}/enable`, "1");
      return new TraceInstance(folder, openSync(`${folder}/trace_pipe`, constants.O_RDONLY | constants.O_NONBLOCK));
    } catch (error) {
      rmdirSync(folder);
      throw error;
    }
  }

  /** Complete lines that are queued now. */
  readLines(): string[] {
    for (;;) {
      try {
        const length = readSync(this.fd, this.#buffer);
        if (length === 0) break;
        this.#rest += this.#buffer.toString("latin1", 0, length);
      } catch (error) {
        if (errnoOf(error) === "EAGAIN") break;
        throw error;
      }
    }
    const lines = this.#rest.split("\n");
    this.#rest = (lines.pop() ?? "").slice(-4096);
    return lines;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    rmdirSync(this.#folder);
  }
}

function removeStale(tracefs: string, prefix: string): void {
  for (const name of readdirSync(`${tracefs}/instances`)) {
    const pid = Number(name.slice(prefix.length + 1));
    if (!name.startsWith(`${prefix}-`) || existsSync(`/proc/${pid}`)) continue;
    try {
      rmdirSync(`${tracefs}/instances/${name}`);
    } catch (error) {
      if (errnoOf(error) !== "EBUSY") throw error;
    }
  }
}
