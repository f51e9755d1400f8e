/**
 * Addresses of the DNS servers that this host asks.
 * Kernel interface: none; /etc/resolv.conf, and what systemd-resolved passes questions on to. Needs: nothing. Cost: two files.
 * Blinded by: a resolver that has a configuration of its own (unbound, dnsmasq). At most 64 KiB of a file, 64 addresses.
 * @see resolv.conf(5)
 */
import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { type IpNetwork, parseNetwork } from "#src/lib/ip-network.ts";

const FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
const MAX_BYTES = 64 * 1024;
const MAX_RESOLVERS = 64;

/** Each as a network of full length. */
export function readResolvers(files: readonly string[] = FILES): IpNetwork[] {
  return files.flatMap((path) => parseResolvConf(readStart(path)));
}

/** Another one whenever one of the files has become another or was written. */
export function resolversVersion(files: readonly string[] = FILES): string {
  return files.map(versionOf).join(" ");
}

/** The `nameserver` lines of resolv.conf(5). */
export function parseResolvConf(text: string): IpNetwork[] {
  const found: IpNetwork[] = [];
  for (const [, address = ""] of text.matchAll(/^[ \t]*nameserver[ \t]+(\S{1,64})/gm)) {
    const network = parseNetwork(address.replace(/%.*$/, ""));
    if (network !== null && found.length < MAX_RESOLVERS) found.push(network);
  }
  return found;
}

function readStart(path: string): string {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(MAX_BYTES);
      return bytes.toString("latin1", 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}

function versionOf(path: string): string {
  try {
    const { dev, ino, size, ctimeNs } = statSync(path, { bigint: true });
    return `${dev}:${ino}:${size}:${ctimeNs}`;
  } catch {
    return "";
  }
}
