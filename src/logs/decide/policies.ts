/** Which policy a rule is judged by: the general one, or that of a jail that was taken over from fail2ban. Pure. */
import type { BlockPolicy } from "#src/blocks/options.ts";
import type { Window } from "./score-table.ts";

/** A policy of its own for rules whose names begin with `prefix`, such as `fail2ban:sshd`. Their points are counted apart. */
export interface RulePolicy {
  readonly prefix: string;
  /** Its blocks drop what is sent to these ports of ours; none: to all. @default none */
  readonly ports?: readonly number[];
  /** Fields that are not given are those of the general policy. */
  readonly policy: Partial<Omit<BlockPolicy, "networkAt">>;
}

/** A policy with its windows: one for addresses, others for the networks that IPv6 addresses grow to. */
export interface NumberedPolicy extends BlockPolicy {
  /** Of its rules; `null`: the general one. */
  readonly prefix: string | null;
  /** None: all. */
  readonly ports: readonly number[];
  readonly window: Window;
  readonly wide: Window;
  readonly wider: Window;
}

/** Finds the policy of a rule. At most 1,000 policies. */
export class Policies {
  readonly #general: NumberedPolicy;
  readonly #special: readonly { readonly prefix: string; readonly policy: NumberedPolicy }[];
  readonly #known = new Map<string, NumberedPolicy>();

  constructor(general: BlockPolicy, special: readonly RulePolicy[]) {
    this.#general = numbered(general, null, [], 0);
    const longestFirst = special.slice(0, 1000).toSorted((one, other) => other.prefix.length - one.prefix.length);
    this.#special = longestFirst.map(({ prefix, policy, ports = [] }, index) => ({
      prefix,
      policy: numbered({ ...general, ...policy }, prefix, ports, index + 1),
    }));
  }

  /** Those whose blocks are for some ports. */
  get withPorts(): readonly NumberedPolicy[] {
    return this.#special.map(({ policy }) => policy).filter(({ ports }) => ports.length > 0);
  }

  get all(): readonly NumberedPolicy[] {
    return [this.#general, ...this.#special.map(({ policy }) => policy)];
  }

  /** The policy of the longest prefix. */
  of(rule: string): NumberedPolicy {
    const known = this.#known.get(rule);
    if (known !== undefined) return known;
    const found = this.#special.find(({ prefix }) => isRuleOf(rule, prefix));
    const policy = found?.policy ?? this.#general;
    // Names of rules are ours, and few.
    if (this.#known.size < 10_000) this.#known.set(rule, policy);
    return policy;
  }
}

/** Whether a rule has this name, or one that it begins. */
export function isRuleOf(rule: string, prefix: string): boolean {
  return rule === prefix || rule.startsWith(`${prefix}.`);
}

/**
 * What a block of a network is remembered as. One to some ports is the jail's own: meanwhile other rules go on to decide about the
 * network, and theirs is no second offence of the jail.
 */
export function blockedAs(network: string, { prefix, ports }: Pick<NumberedPolicy, "prefix" | "ports">): string {
  return ports.length === 0 ? network : `${network} ${prefix}`;
}

function numbered(
  policy: BlockPolicy,
  prefix: string | null,
  ports: readonly number[],
  number: number,
): NumberedPolicy {
  const { withinMs } = policy;
  const window = (level: number): Window => ({ tag: number * 3 + level, withinMs });
  return { ...policy, prefix, ports, window: window(0), wide: window(1), wider: window(2) };
}
