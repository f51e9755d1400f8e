/** The list of files that actions may touch. Pure. */
import { type PathPattern, parsePathPattern, pathComponents, relate } from "#src/lib/path-pattern.ts";
import { toRawPath } from "#src/lib/raw-path.ts";

/** Patterns over raw paths. */
export type WatchedPatterns = readonly { readonly pattern: PathPattern; readonly secret: boolean }[];

/** @throws SyntaxError when a pattern is malformed */
export function parseWatchedPatterns(
  watched: readonly { readonly pattern: string; readonly secret: boolean }[],
): WatchedPatterns {
  return watched.map(({ pattern: text, secret }) => {
    const pattern = parsePathPattern(text);
    return { pattern: { ...pattern, components: pattern.components.map(toRawPath) }, secret };
  });
}

/**
 * How a file is listed: `secret` as soon as one of the patterns that name it is.
 * @param rawPath absolute, without empty, `.` and `..` components: any other is not listed
 */
export function findListing(patterns: WatchedPatterns, rawPath: string): { readonly secret: boolean } | undefined {
  const components = pathComponents(rawPath);
  const isPlain = rawPath.startsWith("/") && components.every((one) => one !== "" && one !== "." && one !== "..");
  const matches = isPlain ? patterns.filter(({ pattern }) => relate(pattern, components) === "match") : [];
  return matches.length === 0 ? undefined : { secret: matches.some(({ secret }) => secret) };
}
