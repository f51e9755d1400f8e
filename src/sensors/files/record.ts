/** The record of one file: what is compared, what is only told. */

import { createHash } from "node:crypto";
import { lstatSync, realpathSync } from "node:fs";
import { errnoOf } from "#src/lib/errors.ts";
import { formatMode } from "#src/lib/file-mode.ts";
import { pathComponents } from "#src/lib/path-pattern.ts";
import { joinPath, splitPath } from "#src/lib/raw-path.ts";
import { FileLook, type FileMetadata } from "#src/linux/file-metadata.ts";
import type { JsonObject } from "#src/model/json.ts";

/** Largest file whose digest is taken (5 ms of CPU); of a larger one only its first MiB, its size and mtime are compared. */
export const MAX_DIGEST_BYTES = 8 * 1024 * 1024;
/** Largest text that is kept for a diff. */
export const MAX_TEXT_BYTES = 64 * 1024;
const SAMPLE_BYTES = 1024 * 1024;

/**
 * Looks at a file. Of a symbolic link also what it leads to is compared, but never shown.
 * @param secret neither its text nor the values of its own xattrs are given
 * @returns `null` when nothing is there
 */
export function readRecord(rawPath: string, secret: boolean): JsonObject | null {
  try {
    using look = FileLook.open(rawPath);
    if (look === undefined) return null;
    const { metadata } = look;
    return {
      ...describe(metadata, secret),
      ...(metadata.type === "file" ? readContent(look, !secret && mayBeShown(metadata, rawPath)) : {}),
      ...(metadata.type === "link" ? readTarget(rawPath) : {}),
      secret,
    };
  } catch (error) {
    return { type: "unreadable", reason: errnoOf(error) ?? "unknown", secret };
  }
}

function describe(metadata: FileMetadata, secret: boolean): JsonObject {
  return {
    type: metadata.type,
    mode: formatMode(metadata.mode),
    uid: metadata.uid,
    gid: metadata.gid,
    ...(metadata.type === "file" ? { sizeBytes: metadata.sizeBytes } : {}),
    ...(metadata.target === null ? {} : { target: metadata.target }),
    ...(metadata.capabilities === null ? {} : { capabilities: metadata.capabilities }),
    // Of another name of the same inode nothing is known: it may be a secret's.
    xattrs: secret || metadata.links > 1 ? withoutOwnValues(metadata.xattrs) : metadata.xattrs,
    flags: [...metadata.flags],
    mtimeMs: metadata.mtimeMs,
    ctimeMs: metadata.ctimeMs,
    inode: String(metadata.inode),
    links: metadata.links,
  };
}

function readContent(look: FileLook, keepsText: boolean): JsonObject {
  const { sizeBytes, mtimeMs } = look.metadata;
  const isLarge = sizeBytes > MAX_DIGEST_BYTES;
  const hash = createHash("sha256");
  const pieces: Buffer[] = [];
  try {
    const isWhole = look.readPieces(isLarge ? SAMPLE_BYTES : MAX_DIGEST_BYTES, (piece) => {
      hash.update(piece);
      if (keepsText && sizeBytes <= MAX_TEXT_BYTES) pieces.push(Buffer.from(piece));
    });
    const digest = hash.digest("hex");
    if (isLarge) return { sha256: `of the first ${SAMPLE_BYTES} bytes ${digest}, mtime ${mtimeMs}` };
    if (!isWhole) return { sha256: "not taken: it grew while it was read" };
    const text = keepsText ? toText(Buffer.concat(pieces), sizeBytes) : null;
    return { sha256: digest, ...(text === null ? {} : { text }) };
  } catch (error) {
    return { sha256: `not taken: ${errnoOf(error) ?? "unreadable"}` };
  }
}

function readTarget(rawPath: string): JsonObject {
  try {
    using look = FileLook.open(rawPath, { follow: true });
    if (look === undefined) return { targetType: "nothing" };
    const { type, mode, uid, gid } = look.metadata;
    const owner = { targetType: type, targetMode: formatMode(mode), targetUid: uid, targetGid: gid };
    return type === "file" ? { ...owner, targetSha256: readContent(look, false)["sha256"] ?? null } : owner;
  } catch (error) {
    return { targetType: `unreadable: ${errnoOf(error) ?? "unknown"}` };
  }
}

/**
 * Whether the text of a file may leave the sentry: it has no other name (a hard link to a secret has), and nobody but root chose
 * what the path leads to.
 */
function mayBeShown({ links, realPath }: FileMetadata, rawPath: string): boolean {
  if (links !== 1) return false;
  if (realPath === rawPath) return true;
  const { folder, name } = splitPath(rawPath);
  let path = "/";
  for (const component of pathComponents(folder)) {
    path = joinPath(path, component);
    const stats = lstatSync(Buffer.from(path, "latin1"));
    if (stats.isSymbolicLink() && stats.uid !== 0) return false;
  }
  return joinPath(realpathSync(Buffer.from(folder, "latin1"), "latin1"), name) === realPath;
}

function toText(bytes: Buffer, sizeBytes: number): string | null {
  return sizeBytes > MAX_TEXT_BYTES || bytes.length > MAX_TEXT_BYTES || bytes.includes(0)
    ? null
    : bytes.toString("utf8");
}

/** xattrs `user.*` may hold anything; those of the system (ACLs, labels) are how the file looks. */
function withoutOwnValues(xattrs: Readonly<Record<string, string>>): Record<string, string> {
  const hide = (value: string): string => `sha256 ${createHash("sha256").update(value).digest("hex")}`;
  return Object.fromEntries(
    Object.entries(xattrs).map(([name, value]) => [name, name.startsWith("user.") ? hide(value) : value]),
  );
}
