/**
 * Netlink messages: a writer of messages with nested attributes, and their parser. Pure.
 *
 * | offset in struct nlmsghdr | field |
 * |---|---|
 * | 0 | length u32, with the header |
 * | 4 | type u16, flags u16 |
 * | 8 | sequence u32, port u32 |
 *
 * An attribute is length u16 (with its 4 bytes of header), type u16, and its value, padded to 4 bytes.
 * @see netlink(7); linux v6.18 include/uapi/linux/netlink.h
 */
import { GarrisonError } from "#src/lib/errors.ts";

const HEADER_BYTES = 16;
const NLA_HEADER_BYTES = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const FIRST_BYTES = 4096;
/** The longest attribute: its length is 16 bits. */
export const MAX_ATTRIBUTE_BYTES = 0xffff;
/** Type of an answer that says how a request ended. */
export const NLMSG_ERROR = 2;
/** Type of the last message of a dump. */
export const NLMSG_DONE = 3;

/** One message, or a batch of them, under construction. */
export class NetlinkWriter {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #length = 0;
  #messageAt = 0;

  /** All that was written. It shares memory with the writer. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins a message; `body` is its fixed part, before the attributes. */
  begin(type: number, flags: number, sequence: number, body: readonly number[]): void {
    const at = this.#take(HEADER_BYTES + align(body.length));
    this.#messageAt = at;
    this.#bytes.writeUInt16LE(type, at + 4);
    this.#bytes.writeUInt16LE(flags, at + 6);
    this.#bytes.writeUInt32LE(sequence, at + 8);
    for (const [index, byte] of body.entries()) this.#bytes[at + HEADER_BYTES + index] = byte;
  }

  /** Ends the message. */
  end(): void {
    this.#bytes.writeUInt32LE(this.#length - this.#messageAt, this.#messageAt);
  }

  raw(type: number, value: Uint8Array): void {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
  }

  /** Text with the zero behind it. */
  text(type: number, value: string): void {
    this.raw(type, Buffer.from(`${value}\0`));
  }

  u8(type: number, value: number): void {
    const at = this.#attribute(type, 1);
    this.#bytes[at] = value;
  }

  u16be(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16BE(value, at);
  }

  /** Network order, as nf_tables has its numbers. */
  u32be(type: number, value: number): void {
    // The attribute may move the bytes: they are looked up behind it.
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32BE(value >>> 0, at);
  }

  u64be(type: number, value: number): void {
    const at = this.#attribute(type, 8);
    this.#bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
    this.#bytes.writeUInt32BE(value % 2 ** 32, at + 4);
  }

  /** `count` records of equal size, a multiple of 4, which `write` fills: many small attributes without a call for each. */
  records(count: number, recordBytes: number, write: (bytes: Buffer, at: number, index: number) => void): void {
    const first = this.#take(count * recordBytes);
    for (let index = 0; index < count; index++) write(this.#bytes, first + index * recordBytes, index);
  }

  /** An attribute of attributes. @throws RangeError when it has grown longer than its length can say */
  nest(type: number, write: () => void): void {
    const at = this.#length;
    this.#attribute(type | NLA_F_NESTED, 0);
    write();
    const length = this.#length - at;
    if (length > MAX_ATTRIBUTE_BYTES) {
      throw new RangeError(`Cannot write an attribute: ${length} bytes, ${MAX_ATTRIBUTE_BYTES} are allowed`);
    }
    this.#bytes.writeUInt16LE(length, at);
  }

  #attribute(type: number, valueBytes: number): number {
    const at = this.#take(NLA_HEADER_BYTES + align(valueBytes));
    this.#bytes.writeUInt16LE(NLA_HEADER_BYTES + valueBytes, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    return at + NLA_HEADER_BYTES;
  }

  #take(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length <= this.#bytes.length) return at;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length));
    this.#bytes.copy(larger, 0, 0, at);
    this.#bytes = larger;
    return at;
  }
}

/** A message as it came. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port of the socket that asked, or whose change this tells. */
  readonly port: number;
  /** Behind the header. */
  readonly body: Buffer;
}

/** The messages of one datagram. @throws GarrisonError `GARRISON_NETLINK_TRUNCATED` */
export function* readMessages(datagram: Buffer): Generator<NetlinkMessage> {
  for (let at = 0; at + HEADER_BYTES <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > datagram.length) throw truncated(length, datagram.length - at);
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      port: datagram.readUInt32LE(at + 12),
      body: datagram.subarray(at + HEADER_BYTES, at + length),
    };
    at += align(length);
  }
}

/** The attributes of `bytes` by type; of equal types the first counts. @throws GarrisonError `GARRISON_NETLINK_TRUNCATED` */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + NLA_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < NLA_HEADER_BYTES || at + length > bytes.length) throw truncated(length, bytes.length - at);
    const type = bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK;
    if (!found.has(type)) found.set(type, bytes.subarray(at + NLA_HEADER_BYTES, at + length));
    at += align(length);
  }
  return found;
}

/** The text of an attribute, without the zero behind it. */
export function attributeText(value: Buffer | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return value.toString("latin1", 0, end === -1 ? value.length : end);
}

/** The errno that an answer of type {@link NLMSG_ERROR} carries; 0: done. @throws GarrisonError `GARRISON_NETLINK_TRUNCATED` */
export function readErrno({ body }: NetlinkMessage): number {
  if (body.length < 4) throw truncated(HEADER_BYTES + 4, HEADER_BYTES + body.length);
  return -body.readInt32LE(0);
}

function align(bytes: number): number {
  return (bytes + 3) & ~3;
}

function truncated(length: number, left: number): GarrisonError {
  return new GarrisonError(
    "GARRISON_NETLINK_TRUNCATED",
    `Cannot read netlink: message or attribute of ${length} bytes, ${left} are there`,
  );
}
