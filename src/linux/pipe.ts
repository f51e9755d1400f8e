/**
 * A pipe whose writer waits until there is room: for one process that feeds another and does nothing else.
 * Kernel interface: pipe2(2), fcntl(2) F_SETPIPE_SZ. Since: 2.6.35. Needs: nothing. Cost: two system calls.
 * Without room for a larger pipe (fs.pipe-user-pages-soft) it has the usual 64 KiB.
 */
import { checked, libcFunction } from "./ffi.ts";

const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const PIPE_BYTES = 1024 * 1024;

const pipe2 = libcFunction<(fds: Int32Array, flags: number) => number>("int pipe2(_Out_ int *fds, int flags)");
const fcntl = libcFunction<(fd: number, command: number, argument: number) => number>(
  "int fcntl(int fd, int command, int argument)",
);

/** Both ends; the caller closes them. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** @throws GarrisonError `GARRISON_SYSCALL` (EMFILE) */
export function openPipe(): Pipe {
  const fds = new Int32Array(2);
  checked(pipe2(fds, O_CLOEXEC), "open a pipe");
  const [readFd = -1, writeFd = -1] = fds;
  fcntl(writeFd, F_SETPIPE_SZ, PIPE_BYTES);
  return { readFd, writeFd };
}
