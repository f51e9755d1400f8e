/** csf.conf: `KEY = "value"` a line. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { CsfLine } from "./lines.ts";
import type { CsfPlace, CsfProblem } from "./place.ts";

/** One setting. */
export interface CsfSetting {
  readonly name: string;
  readonly value: string;
  readonly place: CsfPlace;
}

const MAX_SETTINGS = 2000;

/** Settings by name; of a name that is there twice the last counts, and the line is told as a problem. */
export function parseConfLines(lines: readonly CsfLine[]): {
  settings: Map<string, CsfSetting>;
  problems: CsfProblem[];
} {
  const settings = new Map<string, CsfSetting>();
  const problems: CsfProblem[] = [];
  for (const { place, text } of lines) {
    const [, name, value] = /^([A-Za-z][A-Za-z0-9_]{0,63})\s*=\s*"([^"]*)"\s*(?:#.*)?$/s.exec(text) ?? [];
    if (name === undefined || value === undefined)
      problems.push({ place, message: `"${cleanText(text, 100)}" is no setting, KEY = "value" is wanted` });
    else if (settings.size >= MAX_SETTINGS && !settings.has(name))
      problems.push({ place, message: `more than ${MAX_SETTINGS} settings` });
    else {
      if (settings.has(name))
        problems.push({ place, message: `"${name}" is set a second time, and this value counts` });
      settings.set(name, { name, value, place });
    }
  }
  return { settings, problems };
}

/** The whole number of a setting; `null` when it is not set or is none. */
export function numberOf(settings: ReadonlyMap<string, CsfSetting>, name: string): number | null {
  const value = settings.get(name)?.value.trim() ?? "";
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}
