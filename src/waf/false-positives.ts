/**
 * Rules that ordinary visitors hit: one rule at one URL, many addresses that do nothing elsewhere that a rule minds. Pure. It only
 * proposes: a botnet whose members each try one thing once looks the same, but for the logins.
 */
import { parseWafDetail } from "./detail.ts";
import type { StoredWafHit } from "./hits-by.ts";

/** What counts as many, and who is known to be well. */
export interface FalsePositiveOptions {
  /** Whether an address has logged in to anything of this host with success, and did not fail more than it succeeded. */
  readonly hasLoggedIn: (address: string) => boolean;
  /** @default 5 */
  readonly minAddresses?: number;
  /** Share of the addresses that must otherwise behave. @default 0.8 */
  readonly minShare?: number;
}

/** One rule at one URL. */
export interface FalsePositiveCandidate {
  readonly ruleId: string;
  readonly site: string;
  /** As in the detail: percent-encoded. */
  readonly path: string;
  readonly hits: number;
  readonly stopped: number;
  readonly addresses: number;
  /** Addresses that hit no rule at any other URL, or have logged in. */
  readonly behaving: number;
  readonly loggedIn: number;
  /** The variable that at least nine in ten of the hits name; `null` when there is none. */
  readonly matchedVar: string | null;
  /** `likely`: some have logged in. `possible`: none has, and it may be one attacker with many addresses. */
  readonly confidence: "likely" | "possible";
  /** One sentence with the numbers. */
  readonly reason: string;
  /** Lines for the site's virtual host, to be judged by a person; `null` when the URL cannot be written safely. */
  readonly suggestion: string | null;
}

interface Place {
  readonly ruleId: string;
  readonly site: string;
  readonly path: string;
  hits: number;
  stopped: number;
  readonly addresses: Set<string>;
  readonly variables: Map<string, number>;
}

/** Candidates with most logged-in addresses first, then most behaving ones. Hits without address or site prove nothing and are left out. */
export function falsePositiveCandidates(
  hits: Iterable<StoredWafHit>,
  { hasLoggedIn, minAddresses = 5, minShare = 0.8 }: FalsePositiveOptions,
): FalsePositiveCandidate[] {
  const { places, urlsOf } = collect(hits);
  const candidates: FalsePositiveCandidate[] = [];
  for (const place of places.values()) {
    if (place.addresses.size < minAddresses) continue;
    const all = [...place.addresses];
    const loggedIn = all.filter(hasLoggedIn);
    const others = all.filter((address) => (urlsOf.get(address)?.size ?? 0) === 1 && !loggedIn.includes(address));
    const behaving = loggedIn.length + others.length;
    if (behaving / all.length >= minShare) candidates.push(toCandidate(place, behaving, loggedIn.length));
  }
  return candidates.sort((a, b) => b.loggedIn - a.loggedIn || b.behaving - a.behaving || b.hits - a.hits);
}

/** Places by rule, site and path; and of each address the URLs where it hit something: several rules of one request are one deed. */
function collect(hits: Iterable<StoredWafHit>): { places: Map<string, Place>; urlsOf: Map<string, Set<string>> } {
  const places = new Map<string, Place>();
  const urlsOf = new Map<string, Set<string>>();
  for (const { address, site, detail: text } of hits) {
    const detail = parseWafDetail(text);
    if (detail === null || address === null) continue;
    const urls = urlsOf.get(address) ?? new Set();
    urlsOf.set(address, urls.add(`${site} ${detail.path}`));
    if (site === null) continue;
    for (const ruleId of detail.rules) {
      const key = `${ruleId} ${site} ${detail.path}`;
      const place = places.get(key) ?? emptyPlace(ruleId, site, detail.path);
      places.set(key, place);
      place.hits++;
      if (detail.isIntercepted) place.stopped++;
      place.addresses.add(address);
      const variable = detail.rules[0] === ruleId ? (detail.matchedVar ?? "") : "";
      place.variables.set(variable, (place.variables.get(variable) ?? 0) + 1);
    }
  }
  return { places, urlsOf };
}

function emptyPlace(ruleId: string, site: string, path: string): Place {
  return { ruleId, site, path, hits: 0, stopped: 0, addresses: new Set(), variables: new Map() };
}

function toCandidate(place: Place, behaving: number, loggedIn: number): FalsePositiveCandidate {
  const { ruleId, site, path, hits, stopped } = place;
  const addresses = place.addresses.size;
  const common = [...place.variables].find(([name, count]) => name !== "" && count >= hits * 0.9);
  const matchedVar = common?.[0] ?? null;
  const logins = loggedIn === 0 ? "none of them has logged in" : `${loggedIn} of them have logged in`;
  return {
    ruleId,
    site,
    path,
    hits,
    stopped,
    addresses,
    behaving,
    loggedIn,
    matchedVar,
    confidence: loggedIn > 0 ? "likely" : "possible",
    reason:
      `Rule ${ruleId} was hit ${hits} times at ${site}${path} by ${addresses} addresses (${stopped} requests stopped): ` +
      `${behaving} of these do nothing elsewhere that a rule minds, ${logins}` +
      `${loggedIn === 0 ? ", so it may also be one attacker with many addresses" : ""}`,
    suggestion: suggestionOf(ruleId, path, matchedVar),
  };
}

/**
 * For one variable a rule of the site's own that takes it out of the rule at this path: inside of Location ModSecurity 2.9 refuses
 * SecRuleUpdateTargetById ("no ruleset in this context"), and outside of it that would hold for all paths. Else SecRuleRemoveById.
 * Only plain characters: the lines are to be pasted into a configuration.
 */
function suggestionOf(ruleId: string, path: string, matchedVar: string | null): string | null {
  if (!/^\/[\w./~+-]{0,200}$/.test(path)) return null;
  if (matchedVar === null || !/^[A-Z_]{2,40}:[\w.-]{1,64}$/.test(matchedVar))
    return `<LocationMatch "^${path.replace(/[.+]/g, "\\$&")}$">\n    SecRuleRemoveById ${ruleId}\n</LocationMatch>\n`;
  const id = localRuleId(`${ruleId} ${path} ${matchedVar}`);
  const actions = `id:${id},phase:1,t:none,nolog,pass,ctl:ruleRemoveTargetById=${ruleId};${matchedVar}`;
  return `SecRule REQUEST_FILENAME "@streq ${path}" "${actions}"\n`;
}

/** 1 to 99,999 are for local rules; the same lines get the same number (FNV-1a). */
function localRuleId(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return 10_000 + (hash % 89_999);
}
