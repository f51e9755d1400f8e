/** The record of one file: what is compared, what is only told. */
import { createHash } from "node:crypto";
import { errnoOf } from "#src/lib/errors.ts";
import { FileLook, type FileMetadata } from "#src/linux/file-metadata.ts";
import type { JsonObject } from "#src/model/json.ts";

/** Largest file whose digest is taken at once (4 ms of CPU); a larger one is compared by size and mtime, and said so. */
export const MAX_DIGEST_BYTES = 8 * 1024 * 1024;
/** Largest text that is kept for a diff. */
export const MAX_TEXT_BYTES = 64 * 1024;

/** Fields that are kept but never an alert by themselves. */
export const INFORMATIVE_FIELDS = ["mtimeMs", "ctimeMs", "inode", "links", "text", "digestOf"] as const;

/**
 * Looks at a file.
 * @param keepsText `true` when its text may be shown: never for secrets
 * @returns `null` when nothing is there
 */
export function readRecord(rawPath: string, keepsText: boolean): JsonObject | null {
  try {
    using look = FileLook.open(rawPath);
    if (look === undefined) return null;
    const { metadata } = look;
    return { ...describe(metadata), ...(metadata.type === "file" ? readContent(look, keepsText) : {}) };
  } catch (error) {
    return { type: "unreadable", reason: errnoOf(error) ?? "unknown" };
  }
}

function describe(metadata: FileMetadata): JsonObject {
  return {
    type: metadata.type,
    mode: metadata.mode.toString(8).padStart(4, "0"),
    uid: metadata.uid,
    gid: metadata.gid,
    ...(metadata.type === "file" ? { sizeBytes: metadata.sizeBytes } : {}),
    ...(metadata.target === null ? {} : { target: metadata.target }),
    xattrs: metadata.xattrs,
    flags: [...metadata.flags],
    mtimeMs: metadata.mtimeMs,
    ctimeMs: metadata.ctimeMs,
    inode: String(metadata.inode),
    links: metadata.links,
  };
}

function readContent(look: FileLook, keepsText: boolean): JsonObject {
  const { sizeBytes, mtimeMs } = look.metadata;
  if (sizeBytes > MAX_DIGEST_BYTES) return { sha256: `not taken: over ${MAX_DIGEST_BYTES} bytes, mtime ${mtimeMs}` };
  const hash = createHash("sha256");
  const pieces: Buffer[] = [];
  const isWhole = look.readPieces(MAX_DIGEST_BYTES, (piece) => {
    hash.update(piece);
    if (keepsText && sizeBytes <= MAX_TEXT_BYTES) pieces.push(Buffer.from(piece));
  });
  const text = toText(Buffer.concat(pieces));
  return {
    sha256: isWhole ? hash.digest("hex") : "not taken: it grew while it was read",
    ...(keepsText && text !== null && sizeBytes <= MAX_TEXT_BYTES ? { text } : {}),
  };
}

function toText(bytes: Buffer): string | null {
  return bytes.includes(0) ? null : bytes.toString("utf8");
}
