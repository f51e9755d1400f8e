/** Blocks as text for people, and the checks of what the mind sends for them. */
import { formatDuration } from "#src/lib/duration.ts";
import { type Checked, integer, list, nullable, number, object, oneOf, text } from "#src/wire/check.ts";
import type { Output } from "./output.ts";

const NETWORK = text(64);
const INSTANT = text(32);
const COUNT = integer(0);
const MODE = oneOf(["observe", "enforce"]);

/** How packets are dropped, as the mind sends it. */
export const FIREWALL = {
  backend: nullable(text(64)),
  failure: nullable(text(1024)),
  blocked: COUNT,
  listed: COUNT,
  restored: COUNT,
  dropped: COUNT,
  blindTo: list(text(512), 8),
};

/** How blocking stands. */
export const checkFirewall = object({ item: oneOf(["firewall"]), mode: MODE, ...FIREWALL });

/** How a block list stands. */
export const checkList = object({
  item: oneOf(["list"]),
  name: text(64),
  from: text(4096),
  state: oneOf(["waiting", "good", "stale", "missing"]),
  entries: COUNT,
  networks: COUNT,
  reserved: COUNT,
  refused: COUNT,
  fetchedAt: nullable(INSTANT),
  askedAt: nullable(INSTANT),
  nextAt: nullable(INSTANT),
  failure: nullable(text(1024)),
});

/** What a block would do. */
export const checkRehearsal = object({
  item: oneOf(["rehearsal"]),
  network: NETWORK,
  ports: list(integer(1, 65_535), 15),
  expiresAt: nullable(INSTANT),
  refusal: nullable(text(2048)),
  /** Checks that could not be made. */
  unchecked: list(text(512), 8),
  ...FIREWALL,
});

/** One network of a report. */
export const checkReported = object({
  item: oneOf(["network"]),
  network: NETWORK,
  blocked: COUNT,
  wouldBlock: COUNT,
  undone: COUNT,
  failed: COUNT,
  rules: list(text(128), 1000),
  reason: text(2000),
  firstAt: INSTANT,
  lastAt: INSTANT,
  totalMs: nullable(number),
});

/** The end of a report. */
export const checkReportSummary = object({
  item: oneOf(["summary"]),
  mode: MODE,
  since: INSTANT,
  networks: COUNT,
  blocked: COUNT,
  wouldBlock: COUNT,
  undone: COUNT,
  failed: COUNT,
  rules: list(object({ rule: text(128), count: COUNT }), 1000),
  isCut: (value: unknown) => value === true,
});

/** One line of how blocking stands. */
export function firewallLine(status: Omit<Checked<typeof checkFirewall>, "item">, output: Output): string {
  const { mode, backend, failure, blocked, listed, dropped, restored } = status;
  const how = backend === null ? output.style("red", "nothing can be blocked") : `by ${output.clean(backend)}`;
  const rules = mode === "observe" ? "rules only observe" : "rules block";
  const again = restored === 0 ? "" : `, our tables were taken away and put back ${restored} times`;
  const why = failure === null ? "" : `: ${output.clean(failure)}`;
  return `${how}, ${rules}: ${blocked} blocked, ${listed} on lists, ${dropped} packets dropped${again}${why}`;
}

/** How blocking stands, then what it cannot see or do here. */
export function firewallLines(status: Checked<typeof checkFirewall>, output: Output): string[] {
  const label = output.style("dim", "blind to".padEnd(9));
  return [firewallLine(status, output), ...status.blindTo.map((sentence) => `  ${label} ${output.clean(sentence)}`)];
}

/** One line of a list. */
export function listLine(one: Checked<typeof checkList>, output: Output): string {
  const { name, from, state, networks, refused, fetchedAt, failure } = one;
  const style = state === "good" ? "green" : state === "waiting" ? "dim" : state === "stale" ? "yellow" : "red";
  const when = fetchedAt === null ? "never fetched" : `fetched ${fetchedAt.slice(0, 16).replace("T", " ")}`;
  const lines = refused === 0 ? "" : `, ${refused} lines refused`;
  const why = failure === null ? "" : `: ${output.clean(failure)}`;
  return `list ${output.clean(name).padEnd(19)} ${output.style(style, state)}, ${networks} networks, ${when}${lines}, from ${output.clean(from, 300)}${why}`;
}

/** What a block would do, then what that does not rest upon. */
export function rehearsalLines(rehearsal: Checked<typeof checkRehearsal>, output: Output): string[] {
  const { refusal, unchecked, blindTo } = rehearsal;
  if (refusal !== null) return [`would be refused: ${output.clean(refusal, 1024)}`];
  const label = (name: string): string => output.style("dim", name.padEnd(9));
  return [
    dropLine(rehearsal, output),
    ...unchecked.map((one) => `  ${label("unchecked")} ${output.clean(one)}: the warden is away`),
    ...blindTo.map((sentence) => `  ${label("blind to")} ${output.clean(sentence)}`),
  ];
}

function dropLine({ network, ports, expiresAt, backend }: Checked<typeof checkRehearsal>, output: Output): string {
  const what = ports.length === 0 ? "" : ` to ${ports.length === 1 ? "port" : "ports"} ${ports.join(", ")}`;
  const until = expiresAt === null ? "for ever" : `until ${expiresAt}`;
  const how = backend === null ? "as soon as there is a warden" : `by ${output.clean(backend)}`;
  return `would drop all packets from ${output.clean(network)}${what} ${until}, ${how}`;
}

/** One line of a report. */
export function reportedLine(one: Checked<typeof checkReported>, output: Output): string {
  const { network, blocked, wouldBlock, undone, failed, rules, totalMs, lastAt } = one;
  const times = wouldBlock > 0 ? `${wouldBlock} times would be` : `${blocked} times`;
  const ends = [...(undone > 0 ? [`${undone} taken away by hand`] : []), ...(failed > 0 ? [`${failed} not done`] : [])];
  const long = totalMs === null ? "for ever" : `for ${formatDuration(totalMs)}`;
  const last = lastAt.slice(0, 16).replace("T", " ");
  return `${output.clean(network).padEnd(24)} ${[`${times} blocked`, ...(blocked + wouldBlock > 0 ? [long] : []), ...ends].join(", ")}, last ${last}  ${output.clean(rules.join(", "), 300)}`;
}
