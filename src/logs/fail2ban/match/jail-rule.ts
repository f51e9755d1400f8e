/** A jail as a rule of the log engine: its filter, without what comes from networks that it ignores. */
import { formatNetwork, networkOf, parseIpAddress, parseNetwork } from "#src/lib/ip-network.ts";
import type { LineRule, LineView, LogHit } from "#src/logs/contract.ts";
import type { JailSpec } from "../spec.ts";
import { compileFilter } from "./compile-filter.ts";

const MAX_NAME = 100;

/** The name of a jail's rule. Not its filter's: several jails may have the same, each with limits of its own. */
export function jailRuleName({ name }: Pick<JailSpec, "name">): string {
  return `fail2ban:${name.slice(0, MAX_NAME)}`;
}

/**
 * Makes the rule of a jail.
 * @throws GarrisonError those of {@link compileFilter}
 */
export function compileJail(jail: Pick<JailSpec, "name" | "filter" | "ignore">): LineRule {
  return new JailRule(jailRuleName(jail), compileFilter(jail.filter), new Ignored(jail.ignore));
}

class JailRule implements LineRule {
  readonly name: string;
  readonly literals: readonly string[] | null;
  readonly wants?: NonNullable<LineRule["wants"]>;
  readonly examine?: NonNullable<LineRule["examine"]>;
  readonly #filter: LineRule;
  readonly #ignored: Ignored;

  constructor(name: string, filter: LineRule, ignored: Ignored) {
    this.name = name;
    this.literals = filter.literals;
    const wants = filter.wants?.bind(filter);
    if (wants !== undefined) this.wants = wants;
    const examine = filter.examine?.bind(filter);
    if (examine !== undefined) this.examine = examine;
    this.#filter = filter;
    this.#ignored = ignored;
  }

  search(line: LineView): unknown {
    return this.#filter.search(line);
  }

  conclude(found: NonNullable<unknown>, line: LineView): readonly LogHit[] {
    return this.#filter
      .conclude(found, line)
      .filter(({ address }) => address === null || !this.#ignored.has(address))
      .map((hit) => ({ ...hit, rule: this.name }));
  }
}

/** Networks, found by the lengths of their prefixes: mostly two or three. */
class Ignored {
  readonly #networks: ReadonlySet<string>;
  readonly #lengths: readonly { readonly family: 4 | 6; readonly prefix: number }[];

  constructor(ignore: readonly string[]) {
    const networks = ignore.flatMap((text) => parseNetwork(text) ?? []);
    this.#networks = new Set(networks.map(formatNetwork));
    const byLength = new Map(networks.map(({ family, prefix }) => [`${family} ${prefix}`, { family, prefix }]));
    this.#lengths = [...byLength.values()];
  }

  has(address: string): boolean {
    const bytes = parseIpAddress(address);
    if (bytes === null) return false;
    const family = bytes.length === 4 ? 4 : 6;
    return this.#lengths.some(
      (length) => length.family === family && this.#networks.has(formatNetwork(networkOf(bytes, length.prefix))),
    );
  }
}
