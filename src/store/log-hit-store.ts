/** Hits, how often each rule hit, and good history of addresses, in the store. At most 200,000 hits, for 30 days. */
import type { Outcome, PlacedHit } from "#src/logs/contract.ts";
import type { Standing } from "#src/logs/decide/standing.ts";
import type { Row, Store } from "./store.ts";

const MAX_HITS = 200_000;
const KEPT_MS = 30 * 86_400_000;

/** A hit at its time, and as which network it counts. */
export interface TimedHit {
  readonly hit: PlacedHit;
  readonly atUnixMs: number;
  /** `""` for one without an address. */
  readonly network: string;
}

/** How often a rule hit in a source. */
export interface RuleCount {
  readonly rule: string;
  readonly source: string;
  readonly hits: number;
  readonly firstAtUnixMs: number;
  readonly lastAtUnixMs: number;
}

/** Reads and writes hits. */
export class LogHitStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  insert({ hit, atUnixMs, network }: TimedHit): void {
    const { address, rule, service, outcome, user, site, detail, weight, source, place, text, isForgeable } = hit;
    this.#store.run(
      `INSERT INTO log_hit (at_ms, network, address, rule, service, outcome, user, site, detail, weight, source, file, offset, line,
       text, forgeable) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[atUnixMs, network, address, rule, service, outcome, user, site, detail, weight, source],
      ...[place.file, place.offset, place.line, text, Number(isForgeable)],
    );
  }

  /** Hits since an instant, oldest first: the latest `limit` of them. */
  listSince(sinceUnixMs: number, limit: number): readonly TimedHit[] {
    const sql = "SELECT * FROM log_hit WHERE at_ms >= ? ORDER BY id DESC LIMIT ?";
    return this.#store.all(sql, sinceUnixMs, limit).map(toHit).reverse();
  }

  /** Hits of one service, oldest first: the latest `limit`. */
  listOfService(service: string, sinceUnixMs: number, limit: number): readonly TimedHit[] {
    const sql = "SELECT * FROM log_hit WHERE service = ? AND at_ms >= ? ORDER BY at_ms DESC LIMIT ?";
    return this.#store.all(sql, service, sinceUnixMs, limit).map(toHit).reverse();
  }

  /** Adds to what a rule has hit. */
  count(rule: string, source: string, hits: number, atUnixMs: number): void {
    this.#store.run(
      `INSERT INTO log_count VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (rule, source)
       DO UPDATE SET hits = hits + ?3, last_ms = max(last_ms, ?4)`,
      ...[rule, source, hits, atUnixMs],
    );
  }

  counts(): readonly RuleCount[] {
    return this.#store.all("SELECT * FROM log_count ORDER BY rule, source").map((row) => ({
      rule: String(row["rule"]),
      source: String(row["source"]),
      hits: Number(row["hits"]),
      firstAtUnixMs: Number(row["first_ms"]),
      lastAtUnixMs: Number(row["last_ms"]),
    }));
  }

  putStanding({ network, days, lastAtUnixMs, accounts }: Standing): void {
    const sql = "INSERT OR REPLACE INTO log_standing VALUES (?, ?, ?, ?)";
    this.#store.run(sql, network, days, lastAtUnixMs, JSON.stringify(accounts));
  }

  /** The latest last. */
  standings(limit: number): readonly Standing[] {
    const rows = this.#store.all("SELECT * FROM log_standing ORDER BY last_ms DESC LIMIT ?", limit).reverse();
    return rows.map((row) => ({
      network: String(row["network"]),
      days: Number(row["days"]),
      lastAtUnixMs: Number(row["last_ms"]),
      accounts: JSON.parse(String(row["accounts"])) as string[],
    }));
  }

  /** Whether a login from there has worked within 30 days. */
  hasStanding(network: string): boolean {
    return this.#store.get("SELECT 1 AS one FROM log_standing WHERE network = ?", network) !== undefined;
  }

  /** Forgets a part of what is too old or too much. @returns how many hits */
  forgetOld(nowUnixMs: number, limit = 1000): number {
    const last = Number(this.#store.get("SELECT max(id) AS last FROM log_hit")?.["last"] ?? 0);
    const sql = `DELETE FROM log_hit WHERE id IN (SELECT id FROM log_hit WHERE id <= ? OR at_ms < ? ORDER BY id LIMIT ?) RETURNING id`;
    const gone = this.#store.all(sql, last - MAX_HITS, nowUnixMs - KEPT_MS, limit);
    this.#store.run("DELETE FROM log_standing WHERE last_ms < ?", nowUnixMs - KEPT_MS);
    return gone.length;
  }

  /** Forgets the oldest hits: for a store without room. @returns how many */
  forgetOldest(limit: number): number {
    const sql = "DELETE FROM log_hit WHERE id IN (SELECT id FROM log_hit ORDER BY id LIMIT ?) RETURNING id";
    return this.#store.all(sql, limit).length;
  }
}

function toHit(row: Row): TimedHit {
  const text = (name: string): string => String(row[name]);
  const orNull = (name: string): string | null => (row[name] === null ? null : text(name));
  return {
    atUnixMs: Number(row["at_ms"]),
    network: text("network"),
    hit: {
      rule: text("rule"),
      service: text("service"),
      outcome: text("outcome") as Outcome,
      atUnixMs: Number(row["at_ms"]),
      address: orNull("address"),
      user: orNull("user"),
      site: orNull("site"),
      detail: orNull("detail"),
      weight: Number(row["weight"]),
      place: {
        file: text("file"),
        offset: Number(row["offset"]),
        line: row["line"] === null ? null : Number(row["line"]),
      },
      source: text("source"),
      text: text("text"),
      isForgeable: row["forgeable"] === 1,
    },
  };
}
