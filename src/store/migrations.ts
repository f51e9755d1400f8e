/** The schema of the store, one text a version: never edited once released, only added to. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE value (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;

  CREATE TABLE learning_group (
    sensor TEXT NOT NULL, name TEXT NOT NULL, since_ms INTEGER NOT NULL, latest_ms INTEGER NOT NULL, scanned INTEGER NOT NULL,
    PRIMARY KEY (sensor, name)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE listing (sensor TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (sensor, name)) WITHOUT ROWID, STRICT;

  CREATE TABLE member (
    sensor TEXT NOT NULL, key TEXT NOT NULL, group_name TEXT NOT NULL, subject TEXT NOT NULL,
    facts TEXT NOT NULL, standing TEXT NOT NULL, how TEXT NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, count INTEGER NOT NULL, away INTEGER NOT NULL,
    PRIMARY KEY (sensor, key)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX member_by_group ON member (sensor, group_name);

  CREATE TABLE record (
    sensor TEXT NOT NULL, key TEXT NOT NULL, group_name TEXT NOT NULL, subject TEXT NOT NULL, ordinary TEXT, seen TEXT,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    PRIMARY KEY (sensor, key)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX record_by_group ON record (sensor, group_name);

  CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL, sensor TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
    severity TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    drill TEXT, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX alert_by_key ON alert (sensor, key, kind);
  CREATE INDEX alert_by_state ON alert (state, last_ms);
  CREATE INDEX alert_by_incident ON alert (incident);

  CREATE TABLE incident (id INTEGER PRIMARY KEY AUTOINCREMENT, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE incident_trait (
    trait TEXT NOT NULL, incident INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (trait, incident)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE acceptance (
    sensor TEXT NOT NULL, key TEXT NOT NULL, alert INTEGER NOT NULL, expires_ms INTEGER NOT NULL, before TEXT NOT NULL,
    PRIMARY KEY (sensor, key)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE action (id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, expires_ms INTEGER, body TEXT NOT NULL) STRICT;

  CREATE TABLE journal_outbox (ref INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, by TEXT NOT NULL, data TEXT NOT NULL) STRICT;
  `,
  `
  CREATE TABLE log_position (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, path TEXT NOT NULL, device TEXT NOT NULL, inode TEXT NOT NULL,
    offset INTEGER NOT NULL, head_bytes INTEGER NOT NULL, head_sha256 TEXT NOT NULL, away INTEGER NOT NULL, done INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE log_journal (source TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID, STRICT;

  CREATE TABLE log_hit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, network TEXT NOT NULL, address TEXT, rule TEXT NOT NULL,
    service TEXT NOT NULL, outcome TEXT NOT NULL, user TEXT, site TEXT, detail TEXT, weight REAL NOT NULL, source TEXT NOT NULL,
    file TEXT NOT NULL, offset INTEGER NOT NULL, line INTEGER, text TEXT NOT NULL, forgeable INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX log_hit_by_network ON log_hit (network, at_ms);
  CREATE INDEX log_hit_by_service ON log_hit (service, at_ms);
  CREATE TABLE log_count (
    rule TEXT NOT NULL, source TEXT NOT NULL, hits INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    PRIMARY KEY (rule, source)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE log_standing (
    network TEXT PRIMARY KEY, days INTEGER NOT NULL, last_ms INTEGER NOT NULL, accounts TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE block (
    id INTEGER PRIMARY KEY AUTOINCREMENT, action INTEGER, network TEXT NOT NULL, rule TEXT, points REAL NOT NULL, reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL, until_ms INTEGER
  ) STRICT;
  CREATE INDEX block_by_network ON block (network, at_ms);
  CREATE INDEX block_by_time ON block (at_ms);
  `,
  "ALTER TABLE block ADD COLUMN outcome TEXT;",
  // What is due is asked for every five seconds, of as many actions as there were blocks within the time that alerts are kept.
  "CREATE INDEX action_by_state ON action (state, expires_ms);",
  `CREATE TABLE level (
    sensor TEXT NOT NULL, series TEXT NOT NULL, at_ms INTEGER NOT NULL, state TEXT NOT NULL, past BLOB NOT NULL, PRIMARY KEY (sensor, series)
  ) STRICT;`,
];
