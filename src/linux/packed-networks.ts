/**
 * Many networks in little memory: for each family and length of prefix one array of sorted keys. No kernel interface of its own; pure.
 * Memory: 4 bytes a network of IPv4, 16 of IPv6; while IPv6 keys are sorted some 60 more.
 */
import { type IpNetwork, networkOf } from "#src/lib/ip-network.ts";

/** Networks of one family and length: keys in rising order, each once. */
export interface PackedGroup {
  readonly family: 4 | 6;
  readonly prefix: number;
  /** 4 or 16 bytes each. */
  readonly keys: Uint8Array;
}

/** Groups by {@link groupName}. None is empty. */
export type PackedNetworks = ReadonlyMap<string, PackedGroup>;

/** Bytes of an address. */
export function keyBytesOf(family: 4 | 6): number {
  return family === 4 ? 4 : 16;
}

/** The name of the networks of one family and length, such as `4_32`. */
export function groupName({ family, prefix }: Pick<IpNetwork, "family" | "prefix">): string {
  return `${family}_${prefix}`;
}

/** Packs networks; those given twice are kept once. */
export function packNetworks(networks: Iterable<IpNetwork>): PackedNetworks {
  const groups = new Map<string, IpNetwork[]>();
  for (const network of networks) {
    const name = groupName(network);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [network]);
    else group.push(network);
  }
  return new Map(
    [...groups].map(([name, group]) => {
      const { family, prefix } = group[0]!;
      const keyBytes = keyBytesOf(family);
      const keys = new Uint8Array(group.length * keyBytes);
      group.forEach(({ bytes }, index) => {
        keys.set(bytes, index * keyBytes);
      });
      return [name, { family, prefix, keys: sortKeys(keys, keyBytes) }];
    }),
  );
}

/** All that is in any of them. */
export function unionOf(many: readonly PackedNetworks[]): PackedNetworks {
  const names = new Set(many.flatMap((packed) => [...packed.keys()]));
  return new Map(
    [...names].map((name) => {
      const groups = many.flatMap((packed) => packed.get(name) ?? []);
      const [first] = groups;
      if (groups.length === 1) return [name, first!];
      const keys = sortKeys(Buffer.concat(groups.map((group) => group.keys)), keyBytesOf(first!.family));
      return [name, { ...first!, keys }];
    }),
  );
}

/** What is in `one` and not in `other`. */
export function differenceOf(one: PackedNetworks, other: PackedNetworks): PackedNetworks {
  const left = new Map<string, PackedGroup>();
  for (const [name, group] of one) {
    const taken = other.get(name);
    const keys = taken === undefined ? group.keys : subtractKeys(group.keys, taken.keys, keyBytesOf(group.family));
    if (keys.length > 0) left.set(name, { ...group, keys });
  }
  return left;
}

/** How many networks there are. */
export function countNetworks(packed: PackedNetworks): number {
  let count = 0;
  for (const { keys, family } of packed.values()) count += keys.length / keyBytesOf(family);
  return count;
}

/** Parts of at most `most` networks, in order. */
export function* slicesOf(packed: PackedNetworks, most: number): Generator<PackedGroup> {
  for (const group of packed.values()) {
    const step = most * keyBytesOf(group.family);
    for (let from = 0; from < group.keys.length; from += step) {
      yield { ...group, keys: group.keys.subarray(from, from + step) };
    }
  }
}

/** The networks one by one. */
export function* unpackNetworks(packed: PackedNetworks): Generator<IpNetwork> {
  for (const { family, prefix, keys } of packed.values()) {
    const keyBytes = keyBytesOf(family);
    for (let at = 0; at < keys.length; at += keyBytes) yield networkOf(keys.slice(at, at + keyBytes), prefix);
  }
}

function sortKeys(keys: Uint8Array, keyBytes: number): Uint8Array {
  return keyBytes === 4 ? sortShortKeys(keys) : sortLongKeys(keys, keyBytes);
}

function sortShortKeys(keys: Uint8Array): Uint8Array {
  const view = new DataView(keys.buffer, keys.byteOffset, keys.length);
  const numbers = Uint32Array.from({ length: keys.length / 4 }, (_, index) => view.getUint32(index * 4)).sort();
  const sorted = new Uint8Array(keys.length);
  const out = new DataView(sorted.buffer);
  let count = 0;
  numbers.forEach((number, index) => {
    if (index > 0 && number === numbers[index - 1]) return;
    out.setUint32(count * 4, number);
    count++;
  });
  return sorted.subarray(0, count * 4);
}

function sortLongKeys(keys: Uint8Array, keyBytes: number): Uint8Array {
  const bytes = Buffer.from(keys.buffer, keys.byteOffset, keys.length);
  const texts = Array.from({ length: keys.length / keyBytes }, (_, index) =>
    bytes.toString("latin1", index * keyBytes, (index + 1) * keyBytes),
  ).sort();
  return new Uint8Array(Buffer.from(texts.filter((text, index) => text !== texts[index - 1]).join(""), "latin1"));
}

function subtractKeys(keys: Uint8Array, taken: Uint8Array, keyBytes: number): Uint8Array {
  const left = new Uint8Array(keys.length);
  let length = 0;
  let other = 0;
  for (let at = 0; at < keys.length; at += keyBytes) {
    while (other < taken.length && compareKeys(taken, other, keys, at, keyBytes) < 0) other += keyBytes;
    if (other < taken.length && compareKeys(taken, other, keys, at, keyBytes) === 0) continue;
    left.set(keys.subarray(at, at + keyBytes), length);
    length += keyBytes;
  }
  return left.slice(0, length);
}

function compareKeys(one: Uint8Array, oneAt: number, other: Uint8Array, otherAt: number, keyBytes: number): number {
  for (let index = 0; index < keyBytes; index++) {
    const difference = one[oneAt + index]! - other[otherAt + index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
