/**
 * syslog(3): lines for the system's log, and so for the journal of systemd.
 * Kernel interface: a datagram to the unix socket /dev/log, sent by libc. Since: always. Needs: nothing.
 * Without a listener libc drops the line and says nothing, and while the listener's queue is full it waits for ever: so a
 * socket of our own is tried before each line, for at most a second.
 * Cost: six system calls and two turns on a thread of libuv's pool a line.
 * Blinded by: who stops or fills the listener; that a line was taken is no proof that it is kept.
 */
import { closeSync } from "node:fs";
import { GarrisonError } from "#src/lib/errors.ts";
import { lastErrno, libcAsync, libcFunction } from "./ffi.ts";

/** Levels that are used, by their names in syslog.h. `alert` and `emerg` are not: syslogd writes those to every terminal. */
export type SyslogLevel = "crit" | "err" | "warning" | "notice" | "info";

const LEVELS: Readonly<Record<SyslogLevel, number>> = { crit: 2, err: 3, warning: 4, notice: 5, info: 6 };
const LOG_AUTHPRIV = 10 << 3;
const LOG_PID = 0x01;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_FLAGS = 0o2000000 | 0o4000;
const SOCKET_PATH = "/dev/log";
const POLLOUT = 0x4;
const QUEUE_TIMEOUT_MS = 1000;

const openlog = libcFunction<(ident: Buffer, option: number, facility: number) => void>(
  "void openlog(const uint8_t *ident, int option, int facility)",
);
const closelog = libcFunction<() => void>("void closelog(void)");
// Variadic in C, and koffi cannot call those off the main thread. With pointers only, Linux passes the arguments of both kinds
// alike (AAPCS64 §6.8.2; AMD64 ABI §3.5.7, where %al only says whether vector registers are to be saved).
const syslog = libcAsync("void syslog(int priority, const char *format, const char *text)");
const socket = libcFunction<(domain: number, type: number, protocol: number) => number>(
  "int socket(int domain, int type, int protocol)",
);
const connect = libcFunction<(fd: number, address: Buffer, length: number) => number>(
  "int connect(int fd, const uint8_t *address, unsigned int length)",
);
const poll = libcAsync("int poll(_Inout_ uint8_t *fds, unsigned long nfds, int timeout)");

// libc keeps the pointer: memory of its own that is never moved or collected.
const IDENT = Buffer.from(new ArrayBuffer("garrison\0".length));
IDENT.write("garrison\0");

/** The system's log with the facility authpriv and the ident `garrison`. libc has one per process. */
export class Syslog implements Disposable {
  #writing = 0;

  constructor() {
    openlog(IDENT, LOG_PID, LOG_AUTHPRIV);
  }

  /**
   * Writes one line off the main thread. Lines keep their order when each is awaited.
   * @param text one line; control characters are the caller's affair
   * @throws GarrisonError `GARRISON_SYSLOG_SILENT` when nothing listens at /dev/log, or takes no line for a second
   */
  async write(level: SyslogLevel, text: string): Promise<void> {
    const reason = await whyNobodyListens();
    if (reason !== null) {
      throw new GarrisonError("GARRISON_SYSLOG_SILENT", `Cannot write to syslog: ${SOCKET_PATH} is silent (${reason})`);
    }
    this.#writing++;
    try {
      await syslog(LEVELS[level] | LOG_AUTHPRIV, "%s", text);
    } finally {
      this.#writing--;
    }
  }

  /** Closes libc's socket, unless a line is on its way: libc would make us wait for it. */
  [Symbol.dispose](): void {
    if (this.#writing === 0) closelog();
  }
}

/** `null` when a line would be taken now, else the errno. */
async function whyNobodyListens(): Promise<string | null> {
  const reason = await tryConnect(SOCK_DGRAM);
  return reason === "EPROTOTYPE" ? tryConnect(SOCK_STREAM) : reason;
}

async function tryConnect(type: number): Promise<string | null> {
  const fd = socket(AF_UNIX, type | SOCK_FLAGS, 0);
  if (fd === -1) return lastErrno();
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(`${SOCKET_PATH}\0`)]);
  try {
    if (connect(fd, address, address.length) === -1) return lastErrno();
    return (await poll(pollFd(fd), 1, QUEUE_TIMEOUT_MS)) === 1 ? null : "its queue is full";
  } finally {
    closeSync(fd);
  }
}

/** `struct pollfd`: int fd, short events, short revents. */
function pollFd(fd: number): Buffer {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fd, 0);
  entry.writeInt16LE(POLLOUT, 4);
  return entry;
}
