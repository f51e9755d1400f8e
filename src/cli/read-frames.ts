/** What a reader tells its command. */
import type { Readable } from "node:stream";
import type { Check } from "#src/wire/check.ts";
import { FrameReader } from "#src/wire/frames.ts";

/** Its messages as they come, each checked: it has read what strangers wrote. @throws GarrisonError `GARRISON_WIRE_MALFORMED` or `_TOO_LONG` */
export async function* readFrames<T>(stream: Readable, check: Check<T>): AsyncGenerator<T> {
  const reader = new FrameReader();
  for await (const chunk of stream) {
    for (const value of reader.push(chunk as Buffer)) yield check(value, "message");
  }
}
