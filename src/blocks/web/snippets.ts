/** What an admin puts into the web server's configuration, once, so that it denies whom the files of apache-map.ts name. Pure. */
import { formatNetwork, parseNetwork } from "#src/lib/ip-network.ts";

/** What the lines depend on. */
export interface SnippetOptions {
  /** Absolute path of the file of denied clients. */
  readonly file: string;
  /** CIDR of the proxies that stand before the web server: `blocks.proxies`. */
  readonly proxies: readonly string[];
}

/**
 * Lines for the server's configuration or a virtual host's of Apache 2.4 with mod_rewrite, and mod_remoteip when there are proxies. Only
 * the last hop that is no proxy counts: what stands before it in X-Forwarded-For is the client's own word.
 * @throws TypeError when the path or a network cannot be written safely
 */
export function apacheSnippet({ file, proxies }: SnippetOptions): string {
  const trusted = checkedProxies(proxies);
  const lines = trusted.length === 0 ? [] : ["RemoteIPHeader X-Forwarded-For"];
  for (const network of trusted) lines.push(`RemoteIPTrustedProxy ${network}`);
  lines.push("RewriteEngine On", `RewriteMap garrison "txt:${checkedPath(file)}"`);
  lines.push(...denyWhere("%{REMOTE_ADDR}"));
  for (const pattern of APACHE_PREFIXES) lines.push(`RewriteCond "%{REMOTE_ADDR}" "${pattern}"`, ...denyWhere("%1"));
  return `${lines.join("\n")}\n`;
}

/** A key that is not in the map is looked up as `-`. */
function denyWhere(key: string): [string, string] {
  return [`RewriteCond "\${garrison:${key}|-}" "=deny"`, 'RewriteRule "^" "-" [F]'];
}

/**
 * What cuts the keys of apache-map.ts off an address: /24 and /16; the first four words of IPv6 written out; zeros among them to the
 * last of them; the second and third of them zero.
 */
export const APACHE_PREFIXES = [
  "^(\\d+\\.\\d+\\.\\d+\\.)\\d+$",
  "^(\\d+\\.\\d+\\.)\\d+\\.\\d+$",
  "^((?:[0-9a-f]+:){4})",
  "^((?:[0-9a-f]+:){0,3}:|::)(?:[0-9a-f]+(?::[0-9a-f]+){0,3})?$",
  "^([0-9a-f]+::[0-9a-f]+:)[0-9a-f]+(?::[0-9a-f]+){3}$",
] as const;

/**
 * Lines for the http block of nginx, and one for each server.
 * @throws TypeError when the path or a network cannot be written safely
 */
export function nginxSnippet({ file, proxies }: SnippetOptions): string {
  const trusted = checkedProxies(proxies);
  const lines = trusted.map((network) => `set_real_ip_from ${network};`);
  if (trusted.length > 0) lines.push("real_ip_header X-Forwarded-For;", "real_ip_recursive on;");
  lines.push("geo $garrison_denied {", "    default 0;", `    include ${checkedPath(file)};`, "}");
  lines.push("# In each server:", "# if ($garrison_denied) { return 403; }");
  return `${lines.join("\n")}\n`;
}

function checkedPath(path: string): string {
  if (!/^\/[\w./-]{1,200}$/.test(path))
    throw new TypeError(
      `Cannot write ${JSON.stringify(path.slice(0, 200))} into a configuration: an absolute path of plain characters is wanted`,
    );
  return path;
}

function checkedProxies(proxies: readonly string[]): string[] {
  return proxies.map((text) => {
    const network = parseNetwork(text);
    if (network === null) throw new TypeError(`Cannot trust "${text.slice(0, 64)}": a network in CIDR is wanted`);
    return formatNetwork(network);
  });
}
