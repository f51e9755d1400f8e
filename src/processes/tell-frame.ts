/** How a reader tells its command what it has read. */
import { writeAll } from "#src/linux/durable-file.ts";
import { encodeFrame } from "#src/wire/frames.ts";

/** Writes one message; the pipe blocks, so that the command is never outrun. */
export function tellFrame(fd: number, message: object): void {
  writeAll(fd, Buffer.from(encodeFrame(message)));
}
