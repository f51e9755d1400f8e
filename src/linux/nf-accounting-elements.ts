/**
 * Elements of nf_tables sets that count: key, packets and bytes. Pure. One pass without an object an attribute, because it runs each
 * second.
 *
 * | attribute | in |
 * |---|---|
 * | NFTA_SET_ELEM_LIST_ELEMENTS 3 | the message, behind struct nfgenmsg |
 * | NFTA_LIST_ELEM 1 | the list, once an element |
 * | NFTA_SET_ELEM_KEY 1 { NFTA_DATA_VALUE 1 }, NFTA_SET_ELEM_EXPR 7 | the element |
 * | NFTA_EXPR_NAME 1, NFTA_EXPR_DATA 2 { NFTA_COUNTER_BYTES 1, NFTA_COUNTER_PACKETS 2 } | the expression |
 * @see linux v6.18 include/uapi/linux/netfilter/nf_tables.h
 */
import { GarrisonError } from "#src/lib/errors.ts";

const NFGENMSG_BYTES = 4;
const NLA_HEADER_BYTES = 4;
const NLA_TYPE_MASK = 0x3fff;
const LIST_ELEMENTS = 3;
const KEY = 1;
const EXPR = 7;
const EXPR_DATA = 2;
const VALUE = 1;
const COUNTER_BYTES = 1;
const COUNTER_PACKETS = 2;
// A key of ours is a uid, and a number or a port in 4 bytes behind it.
const KEY_BYTES = 8;

/** What was counted by one key. */
export interface CountedElement {
  readonly uid: number;
  /** The second part of the key, as a number of this machine; of a port the two bytes are in the order of the network. */
  readonly part: number;
  readonly packets: number;
  readonly bytes: number;
}

/** The kernel's number of the last change of any table when it gave an answer: its last 16 bits. */
export function generationOf(body: Buffer): number {
  return body.readUInt16BE(2);
}

/**
 * Adds the elements of one answer to a request for a set.
 * Elements of another shape, which are not ours, are passed over.
 * @param body the message behind its header
 * @throws GarrisonError `GARRISON_NETLINK_TRUNCATED`
 */
export function parseCountedElements(body: Buffer, elements: CountedElement[]): void {
  const list = find(body, NFGENMSG_BYTES, body.length, LIST_ELEMENTS);
  if (list === null) return;
  for (let at = list.from; at + NLA_HEADER_BYTES <= list.to; ) {
    const end = endOf(body, at, list.to);
    const element = parseElement(body, at + NLA_HEADER_BYTES, end);
    if (element !== null) elements.push(element);
    at = align(end - list.from) + list.from;
  }
}

function parseElement(body: Buffer, from: number, to: number): CountedElement | null {
  const key = find(body, from, to, KEY);
  const value = key === null ? null : find(body, key.from, key.to, VALUE);
  const expression = find(body, from, to, EXPR);
  const data = expression === null ? null : find(body, expression.from, expression.to, EXPR_DATA);
  if (value === null || data === null || value.to - value.from !== KEY_BYTES) return null;
  return {
    // As the kernel has it: in the order of the machine.
    uid: body.readUInt32LE(value.from),
    part: body.readUInt32LE(value.from + 4),
    packets: readCount(body, data, COUNTER_PACKETS),
    bytes: readCount(body, data, COUNTER_BYTES),
  };
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A count beyond 2^53 is not exact any more. */
function readCount(body: Buffer, data: Range, type: number): number {
  const value = find(body, data.from, data.to, type);
  if (value === null || value.to - value.from !== 8) return 0;
  return body.readUInt32BE(value.from) * 2 ** 32 + body.readUInt32BE(value.from + 4);
}

/** Where the value of the first attribute of this type lies. */
function find(body: Buffer, from: number, to: number, wanted: number): Range | null {
  for (let at = from; at + NLA_HEADER_BYTES <= to; ) {
    const end = endOf(body, at, to);
    if ((body.readUInt16LE(at + 2) & NLA_TYPE_MASK) === wanted) return { from: at + NLA_HEADER_BYTES, to: end };
    at = align(end - from) + from;
  }
  return null;
}

function endOf(body: Buffer, at: number, to: number): number {
  const length = body.readUInt16LE(at);
  if (length >= NLA_HEADER_BYTES && at + length <= to) return at + length;
  throw new GarrisonError(
    "GARRISON_NETLINK_TRUNCATED",
    `Cannot read a set: attribute of ${length} bytes, ${to - at} are there`,
  );
}

function align(bytes: number): number {
  return (bytes + 3) & ~3;
}
