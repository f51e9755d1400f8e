/** What a command and the mind may say to each other on the unix socket: the whole table. Anything else ends the link. */
import { SEVERITIES } from "#src/model/severity.ts";
import { type Checked, flag, integer, json, list, nullable, object, oneOf, tagged, text } from "./check.ts";
import { subject } from "./facts.ts";

const ID = text(32);
const DURATION_MS = integer(0, 400 * 86_400_000);
// Of a block: ten years.
const BLOCK_MS = integer(0, 3653 * 86_400_000);

/** Command to mind: one request a connection. */
export const toMind = tagged("t", {
  status: object({ t: oneOf(["status"]) }),
  /**
   * The status, then alerts behind number `afterAlert` (or those that began since `sinceUnixMs`), then what happens, until the
   * connection ends.
   */
  watch: object({ t: oneOf(["watch"]), afterAlert: nullable(integer(0)), sinceUnixMs: nullable(integer(0)) }),
  alerts: object({
    t: oneOf(["alerts"]),
    state: nullable(oneOf(["open", "accepted", "closed"])),
    severity: nullable(oneOf(SEVERITIES)),
    kind: nullable(text(64)),
    sinceUnixMs: nullable(integer(0)),
    limit: integer(1, 10_000),
  }),
  /** One alert, and the others of its incident. */
  explain: object({ t: oneOf(["explain"]), alert: ID }),
  ordinary: object({ t: oneOf(["ordinary"]), sensor: nullable(text(64)) }),
  /** `forMs` `null`: as the configuration says; 0: for ever. */
  accept: object({ t: oneOf(["accept"]), alert: ID, forMs: nullable(DURATION_MS) }),
  actions: object({ t: oneOf(["actions"]), limit: integer(1, 10_000) }),
  /** Plans and performs an action for an alert; undone by itself after `forMs` (0: never). */
  act: object({ t: oneOf(["act"]), kind: text(64), alert: ID, forMs: DURATION_MS }),
  undo: object({ t: oneOf(["undo"]), action: ID }),
  /** Blocks an address or a network by hand; `forMs` 0: for ever. `isDryRun`: only says what would be done, or why not. */
  block: object({
    t: oneOf(["block"]),
    network: text(64),
    ports: list(integer(1, 65_535), 15),
    forMs: BLOCK_MS,
    reason: text(400),
    isPrivateMeant: flag,
    isDryRun: flag,
  }),
  /** Takes one block away (`x17`), or all of exactly an address or a network. */
  unblock: object({ t: oneOf(["unblock"]), what: text(64) }),
  /** How blocking stands, then blocks in force, newest first. */
  blocks: object({ t: oneOf(["blocks"]), limit: integer(1, 100_000) }),
  /** What was blocked, or would have been, within the last so long. */
  "blocks-report": object({ t: oneOf(["blocks-report"]), sinceMs: DURATION_MS }),
  /** Series of levels. */
  levels: object({ t: oneOf(["levels"]) }),
  /** Sources and rules of logs. */
  logs: object({ t: oneOf(["logs"]) }),
  /** Hits of the web application firewall, put together; `false-positive`: rules that ordinary visitors hit. */
  "waf-hits": object({
    t: oneOf(["waf-hits"]),
    by: oneOf(["rule", "site", "address", "false-positive"]),
    sinceMs: DURATION_MS,
  }),
  "notify-test": object({ t: oneOf(["notify-test"]) }),
  doctor: object({ t: oneOf(["doctor"]) }),
  /** Announces what a drill is about to stage; answered by the alerts that come of it, until the connection ends, which ends the drill. */
  drill: object({ t: oneOf(["drill"]), name: text(64), subject, pid: integer(1, 2 ** 31) }),
});
export type ToMind = Checked<typeof toMind>;

/** Mind to command: items, then `end` or `error`. */
export const fromMind = tagged("t", {
  item: object({ t: oneOf(["item"]), value: json(12, 20_000) }),
  end: object({ t: oneOf(["end"]) }),
  error: object({ t: oneOf(["error"]), code: text(64), message: text(4096), isUse: flag }),
});
export type FromMind = Checked<typeof fromMind>;
