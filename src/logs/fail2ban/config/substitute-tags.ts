/** The second interpolation: `<name>` in an option stands for another option, also within a name as in `<mode-<mode>>`. Pure. */
import { configError } from "./config-error.ts";

const MAX_REPLACED = 25;
const MAX_TEXT = 262_144;
const MAX_STEPS = 20_000;

/**
 * Options with their tags replaced. A tag without an option stays as it is, such as `<HOST>`.
 * @param lookUp gives options that are not in the list; `undefined`: there is none
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG when an option refers to itself, or grows beyond 256 KiB
 */
export function substituteTags(
  options: ReadonlyMap<string, string>,
  lookUp: (name: string) => string | undefined,
): Map<string, string> {
  // `port?family=inet6` belongs to `port`, which then depends on the packet: neither is replaced.
  const conditional = new Set([...options.keys()].flatMap((name) => /^(\w+)\?.+$/s.exec(name)?.[1] ?? []));
  const tags = new Map(options);
  const counts = new Map<string, Map<string, number>>();
  let steps = 0;
  for (let again = true; again; ) {
    again = false;
    for (const [name, before] of tags) {
      if (conditional.has(name)) continue;
      const replaced = counts.get(name) ?? new Map<string, number>();
      let value = before;
      for (let match = nextTag(value, 0); match !== null; ) {
        if (++steps > MAX_STEPS) throw selfReference(name, match.name);
        const found = conditional.has(match.name) ? undefined : (tags.get(match.name) ?? lookUp(match.name));
        if (match.name === name || (replaced.get(match.name) ?? 0) >= MAX_REPLACED) {
          if (!conditional.has(match.name)) throw selfReference(name, match.name);
        }
        if (found === undefined) {
          match = nextTag(value, match.end);
          continue;
        }
        value = value.replaceAll(`<${match.name}>`, () => found);
        if (value.length > MAX_TEXT)
          throw configError(`Cannot replace the tags of "${name}": it is longer than ${MAX_TEXT} characters`);
        replaced.set(match.name, (replaced.get(match.name) ?? 0) + 1);
        match = nextTag(value, match.start);
      }
      if (value === before) continue;
      counts.set(name, replaced);
      tags.set(name, value);
      again = nextTag(value, 0) !== null || again;
    }
  }
  return tags;
}

function nextTag(text: string, from: number): { name: string; start: number; end: number } | null {
  const pattern = /<([^ <>]+)>/g;
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? null : { name: match[1] ?? "", start: match.index, end: pattern.lastIndex };
}

function selfReference(name: string, tag: string): Error {
  return configError(`Cannot replace the tags of "${name}": it refers to itself by "<${tag.slice(0, 80)}>"`);
}
