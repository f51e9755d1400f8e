/**
 * The only place that loads koffi: C functions of libc as typed JavaScript functions.
 * Kernel interface: none of its own. Cost: about 0.2 µs a call plus the system call. Memory: about 2 MB.
 */
import koffi from "koffi";
import { GarrisonError } from "#src/lib/errors.ts";
import { errnoName } from "./errno.ts";

const libc = koffi.load(null);

/** A function of libc by its C prototype. Results are numbers (64-bit results as `number` when they fit). */
export function libcFunction<T extends (...args: never[]) => unknown>(prototype: string): T {
  return libc.func(prototype) as unknown as T;
}

/** A function of libc that runs on a thread of libuv's pool; the promise gives result and errno of that thread. */
export function libcAsync(prototype: string): (...args: unknown[]) => Promise<number> {
  const call = libc.func(prototype);
  return (...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) => (error === null ? resolve(result) : reject(error)));
    });
}

/**
 * Passes a system call's result on when it is not -1.
 * @throws GarrisonError `GARRISON_SYSCALL` that names the call, what it was for, and the errno
 */
export function checked(result: number, act: string): number {
  if (result !== -1) return result;
  const number = koffi.errno();
  throw new GarrisonError("GARRISON_SYSCALL", `Cannot ${act}: ${errnoName(number)}`, {
    cause: Object.assign(new Error(`errno ${number}`), { code: errnoName(number) }),
  });
}

/** The errno of this thread's last call. */
export function lastErrno(): string {
  return errnoName(koffi.errno());
}

/** Address of a buffer's first byte, for structures that hold pointers. The caller keeps the buffer alive. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(koffi.address(buffer));
}
