/** Reads a capture from its begin to its end: which kind it is is told by its first bytes. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorText } from "#src/lib/errors.ts";
import { ByteWindow } from "./byte-window.ts";
import { type CaptureFormat, DamagedCapture, type PacketSink } from "./capture-format.ts";
import { PcapFormat, pcapMagic } from "./pcap.ts";
import { PcapngFormat, SECTION_HEADER } from "./pcapng.ts";

const GZIP = 0x1f8b;
const MAGIC_BYTES = 4;

/** An open capture. */
export interface OpenCapture {
  readonly fd: number;
  /** `false`: a pipe. */
  readonly isRegular: boolean;
}

/** @returns `null`, or why it could not be read to its end, with the byte: what came before has been taken */
export async function readCapture({ fd, isRegular }: OpenCapture, sink: PacketSink): Promise<string | null> {
  const window = new ByteWindow(fd, isRegular);
  sink.setBuffer(window.bytes);
  try {
    let hasMore = true;
    while (hasMore && window.unreadBytes < MAGIC_BYTES) hasMore = await window.fill();
    if (window.unreadBytes === 0) return "it is empty";
    const format = formatOf(window);
    while (hasMore) {
      format.take(window, sink);
      // The order to stop, and Ctrl-C, come between reads.
      await nextTurn();
      hasMore = await window.fill();
    }
    return window.unreadBytes === 0 ? null : `it is cut off: a record begins at byte ${window.offset} and does not end`;
  } catch (error) {
    return error instanceof DamagedCapture ? `it is damaged: ${error.message}` : errorText(error);
  }
}

function formatOf({ view, end }: ByteWindow): CaptureFormat {
  if (end < MAGIC_BYTES) throw new DamagedCapture("it is no pcap or pcapng", 0);
  const magic = view.getUint32(0);
  if (magic === SECTION_HEADER) return new PcapngFormat();
  const known = pcapMagic(magic);
  if (known !== undefined) return new PcapFormat(known);
  throw new DamagedCapture(
    magic >>> 16 === GZIP ? "it is compressed by gzip, plain is wanted" : "it is no pcap or pcapng",
    0,
  );
}
