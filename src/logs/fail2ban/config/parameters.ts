/** Names with parameters: `sshd[mode=aggressive, port="22,2222"]`. Pure. */
import { configError } from "./config-error.ts";

const MAX_TEXT = 65_536;
const MAX_PARAMETERS = 200;

/** A filter or action with its parameters. */
export interface Parametrized {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads `name`, `name[a=1, b="x,y"]` or `name[a=1][b='2']`.
 * @throws GarrisonError GARRISON_FAIL2BAN_CONFIG for another form
 */
export function parseParametrized(text: string): Parametrized {
  const shown = JSON.stringify(text.slice(0, 80));
  const [, name, inner] = (text.length > MAX_TEXT ? null : /^([^[]+)(?:\[(.*)\])?\s*$/s.exec(text)) ?? [];
  if (name === undefined) throw configError(`Cannot read ${shown}: "name[parameter=value, ...]" is wanted`);
  const parameters = new Map<string, string>();
  const pattern = /\s*(?:([\w\-.]+)=(?:"([^"]*)"|'([^']*)'|([^,\]]*))(?:,|\]\s*\[|$)|,?\s*$)/y;
  let at = 0;
  while (inner !== undefined && at < inner.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(inner);
    if (match === null || parameters.size > MAX_PARAMETERS) {
      throw configError(
        `Cannot read ${shown}: "parameter=value" is wanted at ${JSON.stringify(inner.slice(at, at + 25))}`,
      );
    }
    if (match[1] !== undefined) parameters.set(match[1], (match[2] ?? match[3] ?? match[4] ?? "").trim());
    at = match[0] === "" ? inner.length : pattern.lastIndex;
  }
  return { name, parameters };
}

/** The names with their parameters of a list such as that of `action`, one after the other. */
export function splitParametrized(text: string): string[] {
  const value = `(?:"[^"]*"|'[^']*'|[^,\\]]*)`;
  const one = `[^\\[\\s]+(?:\\s*\\[\\s*(?:[\\w\\-.]+=${value}\\s*(?:,|\\]\\s*\\[)?\\s*)*\\])?|\\S+`;
  return [...text.slice(0, MAX_TEXT).matchAll(new RegExp(`(?:${one})(?=\\s|$)`, "g"))].map(([match]) => match.trim());
}
