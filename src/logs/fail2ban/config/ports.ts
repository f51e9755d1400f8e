/** Ports as fail2ban's configuration has them: numbers, ranges such as `60000:60007`, and names of services(5). Pure. */

/** As many as a block may name. */
const MAX_PORTS = 15;
const HIGHEST = 65_535;

/** Names by services(5), `name port/protocol alias...`. At most 10,000 lines. */
export function parseServices(text: string): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const line of text.split("\n", 10_000)) {
    const [name = "", port = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, digits] = /^(\d{1,5})\/(?:tcp|udp)$/.exec(port) ?? [];
    if (digits === undefined) continue;
    for (const one of [name, ...aliases]) if (!ports.has(one)) ports.set(one, Number(digits));
  }
  return ports;
}

/**
 * The numbers of ports, sorted.
 * @returns a text: why they are not known, or more than a block may name
 */
export function parsePorts(
  texts: readonly string[],
  services: ReadonlyMap<string, number>,
): readonly number[] | string {
  const found = new Set<number>();
  for (const text of texts) {
    const [, first, last] = /^(\d{1,5})(?:[:-](\d{1,5}))?$/.exec(text) ?? [];
    const from = first === undefined ? services.get(text) : Number(first);
    if (from === undefined) return `"${text.slice(0, 40)}" is no port, and services(5) does not name it`;
    const to = last === undefined ? from : Number(last);
    if (from < 1 || to > HIGHEST || to < from) return `"${text.slice(0, 40)}" is no range of ports`;
    if (to - from >= MAX_PORTS) return `a block names at most ${MAX_PORTS} ports`;
    for (let port = from; port <= to; port++) found.add(port);
    if (found.size > MAX_PORTS) return `a block names at most ${MAX_PORTS} ports`;
  }
  return [...found].sort((one, other) => one - other);
}
