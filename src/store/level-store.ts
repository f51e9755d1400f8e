/** What was learnt of each series of levels, as src/ordinary/levels reads and writes it. */
import type { Store } from "./store.ts";

/** One series. */
export interface StoredLevel {
  readonly sensor: string;
  readonly series: string;
  /** When it had its last value, Unix milliseconds. */
  readonly atUnixMs: number;
  /** JSON. */
  readonly state: string;
  readonly past: Uint8Array;
}

/** Reads and writes series. */
export class LevelStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The latest `limit`. */
  list(limit: number): readonly StoredLevel[] {
    return this.#store.all("SELECT * FROM level ORDER BY at_ms DESC LIMIT ?", limit).map((row) => ({
      sensor: String(row["sensor"]),
      series: String(row["series"]),
      atUnixMs: Number(row["at_ms"]),
      state: String(row["state"]),
      past: row["past"] as Uint8Array,
    }));
  }

  put({ sensor, series, atUnixMs, state, past }: StoredLevel): void {
    this.#store.run("INSERT OR REPLACE INTO level VALUES (?, ?, ?, ?, ?)", sensor, series, atUnixMs, state, past);
  }

  forget(sensor: string, series: string): void {
    this.#store.run("DELETE FROM level WHERE sensor = ? AND series = ?", sensor, series);
  }
}
