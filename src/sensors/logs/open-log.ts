/**
 * Opens a file as a log, or says why it is none that we read. What a customer can make is hostile: no FIFO or device, no link of his,
 * no hard link to a file of somebody else. What looks like a secret is refused wherever it lies.
 */
import { createHash } from "node:crypto";
import { closeSync, readSync } from "node:fs";
import { errnoOf, errorText } from "#src/lib/errors.ts";
import { matchesComponent } from "#src/lib/path-pattern.ts";
import { splitPath } from "#src/lib/raw-path.ts";
import { TrustedPath } from "#src/linux/trusted-path.ts";
import type { FileHead } from "#src/model/log-stream.ts";

/** As MAX_HEAD_BYTES of the wire. */
const HEAD_BYTES = 256;
const HIDDEN_FOLDERS = ["/etc/ssh", "/etc/ssl/private", "/etc/letsencrypt", "/proc", "/sys", "/dev"];
// Names, wherever they lie.
const HIDDEN_NAMES = ["*shadow", "*shadow-", "*.key", "*.pem", "id_rsa*", "id_ed25519*", "id_ecdsa*", "id_dsa*", ".*"];
const PRIVATE_KEY = Buffer.from("-----BEGIN ");

/** A log that is open. The owner closes `fd`. */
export interface OpenLog {
  readonly fd: number;
  /** Decimal. */
  readonly device: string;
  readonly inode: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly head: Buffer;
}

/** @returns `undefined` when nothing is there; a text that says why it is not read */
export function openLog(rawPath: string): OpenLog | string | undefined {
  try {
    using file = TrustedPath.open(rawPath);
    if (file === undefined) return undefined;
    return whyNoLog(file) ?? openHeld(file);
  } catch (error) {
    return errnoOf((error as Error).cause ?? error) ?? errorText(error);
  }
}

/** Names a file for as long as somebody holds it open: then its inode is given to no other. */
export function keyOf({ device, inode }: Pick<OpenLog, "device" | "inode">): string {
  return `${device}:${inode}`;
}

/** Digest of the first bytes, as it is kept. */
export function describeHead(head: Uint8Array): FileHead {
  return { bytes: head.length, sha256: createHash("sha256").update(head).digest("hex") };
}

/** The first bytes of an open file: at most `length`, fewer when it is shorter. */
export function readHead(fd: number, length = HEAD_BYTES): Buffer {
  const head = Buffer.alloc(length);
  return head.subarray(0, readSync(fd, head, 0, length, 0));
}

/** Whether a file that begins so is one whose head was `head`. Every file is like one of which no byte was known. */
export function hasHead(start: Buffer, head: FileHead): boolean {
  return start.length >= head.bytes && describeHead(start.subarray(0, head.bytes)).sha256 === head.sha256;
}

function whyNoLog(file: TrustedPath): string | undefined {
  const { stats } = file;
  if (!stats.isFile()) return "it is no regular file";
  // A hard link that a customer made leads to a file of somebody else; cPanel's own lie in folders of root.
  if (stats.nlink > 1n && !file.isRootsOwn && stats.uid !== file.folderUid) {
    return "it has other names and belongs to another than its folder";
  }
  const { folder, name } = splitPath(file.realPath());
  const isHidden =
    HIDDEN_FOLDERS.some((one) => `${folder}/`.startsWith(`${one}/`)) ||
    HIDDEN_NAMES.some((one) => matchesComponent(one, name)) ||
    /\/\.(?:ssh|gnupg|aws)\//.test(`${folder}/`);
  return isHidden ? "it may be a secret" : undefined;
}

function openHeld(file: TrustedPath): OpenLog | string {
  const fd = file.openToRead();
  try {
    const head = readHead(fd);
    if (head.subarray(0, PRIVATE_KEY.length).equals(PRIVATE_KEY)) {
      closeSync(fd);
      return "it may be a secret";
    }
    const { dev, ino, size, mtimeNs } = file.stats;
    return { fd, device: String(dev), inode: String(ino), sizeBytes: Number(size), mtimeNs, head };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
