import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { MIGRATIONS } from "./migrations.ts";
import { readValue, writeValue } from "./outbox.ts";
import { isStoreFull, Store, unlessFull } from "./store.ts";

const MAX_BYTES = 64 * 1024 * 1024;

function makeFolder(): { path: string; folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "garrison-store-"));
  return { folder, path: join(folder, "store.db"), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function open(path: string, maxBytes = MAX_BYTES): Store {
  const { store, damage } = Store.open(path, { maxBytes });
  assert.equal(damage, null);
  return store;
}

describe("Store.open()", () => {
  test("makes the database with the latest schema, readable to its owner only", () => {
    using place = makeFolder();
    using store = open(place.path);
    assert.equal(store.get("PRAGMA user_version")?.["user_version"], MIGRATIONS.length);
    assert.equal(store.get("PRAGMA journal_mode")?.["journal_mode"], "wal");
    assert.equal(store.get("PRAGMA synchronous")?.["synchronous"], 2);
    writeValue(store, "a", 1);
    assert.equal(statSync(place.path).mode & 0o777, 0o600);
    assert.equal(statSync(`${place.path}-wal`).mode & 0o777, 0o600);
  });

  test("leaves what is there when it is opened again", () => {
    using place = makeFolder();
    {
      using store = open(place.path);
      writeValue(store, "a", { b: [1] });
    }
    using store = open(place.path);
    assert.deepEqual(readValue(store, "a"), { b: [1] });
  });

  test("has one user at a time", () => {
    using place = makeFolder();
    using _store = open(place.path);
    const other = new DatabaseSync(place.path);
    assert.throws(() => other.prepare("SELECT * FROM value").all(), /locked/);
    other.close();
  });

  test("refuses a schema of a newer Garrison and leaves it as it is", () => {
    using place = makeFolder();
    {
      using store = open(place.path);
      store.run(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    }
    const before = readFileSync(place.path);
    assert.throws(() => Store.open(place.path, { maxBytes: MAX_BYTES }), {
      code: "GARRISON_STORE_TOO_NEW",
      message: /its schema is version \d+, this Garrison knows up to \d+/,
    });
    assert.deepEqual(readFileSync(place.path), before);
    assert.ok(!existsSync(`${place.path}.damaged`));
  });

  test("sets a file aside that is no database", () => {
    using place = makeFolder();
    writeFileSync(place.path, "not a database, but longer than a header of SQLite would be".repeat(10));
    const { store, damage } = Store.open(place.path, { maxBytes: MAX_BYTES });
    using _store = store;
    assert.match(damage ?? "", /not a database; it lies in .*store\.db\.damaged$/);
    assert.match(readFileSync(`${place.path}.damaged`, "utf8"), /^not a database/);
    writeValue(store, "a", 1);
  });

  test("sets a database aside whose pages are damaged, with its log", () => {
    using place = makeFolder();
    {
      using store = open(place.path);
      for (let index = 0; index < 500; index++) writeValue(store, `name ${index}`, "x".repeat(100));
    }
    const bytes = readFileSync(place.path);
    bytes.fill(0xa5, 4096, bytes.length);
    writeFileSync(place.path, bytes);
    writeFileSync(`${place.path}-wal`, "garbage");
    const { store, damage } = Store.open(place.path, { maxBytes: MAX_BYTES });
    using _store = store;
    assert.notEqual(damage, null);
    assert.ok(existsSync(`${place.path}.damaged`));
    assert.equal(readValue(store, "name 1"), null);
  });

  test("takes an empty file for a new database", () => {
    using place = makeFolder();
    writeFileSync(place.path, "");
    using store = open(place.path);
    writeValue(store, "a", 1);
    assert.equal(readValue(store, "a"), 1);
  });

  test("passes on what is no damage", () => {
    using place = makeFolder();
    assert.throws(() => Store.open(join(place.folder, "absent", "store.db"), { maxBytes: MAX_BYTES }));
  });
});

describe("Store.transaction()", () => {
  test("keeps all or nothing", () => {
    using store = open(":memory:");
    store.transaction(() => writeValue(store, "a", 1));
    assert.throws(
      () =>
        store.transaction(() => {
          writeValue(store, "a", 2);
          throw new Error("in the middle");
        }),
      /in the middle/,
    );
    assert.equal(readValue(store, "a"), 1);
  });

  test("refuses to be nested, and keeps nothing of the outer one", () => {
    using store = open(":memory:");
    const nest = () =>
      store.transaction(() => {
        writeValue(store, "a", 1);
        store.transaction(() => undefined);
      });
    assert.throws(nest, /within a transaction/);
    assert.equal(readValue(store, "a"), null);
    store.transaction(() => writeValue(store, "a", 2));
  });
});

describe("Store.attempt()", () => {
  test("undoes what failed and keeps what was before and behind it", () => {
    using store = open(":memory:");
    store.transaction(() => {
      writeValue(store, "before", 1);
      assert.throws(() =>
        store.attempt(() => {
          writeValue(store, "failed", 1);
          throw new RangeError("a fact that cannot be judged");
        }),
      );
      store.attempt(() => writeValue(store, "behind", 1));
    });
    assert.deepEqual(
      ["before", "failed", "behind"].map((name) => readValue(store, name)),
      [1, null, 1],
    );
  });
});

describe("a store that has reached its size", () => {
  /** A store in which a value of 100 kB has no place. */
  function openFull(): Store {
    const store = open(":memory:", 256 * 1024);
    for (let index = 0; unlessFull(() => writeValue(store, `v${index}`, "x".repeat(10_000))); index++);
    return store;
  }

  test("refuses what is too much, and is whole behind it", () => {
    using store = openFull();
    const fill = () => store.transaction(() => writeValue(store, "more", "x".repeat(100_000)));
    assert.throws(fill, isStoreFull);
    assert.equal(readValue(store, "more"), null);
    assert.equal(readValue(store, "v0"), "x".repeat(10_000));
    assert.ok(store.fill > 0.9 && store.fill <= 1, `${store.fill}`);
  });

  test("rehearses what it cannot keep, and forgets it", () => {
    using store = openFull();
    const seen = store.rehearse(() => {
      writeValue(store, "more", "y".repeat(1_000_000));
      return readValue(store, "more");
    });
    assert.equal(seen, "y".repeat(1_000_000));
    assert.equal(readValue(store, "more"), null);
    assert.throws(() => writeValue(store, "more", "y".repeat(100_000)), isStoreFull);
  });

  test("takes more again once something was removed", () => {
    using store = openFull();
    store.run("DELETE FROM value WHERE name IN ('v0', 'v1', 'v2')");
    writeValue(store, "more", "x".repeat(10_000));
    assert.ok(store.fill < 1);
  });

  test("a failure within a part leaves no transaction behind", () => {
    using store = openFull();
    const fill = () => store.transaction(() => store.attempt(() => writeValue(store, "more", "x".repeat(100_000))));
    assert.throws(fill, isStoreFull);
    store.transaction(() => store.run("DELETE FROM value"));
    assert.equal(readValue(store, "v0"), null);
  });
});

test("isStoreFull() and unlessFull() take no other failure for it", () => {
  assert.equal(isStoreFull(new Error("database or disk is full")), false);
  assert.equal(isStoreFull(Object.assign(new Error("constraint"), { errcode: 19 })), false);
  // Extended codes: SQLITE_IOERR_WRITE, SQLITE_READONLY_DIRECTORY.
  assert.equal(isStoreFull(Object.assign(new Error("i/o"), { errcode: 778 })), true);
  assert.equal(isStoreFull(Object.assign(new Error("read-only"), { errcode: 1544 })), true);
  assert.throws(
    () =>
      unlessFull(() => {
        throw new TypeError("another");
      }),
    TypeError,
  );
});

test("what was committed survives kill -9, what was not is gone, and the database is whole", async () => {
  using place = makeFolder();
  const script = `
    import { Store } from ${JSON.stringify(join(import.meta.dirname, "store.ts"))};
    import { writeValue } from ${JSON.stringify(join(import.meta.dirname, "outbox.ts"))};
    const { store } = Store.open(${JSON.stringify(place.path)}, { maxBytes: ${MAX_BYTES} });
    for (let count = 1; ; count++) {
      store.transaction(() => {
        writeValue(store, "one", count);
        for (let index = 0; index < 20; index++) writeValue(store, "other " + index, "x".repeat(500));
        writeValue(store, "two", count);
      });
      process.stdout.write(count + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let said = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    said = Number(line);
    if (said === 50) child.kill("SIGKILL");
  }
  await exited;
  using store = open(place.path);
  assert.ok(said >= 50);
  const kept = Number(readValue(store, "one"));
  assert.equal(readValue(store, "two"), kept);
  // It may have been killed between the commit and saying so.
  assert.ok(kept === said || kept === said + 1, `said ${said}, kept ${kept}`);
});
