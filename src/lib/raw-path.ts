/**
 * Paths as the kernel has them: bytes, held as latin1 text so that every byte survives. Only shown as UTF-8.
 */
import type { Subject } from "#src/model/subject.ts";
import { isCleanText } from "./clean-text.ts";

/** The raw form of a path written in UTF-8, as in the configuration. */
export function toRawPath(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}

/** Text for people; bytes that are no UTF-8 become U+FFFD. */
export function showRawPath(rawPath: string): string {
  return Buffer.from(rawPath, "latin1").toString("utf8");
}

/** The subject of a raw path: `pathBase64` beside it when the name is not clean text. */
export function fileSubject(rawPath: string): Subject {
  const path = showRawPath(rawPath);
  const isFaithful = isCleanText(path) && toRawPath(path) === rawPath;
  return isFaithful
    ? { type: "file", path }
    : { type: "file", path, pathBase64: Buffer.from(rawPath, "latin1").toString("base64") };
}

/** Folder and name of an absolute raw path; the folder of `/a` is `/`. */
export function splitPath(rawPath: string): { folder: string; name: string } {
  const slash = rawPath.lastIndexOf("/");
  return { folder: slash <= 0 ? "/" : rawPath.slice(0, slash), name: rawPath.slice(slash + 1) };
}

/** Joins a folder and a name. */
export function joinPath(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}
