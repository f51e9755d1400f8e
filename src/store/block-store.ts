/** Blocks, and what would have been blocked, in the store: for 30 days, which is as long as an offence counts. */
import { idNumber } from "./id.ts";
import type { Row, Store } from "./store.ts";

const KEPT_MS = 30 * 86_400_000;

/** One block of a network. */
export interface BlockRecord {
  /** The id of the action; `null`: it would have been blocked, and nothing is. */
  readonly action: string | null;
  readonly network: string;
  /** The rule; `null`: by hand. */
  readonly rule: string | null;
  readonly points: number;
  readonly reason: string;
  readonly atUnixMs: number;
  /** `null`: for ever. */
  readonly untilUnixMs: number | null;
  /**
   * `null`: it counts. `failed`: the warden did not do it. `undone`: it was taken away by hand. `pardoned`: it was over when a later
   * one of the network was taken away by hand. What does not count is kept for reports.
   */
  readonly outcome: "failed" | "undone" | "pardoned" | null;
}

/** Reads and writes blocks. */
export class BlockStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  insert({ action, network, rule, points, reason, atUnixMs, untilUnixMs }: Omit<BlockRecord, "outcome">): void {
    const sql =
      "INSERT INTO block (action, network, rule, points, reason, at_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
    const id = action === null ? null : idNumber("x", action);
    this.#store.run(sql, id, network, rule, points, reason, atUnixMs, untilUnixMs);
  }

  /** Oldest first: the latest `limit`, also those that do not count. */
  listSince(sinceUnixMs: number, limit: number): readonly BlockRecord[] {
    const sql = "SELECT * FROM block WHERE at_ms >= ? ORDER BY at_ms DESC, id DESC LIMIT ?";
    return this.#store.all(sql, sinceUnixMs, limit).map(toRecord).reverse();
  }

  /** Actions that blocked exactly this network and may last. */
  actionsOf(network: string, nowUnixMs: number): readonly string[] {
    const sql = `SELECT action FROM block WHERE network = ? AND action IS NOT NULL AND outcome IS NULL
      AND (until_ms IS NULL OR until_ms > ?)`;
    return this.#store.all(sql, network, nowUnixMs).map((row) => `x${row["action"]}`);
  }

  /** Networks of blocks that last. */
  lasting(nowUnixMs: number): readonly BlockRecord[] {
    const sql = `SELECT * FROM block WHERE action IS NOT NULL AND outcome IS NULL
      AND (until_ms IS NULL OR until_ms > ?) ORDER BY id`;
    return this.#store.all(sql, nowUnixMs).map(toRecord);
  }

  /** The warden did not do it. */
  fail(network: string, action: string): void {
    const sql = "UPDATE block SET outcome = 'failed' WHERE network = ? AND action = ?";
    this.#store.run(sql, network, idNumber("x", action));
  }

  /** A block was taken away by hand: neither it counts any more, nor what is over of its network. */
  letGo(network: string, action: string, nowUnixMs: number): void {
    const sql = `UPDATE block SET outcome = 'undone', until_ms = min(coalesce(until_ms, ?), ?)
      WHERE network = ? AND action = ? AND outcome IS NULL`;
    this.#store.run(sql, nowUnixMs, nowUnixMs, network, idNumber("x", action));
    const over = `UPDATE block SET outcome = 'pardoned'
      WHERE network = ? AND outcome IS NULL AND (action IS NULL OR until_ms <= ?)`;
    this.#store.run(over, network, nowUnixMs);
  }

  /** Forgets what is over and older than 30 days. */
  forgetOld(nowUnixMs: number): void {
    this.#store.run(
      "DELETE FROM block WHERE at_ms < ? AND (action IS NULL OR outcome IS NOT NULL OR until_ms < ?)",
      nowUnixMs - KEPT_MS,
      nowUnixMs,
    );
  }
}

function toRecord(row: Row): BlockRecord {
  return {
    action: row["action"] === null ? null : `x${row["action"]}`,
    network: String(row["network"]),
    rule: row["rule"] === null ? null : String(row["rule"]),
    points: Number(row["points"]),
    reason: String(row["reason"]),
    atUnixMs: Number(row["at_ms"]),
    untilUnixMs: row["until_ms"] === null ? null : Number(row["until_ms"]),
    outcome: row["outcome"] as BlockRecord["outcome"],
  };
}
