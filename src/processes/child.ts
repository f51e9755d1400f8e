/**
 * A child's side of its start: settings from `up` on fd 3, listening sockets from fd 4 on, and the order to stop.
 * `up` holds the other end of fd 3 open for as long as the child may live: its end, even by kill -9, stops the child.
 */
import { closeSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { CONTROL_FD, LISTEN_FD } from "./descriptors.ts";
import { type Log, openLog } from "./log.ts";

const MAX_SETTINGS_BYTES = 4 * 1024 * 1024;
const PIPE_BYTES = 65_536;
const NEWLINE = 10;
const STOP_WITHIN_MS = 3000;

/** What a running child has. */
export interface Child<Settings> {
  readonly settings: Settings;
  readonly listenFd: number;
  readonly log: Log;
  /** `run` closes everything; the process then ends by itself, or after 3 s by force. */
  onStop(run: () => void | Promise<void>): void;
}

/** Takes the settings and gives the process its name. The terminal's Ctrl-C goes to `up` alone, which stops us in order. */
export function startChild<Settings>(name: string): Child<Settings> {
  process.title = name;
  const settings = JSON.parse(readSettingsLine()) as Settings;
  const stops: (() => void | Promise<void>)[] = [];
  const control = new Socket({ fd: CONTROL_FD, readable: true, writable: false });
  const stop = async (): Promise<void> => {
    setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
    control.destroy();
    for (const run of stops.reverse()) await run();
    process.exit(0);
  };
  control.resume();
  control.once("close", () => void stop());
  control.on("error", () => void stop());
  process.once("SIGTERM", () => void stop());
  process.on("SIGINT", () => {});
  return { settings, listenFd: LISTEN_FD, log: openLog(name), onStop: (run) => void stops.push(run) };
}

/** Blocks until the whole line is there: nothing can be done before, and nothing comes behind it. */
function readSettingsLine(): string {
  const pieces: Buffer[] = [];
  for (let bytes = 0; bytes < MAX_SETTINGS_BYTES; ) {
    const piece = Buffer.allocUnsafe(PIPE_BYTES);
    const count = readSync(CONTROL_FD, piece);
    if (count === 0) {
      closeSync(CONTROL_FD);
      process.exit(0);
    }
    bytes += count;
    const end = piece.subarray(0, count).indexOf(NEWLINE);
    pieces.push(piece.subarray(0, end === -1 ? count : end));
    if (end !== -1) return Buffer.concat(pieces).toString("utf8");
  }
  throw new RangeError(`Cannot start: settings are longer than ${MAX_SETTINGS_BYTES} bytes`);
}
