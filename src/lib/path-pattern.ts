/**
 * Patterns of watched paths: absolute, `*` and `?` within a component, a trailing `/**` for everything below.
 * Pure; matching a name is at worst its length times the component's.
 */

const MAX_PATTERN = 4096;

/** A pattern in pieces. */
export interface PathPattern {
  readonly text: string;
  /** Components without the leading slash; `**` is not among them. */
  readonly components: readonly string[];
  readonly isDeep: boolean;
}

/** @throws SyntaxError when it is not absolute, has empty, `.` or `..` components, NUL, or `**` elsewhere than at the end */
export function parsePathPattern(text: string): PathPattern {
  const isDeep = text.endsWith("/**");
  const components = (isDeep ? text.slice(0, -3) : text).split("/").slice(1);
  const isWrong = components.some((one) => one === "" || one === "." || one === ".." || one.includes("**"));
  if (!text.startsWith("/") || text.length > MAX_PATTERN || text.includes("\0") || components.length === 0 || isWrong) {
    throw new SyntaxError(
      `Cannot watch "${text.slice(0, 200)}": expected an absolute path such as "/etc/cron.d/*" or "/etc/pam.d/**"`,
    );
  }
  return { text, components, isDeep };
}

/** Whether a component has a wildcard. */
export function isWild(component: string): boolean {
  return component.includes("*") || component.includes("?");
}

/** Whether a name fits a component with wildcards. A leading dot needs no special care: hidden files matter most. */
export function matchesComponent(component: string, name: string): boolean {
  let star = -1;
  let resume = 0;
  let at = 0;
  for (let index = 0; index < name.length; ) {
    if (component[at] === "*") {
      star = at++;
      resume = index;
    } else if (at < component.length && (component[at] === "?" || component[at] === name[index])) {
      at++;
      index++;
    } else if (star !== -1) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (component[at] === "*") at++;
  return at === component.length;
}

/** What a path is to a pattern: what it names, a folder on the way to it, or nothing. */
export function relate(pattern: PathPattern, components: readonly string[]): "match" | "onward" | "none" {
  const shared = Math.min(components.length, pattern.components.length);
  for (let index = 0; index < shared; index++) {
    if (!matchesComponent(pattern.components[index]!, components[index]!)) return "none";
  }
  if (components.length < pattern.components.length) return "onward";
  if (components.length === pattern.components.length) return pattern.isDeep ? "onward" : "match";
  return pattern.isDeep ? "match" : "none";
}

/** Components of an absolute path. */
export function pathComponents(path: string): string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}
