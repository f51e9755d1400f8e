/** Alerts, incidents and acceptances in the store. */
import { severityRank } from "#src/lib/severity-order.ts";
import type { Alert, AlertState } from "#src/model/alert.ts";
import type { Json } from "#src/model/json.ts";
import { SEVERITIES, type Severity } from "#src/model/severity.ts";
import { idNumber } from "./id.ts";
import { fromKeyText, toKeyText } from "./key-text.ts";
import type { Row, Store } from "./store.ts";

/** An alert before the store has numbered it. */
export type NewAlert = Omit<Alert, "id" | "incident" | "host"> & { readonly incident: number; readonly key: string };

/** Which alerts are wanted. Absent fields do not restrict. */
export interface AlertFilter {
  readonly state?: AlertState;
  readonly kind?: string;
  /** Lowest severity. */
  readonly severity?: Severity;
  readonly sinceUnixMs?: number;
  /** Newest first, at most this many. */
  readonly limit: number;
}

/** An acceptance that ends some day. */
export interface Acceptance {
  readonly sensor: string;
  readonly key: string;
  /** The id of the alert that is open again then. */
  readonly alert: string;
  readonly expiresAtUnixMs: number;
  /** What was ordinary before. */
  readonly before: Json;
}

/** What an alert's text columns hold; the rest are columns of their own. */
type Body = Pick<Alert, "subject" | "who" | "ordinary" | "observed" | "evidence" | "next" | "attack">;

/** Reads and writes alerts. */
export class AlertStore {
  readonly #store: Store;
  readonly #host: string;

  constructor(store: Store, host: string) {
    this.#store = store;
    this.#host = host;
  }

  get(id: string): Alert | null {
    const row = this.#store.get("SELECT * FROM alert WHERE id = ?", idNumber("a", id));
    return row === undefined ? null : this.#toAlert(row);
  }

  /** The ordinary key behind an alert. */
  keyOf(id: string): string {
    const row = this.#store.get("SELECT key FROM alert WHERE id = ?", idNumber("a", id));
    return fromKeyText(String(row?.["key"] ?? ""));
  }

  /**
   * The alerts that a repetition may belong to: of the same thing and kind, not of a drill, not accepted, still open or seen since
   * `sinceUnixMs`. Newest first.
   */
  listSame(sensor: string, key: string, kind: string, sinceUnixMs: number, limit: number): readonly Alert[] {
    const rows = this.#store.all(
      `SELECT * FROM alert WHERE sensor = ? AND key = ? AND kind = ? AND drill IS NULL AND state != 'accepted'
       AND (state = 'open' OR last_ms >= ?) ORDER BY id DESC LIMIT ?`,
      ...[sensor, toKeyText(key), kind, sinceUnixMs, limit],
    );
    return rows.map((row) => this.#toAlert(row));
  }

  /** Open alerts of one thing. */
  openOf(sensor: string, key: string): readonly Alert[] {
    const sql = "SELECT * FROM alert WHERE sensor = ? AND key = ? AND state = 'open' ORDER BY id";
    return this.#store.all(sql, sensor, toKeyText(key)).map((row) => this.#toAlert(row));
  }

  /** Open alerts that a drill staged; `null`: any drill. */
  openOfDrill(name: string | null): readonly Alert[] {
    const sql =
      "SELECT * FROM alert WHERE state = 'open' AND drill IS NOT NULL AND (?1 IS NULL OR drill = ?1) ORDER BY id";
    return this.#store.all(sql, name).map((row) => this.#toAlert(row));
  }

  /** Alerts behind a number, oldest first. */
  listAfter(number: number, limit: number): readonly Alert[] {
    const sql = "SELECT * FROM alert WHERE id > ? ORDER BY id LIMIT ?";
    return this.#store.all(sql, number, limit).map((row) => this.#toAlert(row));
  }

  /** The number of the newest alert, 0 when there is none. */
  get lastNumber(): number {
    return Number(this.#store.get("SELECT max(id) AS last FROM alert")?.["last"] ?? 0);
  }

  /** Ids only: the alerts may be too many to be held. */
  listIds({ state, kind, severity, sinceUnixMs, limit }: AlertFilter): readonly string[] {
    const rank = severity === undefined ? 0 : severityRank(severity);
    const rows = this.#store.all(
      `SELECT id FROM alert WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR kind = ?2) AND last_ms >= ?3
       AND severity IN (SELECT value FROM json_each(?4)) ORDER BY last_ms DESC, id DESC LIMIT ?5`,
      ...[state ?? null, kind ?? null, sinceUnixMs ?? 0, JSON.stringify(SEVERITIES.slice(rank)), limit],
    );
    return rows.map((row) => `a${row["id"]}`);
  }

  /** The first alerts of one incident, oldest first. */
  listIncident(incident: string, limit: number): readonly Alert[] {
    const sql = "SELECT * FROM alert WHERE incident = ? ORDER BY id LIMIT ?";
    return this.#store.all(sql, idNumber("i", incident), limit).map((row) => this.#toAlert(row));
  }

  /** Number of the last alert that began before an instant; 0 when there is none. */
  lastNumberBefore(unixMs: number): number {
    return Number(this.#store.get("SELECT max(id) AS last FROM alert WHERE first_ms < ?", unixMs)?.["last"] ?? 0);
  }

  countOpen(): number {
    return Number(
      this.#store.get("SELECT count(*) AS n FROM alert WHERE state = 'open' AND drill IS NULL")?.["n"] ?? 0,
    );
  }

  insert(alert: NewAlert): Alert {
    const { incident, sensor, kind, key, severity, state, count, firstAt, lastAt, drill } = alert;
    const id = this.#store.run(
      `INSERT INTO alert (incident, sensor, kind, key, severity, state, count, first_ms, last_ms, drill, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[
        incident,
        sensor,
        kind,
        toKeyText(key),
        severity,
        state,
        count,
        Date.parse(firstAt),
        Date.parse(lastAt),
        drill,
        toBody(alert),
      ],
    );
    return this.get(`a${id}`)!;
  }

  /** Writes back what may change of an alert. */
  update(alert: Alert): void {
    this.#store.run(
      "UPDATE alert SET severity = ?, state = ?, count = ?, last_ms = ?, body = ? WHERE id = ?",
      ...[alert.severity, alert.state, alert.count, Date.parse(alert.lastAt), toBody(alert), idNumber("a", alert.id)],
    );
  }

  /** The incident that one of the traits was part of within `withinMs`, or a new one; the traits are its own from now on. */
  incidentOf(traits: readonly string[], atUnixMs: number, withinMs: number): number {
    const sql = `SELECT incident, last_ms FROM incident_trait WHERE trait = ? AND last_ms BETWEEN ? AND ?
      ORDER BY last_ms DESC, incident DESC LIMIT 1`;
    const rows = traits
      .map((trait) => this.#store.get(sql, toKeyText(trait), atUnixMs - withinMs, atUnixMs + withinMs))
      .filter((row) => row !== undefined);
    const latest = rows.toSorted((one, other) => Number(other["last_ms"]) - Number(one["last_ms"]))[0];
    const known = latest === undefined ? undefined : Number(latest["incident"]);
    const incident =
      known ?? this.#store.run("INSERT INTO incident (first_ms, last_ms) VALUES (?, ?)", atUnixMs, atUnixMs);
    this.joinIncident(incident, traits, atUnixMs);
    return incident;
  }

  /** The traits belong to the incident. */
  joinIncident(incident: number, traits: readonly string[], atUnixMs: number): void {
    this.#store.run("UPDATE incident SET last_ms = max(last_ms, ?) WHERE id = ?", atUnixMs, incident);
    for (const trait of traits) {
      this.#store.run("INSERT OR REPLACE INTO incident_trait VALUES (?, ?, ?)", toKeyText(trait), incident, atUnixMs);
    }
  }

  /** Remembers until when an acceptance of a thing holds, and what was ordinary before it. Replaces that of an earlier alert. */
  putAcceptance({ sensor, key, alert, expiresAtUnixMs, before }: Acceptance): void {
    this.#store.run(
      "INSERT OR REPLACE INTO acceptance VALUES (?, ?, ?, ?, ?)",
      ...[sensor, toKeyText(key), idNumber("a", alert), expiresAtUnixMs, JSON.stringify(before)],
    );
  }

  /** The acceptance of a thing that ends some day, or `null`. */
  acceptance(sensor: string, key: string): Acceptance | null {
    const row = this.#store.get("SELECT * FROM acceptance WHERE sensor = ? AND key = ?", sensor, toKeyText(key));
    return row === undefined ? null : toAcceptance(row);
  }

  forgetAcceptance(sensor: string, key: string): void {
    this.#store.run("DELETE FROM acceptance WHERE sensor = ? AND key = ?", sensor, toKeyText(key));
  }

  /** Acceptances that have run out; each is given once. */
  takeExpiredAcceptances(nowUnixMs: number): readonly Acceptance[] {
    return this.#store.all("DELETE FROM acceptance WHERE expires_ms <= ? RETURNING *", nowUnixMs).map(toAcceptance);
  }

  /** When the next acceptance runs out. */
  nextExpiryUnixMs(): number | null {
    const next = this.#store.get("SELECT min(expires_ms) AS next FROM acceptance")?.["next"];
    return typeof next === "number" ? next : null;
  }

  /** Forgets what is closed or accepted and older than `beforeUnixMs`, unless its acceptance ends some day. @returns how many alerts */
  forgetOlder(beforeUnixMs: number, limit = 1000): number {
    const gone = this.#store.all(
      `DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state != 'open' AND last_ms < ?
         AND id NOT IN (SELECT alert FROM acceptance) ORDER BY last_ms LIMIT ?) RETURNING id`,
      ...[beforeUnixMs, limit],
    );
    this.#forgetEmptyIncidents(beforeUnixMs);
    return gone.length;
  }

  /** Forgets open alerts, the least grave and oldest first: for a store that has room for nothing else. @returns how many */
  forgetLeastGrave(limit: number): number {
    const gone = this.#store.all(
      `DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = 'open'
         ORDER BY (SELECT key FROM json_each(?) WHERE value = severity), last_ms LIMIT ?) RETURNING id`,
      ...[JSON.stringify(SEVERITIES), limit],
    );
    return gone.length;
  }

  /** Forgets traits that were last seen before `beforeUnixMs`. */
  forgetTraits(beforeUnixMs: number): void {
    this.#store.run("DELETE FROM incident_trait WHERE last_ms < ?", beforeUnixMs);
  }

  #forgetEmptyIncidents(beforeUnixMs: number): void {
    this.#store.run(
      `DELETE FROM incident WHERE last_ms < ? AND id NOT IN (SELECT incident FROM alert)
       AND id NOT IN (SELECT incident FROM incident_trait)`,
      beforeUnixMs,
    );
  }

  #toAlert(row: Row): Alert {
    const { subject, who, ordinary, observed, evidence, next, attack } = JSON.parse(String(row["body"])) as Body;
    return {
      id: `a${row["id"]}`,
      incident: `i${row["incident"]}`,
      at: new Date(Number(row["first_ms"])).toISOString(),
      sensor: String(row["sensor"]),
      kind: String(row["kind"]),
      severity: row["severity"] as Severity,
      subject,
      who,
      ordinary,
      observed,
      evidence,
      next,
      attack,
      count: Number(row["count"]),
      firstAt: new Date(Number(row["first_ms"])).toISOString(),
      lastAt: new Date(Number(row["last_ms"])).toISOString(),
      state: row["state"] as AlertState,
      drill: row["drill"] === null ? null : String(row["drill"]),
      host: this.#host,
    };
  }
}

function toAcceptance(row: Row): Acceptance {
  return {
    sensor: String(row["sensor"]),
    key: fromKeyText(String(row["key"])),
    alert: `a${row["alert"]}`,
    expiresAtUnixMs: Number(row["expires_ms"]),
    before: JSON.parse(String(row["before"])) as Json,
  };
}

function toBody({ subject, who, ordinary, observed, evidence, next, attack }: Body): string {
  return JSON.stringify({ subject, who, ordinary, observed, evidence, next, attack } satisfies Body);
}
