/**
 * Flags of file descriptors across execve(2). Since: always. Needs: nothing. Cost: one system call.
 */
import { checked, libcFunction } from "./ffi.ts";

const F_SETFD = 2;

const fcntl = libcFunction<(fd: number, command: number, argument: number) => number>(
  "int fcntl(int fd, int command, int argument)",
);

/** Node sets close-on-exec on every descriptor it inherits: takes it off again. @throws GarrisonError `GARRISON_SYSCALL` */
export function keepAcrossExec(fd: number): void {
  checked(fcntl(fd, F_SETFD, 0), `keep descriptor ${fd} across execve`);
}
