/** Settings of `blocks`. */
import { isAbsolute } from "node:path";
import { z } from "zod";
import { duration, section as part, size } from "#src/config/values.ts";
import { parseNetwork } from "#src/lib/ip-network.ts";
import type { BlockListOptions, BlocksOptions, WardenBlockOptions } from "./options.ts";

const MAX_NETWORKS = 1000;
const MAX_LISTS = 32;

const network = z
  .string()
  .max(64)
  .superRefine((text, context) => {
    if (parseNetwork(text) === null) {
      context.addIssue({ code: "custom", message: "expected an address or a network such as 192.0.2.0/24" });
    }
  });

const networks = z.array(network).max(MAX_NETWORKS).default([]);

const policy = z.strictObject({
  points: z
    .number()
    .int()
    .min(2)
    .max(1000)
    .default(5)
    .describe("Points at which an address is blocked; a failed password has 1, a probe that nobody sends by mistake 5"),
  within: duration({ default: "10m", atLeast: "10s" }).describe("Time in which the points must come together"),
  first: duration({ default: "1h", atLeast: "10s" }).describe("How long the first block of an address lasts"),
  factor: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("How many times longer each further block of the same address within 30 days lasts"),
  longest: duration({ default: "7d", atLeast: "10s" }).describe("How long a block by rule lasts at most"),
  networkAt: z
    .number()
    .int()
    .min(0)
    .max(256)
    .default(0)
    .describe(
      "So many blocked addresses of one /24 within a day (of IPv6: of one /48, each /64 as one) block all of it; 0: never",
    ),
});

const list = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "expected a name of a-z, 0-9 and -")
    .describe("Name of the list, as garrison blocks shows it"),
  from: z
    .string()
    .max(2048)
    .refine((text) => /^https:\/\/[^\s]+$/.test(text) || isAbsolute(text), 'expected "https://..." or an absolute path')
    .describe("Where it is: https, or a file that the mind can read"),
  every: duration({ default: "1h", atLeast: "5m" }).describe("How often it is asked for"),
  maxSize: size({ default: "16 MiB", atLeast: "1 KiB" }).describe("A longer list is refused, and the last one stays"),
  maxEntries: z.number().int().min(1).max(1_000_000).default(200_000).describe("A list of more entries is refused"),
});

/** The section of the configuration. */
export const settings = z.strictObject({
  mode: z
    .enum(["observe", "enforce"])
    .default("observe")
    .describe("observe: rules block nothing, garrison blocks report says what they would have; enforce: they do"),
  backend: z
    .enum(["auto", "nftables", "ipset-iptables-nft", "ipset-iptables-legacy", "off"])
    .default("auto")
    .describe("How packets are dropped; auto: by nftables, else by ipset and iptables"),
  allow: networks.describe("Addresses and networks that are never blocked"),
  proxies: networks.describe("Proxies and CDNs before the web server: never blocked, as their clients are others"),
  web: z
    .boolean()
    .default(false)
    .describe(
      "Whether blocks are also written to STATE/web/deny.map (Apache) and deny.geo (nginx), by which the web server denies clients that come through a proxy; src/blocks/web/README.md says what it needs for that",
    ),
  policy: part(policy).describe("When a rule blocks, and for how long"),
  lists: z.array(list).max(MAX_LISTS).default([]).describe("Lists of addresses kept by others, blocked in both modes"),
});

/** For the mind. @throws TypeError when two lists have one name */
export function toOptions({ mode, allow, proxies, policy, lists }: z.output<typeof settings>): BlocksOptions {
  const names = lists.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`two lists have the name "${twice}", expected a name for each`);
  const { points, within, first, factor, longest, networkAt } = policy;
  return {
    mode,
    allow,
    proxies,
    policy: { points, withinMs: within, firstMs: first, factor, longestMs: longest, networkAt },
    lists: lists.map(toList),
  };
}

/** For the warden. */
export function toWardenOptions({ backend, allow, proxies, web }: z.output<typeof settings>): WardenBlockOptions {
  return { backend: backend === "off" ? null : backend, allow, proxies, hub: [], web };
}

function toList({ name, from, every, maxSize, maxEntries }: z.output<typeof list>): BlockListOptions {
  return { name, from, everyMs: every, maxBytes: maxSize, maxEntries };
}
