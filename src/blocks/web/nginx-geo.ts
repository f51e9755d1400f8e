/** Blocks as lines of a geo block of nginx, `203.0.113.0/24 1;`, which nginx reads when it is reloaded. Pure. */
import { formatNetwork, parseNetwork } from "#src/lib/ip-network.ts";
import { DENY_HEAD, type DenyFile, type DenyFileOptions } from "./deny-file.ts";

/** nginx keeps a tree of all of them in memory. */
export const NGINX_MAX_LINES = 100_000;

/** The first networks that there is room for. @param networks CIDR */
export function renderNginxGeo(
  networks: readonly string[],
  { maxLines }: DenyFileOptions = { maxLines: NGINX_MAX_LINES },
): DenyFile {
  const texts = new Set<string>();
  const leftOut: { network: string; why: string }[] = [];
  for (const text of networks) {
    const network = parseNetwork(text);
    if (network === null) leftOut.push({ network: text.slice(0, 64), why: "it is no network" });
    else if (texts.size >= maxLines) leftOut.push({ network: text, why: `there is room for ${maxLines} lines` });
    else texts.add(formatNetwork(network));
  }
  const lines = [...texts].map((text) => `${text} 1;\n`);
  return { text: `${DENY_HEAD}${lines.join("")}`, lines: texts.size, leftOut };
}
