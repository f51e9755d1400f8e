/** What was learnt, in the store: groups, members of sets, records. */
import type { JsonObject } from "#src/model/json.ts";
import type { Observation } from "#src/model/observation.ts";
import type { Subject } from "#src/model/subject.ts";
import type { Group } from "#src/ordinary/learning.ts";
import type { RecordState } from "#src/ordinary/record.ts";
import type { Member } from "#src/ordinary/set.ts";
import { fromKeyText, toKeyText } from "./key-text.ts";
import type { Row, Store, Value } from "./store.ts";

/** What a member or a record is of. */
export type Thing = Pick<Observation, "sensor" | "group" | "key" | "subject">;

/** A member with its name. */
export type StoredMember = Member & Thing;

/** A record with its name. */
export type StoredRecord = RecordState & Thing;

/** Reads and writes the ordinary. */
export class OrdinaryStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  group(sensor: string, name: string): Group | null {
    const sql = "SELECT * FROM learning_group WHERE sensor = ? AND name = ?";
    const row = this.#store.get(sql, sensor, toKeyText(name));
    return row === undefined ? null : toGroup(row);
  }

  groups(sensor: string): readonly (Group & { readonly name: string })[] {
    const rows = this.#store.all("SELECT * FROM learning_group WHERE sensor = ? ORDER BY name", sensor);
    return rows.map((row) => ({ ...toGroup(row), name: fromKeyText(String(row["name"])) }));
  }

  putGroup(sensor: string, name: string, { sinceUnixMs, latestUnixMs, isScanned }: Group): void {
    this.#store.run(
      "INSERT OR REPLACE INTO learning_group VALUES (?, ?, ?, ?, ?)",
      ...[sensor, toKeyText(name), sinceUnixMs, latestUnixMs, Number(isScanned)],
    );
  }

  /** Whether all there is in a group has been listed once. */
  isListed(sensor: string, group: string): boolean {
    const sql = "SELECT 1 AS one FROM listing WHERE sensor = ? AND name = ?";
    return this.#store.get(sql, sensor, toKeyText(group)) !== undefined;
  }

  /** Groups that have been listed. */
  listings(sensor: string): readonly string[] {
    const rows = this.#store.all("SELECT name FROM listing WHERE sensor = ? ORDER BY name", sensor);
    return rows.map((row) => fromKeyText(String(row["name"])));
  }

  putListing(sensor: string, group: string): void {
    this.#store.run("INSERT OR IGNORE INTO listing VALUES (?, ?)", sensor, toKeyText(group));
  }

  member(sensor: string, key: string): StoredMember | null {
    const row = this.#store.get("SELECT * FROM member WHERE sensor = ? AND key = ?", sensor, toKeyText(key));
    return row === undefined ? null : toMember(row);
  }

  members(sensor: string): readonly StoredMember[] {
    return this.#store.all("SELECT * FROM member WHERE sensor = ? ORDER BY first_ms, key", sensor).map(toMember);
  }

  /** Those that were learnt or accepted. */
  ordinaryMembers(sensor: string): readonly StoredMember[] {
    const sql = "SELECT * FROM member WHERE sensor = ? AND standing = 'ordinary' ORDER BY first_ms, key";
    return this.#store.all(sql, sensor).map(toMember);
  }

  membersOf(sensor: string, group: string): readonly StoredMember[] {
    const sql = "SELECT * FROM member WHERE sensor = ? AND group_name = ?";
    return this.#store.all(sql, sensor, toKeyText(group)).map(toMember);
  }

  /** Remembers a member, or forgets it (`null`). */
  putMember({ sensor, group, key, subject }: Thing, member: Member | null): void {
    if (member === null) this.#store.run("DELETE FROM member WHERE sensor = ? AND key = ?", sensor, toKeyText(key));
    else {
      const { facts, standing, how, firstAtUnixMs, lastAtUnixMs, count, isAway } = member;
      this.#store.run(
        "INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ...[
          sensor,
          toKeyText(key),
          toKeyText(group),
          JSON.stringify(subject),
          JSON.stringify(facts),
          standing,
          how,
          firstAtUnixMs,
          lastAtUnixMs,
          count,
          Number(isAway),
        ],
      );
    }
  }

  record(sensor: string, key: string): StoredRecord | null {
    const row = this.#store.get("SELECT * FROM record WHERE sensor = ? AND key = ?", sensor, toKeyText(key));
    return row === undefined ? null : toRecord(row);
  }

  records(sensor: string): readonly StoredRecord[] {
    return this.#store.all("SELECT * FROM record WHERE sensor = ? ORDER BY key", sensor).map(toRecord);
  }

  recordsOf(sensor: string, group: string): readonly StoredRecord[] {
    const sql = "SELECT * FROM record WHERE sensor = ? AND group_name = ?";
    return this.#store.all(sql, sensor, toKeyText(group)).map(toRecord);
  }

  /** Remembers a record, or forgets it (`null`). */
  putRecord({ sensor, group, key, subject }: Thing, record: RecordState | null): void {
    if (record === null) this.#store.run("DELETE FROM record WHERE sensor = ? AND key = ?", sensor, toKeyText(key));
    else {
      const { ordinary, seen, firstAtUnixMs, lastAtUnixMs } = record;
      const thing = [sensor, toKeyText(key), toKeyText(group), JSON.stringify(subject)] as const;
      this.#store.run(
        "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ...[...thing, toText(ordinary), toText(seen), firstAtUnixMs, lastAtUnixMs],
      );
    }
  }

  /** Forgets unusual members that left before `beforeUnixMs`. @returns how many */
  forgetLeft(beforeUnixMs: number, limit = 1000): number {
    const gone = this.#store.all(
      `DELETE FROM member WHERE (sensor, key) IN (
         SELECT sensor, key FROM member WHERE standing = 'unusual' AND away = 1 AND last_ms < ? LIMIT ?) RETURNING 1 AS one`,
      ...[beforeUnixMs, limit],
    );
    return gone.length;
  }

  /** How many members and records of a sensor are known. */
  sizeOf(sensor: string): { readonly members: number; readonly records: number } {
    const count = (table: "member" | "record"): number =>
      Number(this.#store.get(`SELECT count(*) AS n FROM ${table} WHERE sensor = ?`, sensor)?.["n"] ?? 0);
    return { members: count("member"), records: count("record") };
  }
}

function toGroup(row: Row): Group {
  return {
    sinceUnixMs: Number(row["since_ms"]),
    latestUnixMs: Number(row["latest_ms"]),
    isScanned: row["scanned"] === 1,
  };
}

function toMember(row: Row): StoredMember {
  return {
    ...toThing(row),
    facts: JSON.parse(String(row["facts"])) as JsonObject,
    standing: row["standing"] === "ordinary" ? "ordinary" : "unusual",
    how: row["how"] === "accepted" ? "accepted" : "learnt",
    firstAtUnixMs: Number(row["first_ms"]),
    lastAtUnixMs: Number(row["last_ms"]),
    count: Number(row["count"]),
    isAway: row["away"] === 1,
  };
}

function toRecord(row: Row): StoredRecord {
  return {
    ...toThing(row),
    ordinary: fromText(row["ordinary"]),
    seen: fromText(row["seen"]),
    firstAtUnixMs: Number(row["first_ms"]),
    lastAtUnixMs: Number(row["last_ms"]),
  };
}

function toThing(row: Row): Thing {
  return {
    sensor: String(row["sensor"]),
    group: fromKeyText(String(row["group_name"])),
    key: fromKeyText(String(row["key"])),
    subject: JSON.parse(String(row["subject"])) as Subject,
  };
}

function toText(facts: JsonObject | null): string | null {
  return facts === null ? null : JSON.stringify(facts);
}

function fromText(text: Value | undefined): JsonObject | null {
  return text === null || text === undefined ? null : (JSON.parse(String(text)) as JsonObject);
}
