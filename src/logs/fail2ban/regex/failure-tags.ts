/**
 * The tags of fail2ban's failregex (`<HOST>`, `<F-USER>...</F-USER>`) as the groups that they stand for. Pure.
 * @see jail.conf(5) of fail2ban 1.0.2, section FILTER FILES
 */

// fail2ban takes any four numbers and any words in hexadecimal: what is no address is dropped later.
const IPV4_DIGITS = "\\d{1,3}";
const IPV4 = `(?P<ip4>(?:${IPV4_DIGITS}\\.){3}${IPV4_DIGITS})`;
const HEX_WORD = "[0-9a-fA-F]{1,4}";
const IPV6 = `(?P<ip6>(?:${HEX_WORD}::?|::){1,7}(?:${HEX_WORD}|(?<=:):))`;
const MAPPED_IPV4 = `(?:::f{4,6}:)?${IPV4}`;
const DNS = "(?P<dns>[\\w\\-.^_]*\\w)";
const CIDR = "(?P<cidr>\\d+)";
const ADDRESS = `\\[?(?:${MAPPED_IPV4}|${IPV6})\\]?`;
const SUBNET = `\\[?(?:${MAPPED_IPV4}|${IPV6})(?:/${CIDR})?\\]?`;

const PLAIN: ReadonlyMap<string, string> = new Map([
  ["IP4", MAPPED_IPV4],
  ["IP6", IPV6],
  ["ADDR", ADDRESS],
  ["CIDR", CIDR],
  ["SUBNET", SUBNET],
  ["DNS", DNS],
]);
const SELF_CLOSED: ReadonlyMap<string, string> = new Map([
  ["F-ID/", "(?P<fid>\\S+)"],
  ["F-PORT/", "(?P<fport>\\w+)"],
  ...[...PLAIN].map(([tag, pattern]): [string, string] => [`F-${tag}/`, pattern]),
]);

/** The name of the group of a tag `<F-NAME>`. */
export function groupOfTag(tag: string): string {
  const name = tag.toLowerCase();
  if (name === "id") return "fid";
  return name === "port" ? "fport" : name;
}

/**
 * An expression in which each tag has become its group; text that only looks like a tag stays.
 * @param options.withNames whether `<HOST>` also takes a host name; `usedns = no` takes addresses alone
 * @example resolveFailureTags("for <F-USER>.*</F-USER>", { withNames: true }) // "for (?P<user>.*)"
 */
export function resolveFailureTags(text: string, options: { readonly withNames: boolean }): string {
  const open = new Set<string>();
  let skips = 0;
  const resolved = text.replaceAll(/<(\/?[A-Za-z0-9_-]+\/?)>/g, (tag, name: string) => {
    if (name === "HOST") return options.withNames ? `(?:${ADDRESS}|${DNS})` : ADDRESS;
    if (name === "SKIPLINES") return `\\n(?P<skiplines${skips++}>(?:(?:.*\\n)*?))`;
    const fixed = PLAIN.get(name) ?? SELF_CLOSED.get(name);
    if (fixed !== undefined) return fixed;
    const [, slash, own] = /^(\/?)F-([A-Z0-9_-]+)$/.exec(name) ?? [];
    if (own === undefined) return tag;
    if (slash === "/") return open.has(own) ? ")" : tag;
    open.add(own);
    return `(?P<${groupOfTag(own)}>`;
  });
  // "((?i)x)" and "(?:(?i)x)" mean the flag for the group alone.
  return resolved.replaceAll(/(?<!\\)\((?:\?:)?(\(\?[a-z]+)\)/g, "$1:");
}
