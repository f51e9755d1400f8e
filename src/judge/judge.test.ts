import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { toRawPath } from "#src/lib/raw-path.ts";
import {
  absent,
  actor,
  CANARY,
  census,
  DAY,
  file,
  HOUR,
  listener,
  MINUTE,
  openHost,
  present,
  read,
  record,
  START,
  secret,
  told,
} from "./test-host.mts";

const SHADOW = "/etc/shadow";

describe("Judge.take() while a set is learnt", () => {
  test("takes a newcomer in silently, and journals it", () => {
    using host = openHost();
    assert.deepEqual(host.take(present("a", START + HOUR)), []);
    assert.equal(host.ordinary.member("plain", "a")?.standing, "ordinary");
    assert.deepEqual(
      host.entries("learn").map(({ data }) => data["learnt"]),
      [{}],
    );
  });

  test("tells a newcomer once the time is over, and journals the alert", () => {
    using host = openHost();
    host.take(present("a", START + HOUR));
    assert.deepEqual(told(host.take(present("b", START + DAY))), ["new plain.new a1"]);
    assert.deepEqual(host.take(present("a", START + 2 * DAY)), []);
    assert.partialDeepStrictEqual(host.entries("alert")[0]?.data, {
      alert: "a1",
      kind: "plain.new",
      count: 1,
      who: null,
    });
  });

  test("tells at once what looks like an attack, and does not learn it", () => {
    using host = openHost();
    const bad = { facts: { suspicious: true } };
    assert.deepEqual(told(host.take(present("a", START, bad))), ["new plain.new a1"]);
    assert.deepEqual(told(host.take(present("a", START + MINUTE, bad))), ["repeat plain.new a1"]);
    assert.equal(host.ordinary.member("plain", "a")?.standing, "unusual");
  });

  test("takes what the first scan finds for ordinary, even when nothing is to be learnt", () => {
    using host = openHost({ learnMs: 0 });
    const scanned = { scanned: true };
    assert.deepEqual(
      host.take(present("a", START, scanned), present("b", START, scanned), census(["a", "b"], START)),
      [],
    );
    assert.deepEqual(told(host.take(present("c", START + 1, scanned))), ["new plain.new a1"]);
  });

  test("tells what an event shows before the first list, when nothing is to be learnt", () => {
    using host = openHost({ learnMs: 0 });
    assert.deepEqual(told(host.take(present("a", START))), ["new plain.new a1"]);
  });

  test("tells of an attack that the first scan finds", () => {
    using host = openHost({ learnMs: 0 });
    const outcomes = host.take(
      listener("/tmp/.x/nc", 4444, START, { scanned: true }),
      listener("/usr/sbin/sshd", 22, START, { scanned: true }),
    );
    assert.deepEqual(told(outcomes), ["new listener.new a1"]);
  });

  test("does not learn anew when the clock is set back", () => {
    using host = openHost();
    host.take(present("a", START + 2 * DAY));
    assert.deepEqual(told(host.take(present("b", START + HOUR))), ["new plain.new a2"]);
  });

  test("journals the first list as one entry, and newcomers found by later scans one by one", () => {
    using host = openHost();
    host.take(present("a", START, { scanned: true }), census(["a"], START));
    host.take(present("b", START + 1, { scanned: true }), census(["a", "b"], START + 1));
    assert.deepEqual(
      host.entries("learn").map(({ data }) => [data["listed"], data["learnt"]]),
      [
        [1, undefined],
        [undefined, {}],
      ],
    );
  });

  test("passes over facts of a sensor that is not enabled", () => {
    using host = openHost();
    assert.deepEqual(host.take(present("a", START, { sensor: "other" }), census([], START, "other")), []);
    assert.equal(host.ordinary.member("other", "a"), null);
  });

  test("learns each group by itself", () => {
    using host = openHost({ learnMs: HOUR, sinceUnixMs: START });
    host.take(present("a", START, { group: "one" }));
    assert.equal(host.take(present("b", START + 2 * HOUR, { group: "one" })).length, 1);
    // A group of which nothing was known is as old as its sensor.
    assert.equal(host.take(present("c", START + 2 * HOUR, { group: "two" })).length, 1);
  });
});

describe("Judge.take() of the readers of a secret", () => {
  test("learns them from the day that the secret was known, not from the first read", () => {
    using host = openHost();
    host.take(secret(SHADOW, true, START), census([SHADOW], START, "secrets", SHADOW));
    assert.deepEqual(host.take(read(SHADOW, "/usr/sbin/cron", START + HOUR)), []);
    assert.deepEqual(told(host.take(read(SHADOW, "/usr/bin/cat", START + DAY + 1))), ["new secret.read a1"]);
  });

  for (const group of ["/srv/key", "/srv/*"]) {
    test(`learns those of a secret that came on the tenth day until the eleventh, when its pattern is ${group}`, () => {
      using host = openHost();
      host.take(census([], START, "secrets", group));
      const born = START + 10 * DAY;
      assert.deepEqual(told(host.take(secret("/srv/key", true, born, group))), ["new secret.created a1"]);
      assert.deepEqual(host.take(read("/srv/key", "/usr/sbin/nginx", born + HOUR)), []);
      assert.deepEqual(told(host.take(read("/srv/key", "/usr/bin/cat", born + DAY))), ["new secret.read a2"]);
    });
  }

  test("tells the first read when the secret has been known for longer than the learning lasts", () => {
    using host = openHost();
    host.take(secret("/root/.my.cnf", true, START), census(["/root/.my.cnf"], START, "secrets", "/root/.my.cnf"));
    assert.deepEqual(told(host.take(read("/root/.my.cnf", "/usr/bin/cat", START + 3 * DAY))), ["new secret.read a1"]);
  });

  test("never learns those of a canary", () => {
    using host = openHost();
    host.take(secret(CANARY, true, START), census([CANARY], START, "secrets", CANARY));
    assert.deepEqual(told(host.take(read(CANARY, "/usr/bin/cat", START + MINUTE))), ["new secret.read a1"]);
  });

  test("keeps an alert on a read open when the secrets are listed again under the name of the group", () => {
    using host = openHost({ learnMs: 0 });
    host.take(secret(SHADOW, true, START), census([SHADOW], START, "secrets", SHADOW));
    host.take(read(SHADOW, "/usr/bin/cat", START + MINUTE));
    assert.deepEqual(host.take(census([SHADOW], START + 2 * MINUTE, "secrets", SHADOW)), []);
    assert.equal(host.alerts.get("a1")?.state, "open");
    // The thief removes the secret too: that is no return to the ordinary.
    assert.deepEqual(host.take(census([], START + 3 * MINUTE, "secrets", SHADOW)), []);
    assert.equal(host.alerts.get("a1")?.state, "open");
  });

  test("counts further reads of one reader in its alert", () => {
    using host = openHost({ learnMs: 0 });
    host.take(secret(SHADOW, true, START), census([SHADOW], START, "secrets", SHADOW));
    host.take(read(SHADOW, "/usr/bin/cat", START + MINUTE));
    assert.deepEqual(told(host.take(read(SHADOW, "/usr/bin/cat", START + HOUR))), ["repeat secret.read a1"]);
    assert.partialDeepStrictEqual(host.alerts.get("a1"), {
      count: 2,
      firstAt: new Date(START + MINUTE).toISOString(),
      lastAt: new Date(START + HOUR).toISOString(),
    });
  });
});

describe("Judge.take() of a census", () => {
  test("makes a group listed: what comes afterwards is an alert, also while sets are learnt", () => {
    using host = openHost();
    assert.deepEqual(host.take(record("a", { mode: 1 }, START, { scanned: true })), []);
    assert.deepEqual(host.take(census(["a"], START)), []);
    assert.deepEqual(told(host.take(record("b", { mode: 1 }, START + 1))), ["new plain.created a1"]);
  });

  test("lists each group by itself", () => {
    using host = openHost();
    host.take(census([], START, "plain", "one"));
    assert.equal(host.take(record("a", {}, START, { group: "one" })).length, 1);
    assert.deepEqual(host.take(record("b", {}, START, { group: "two" })), []);
  });

  test("misses members and records that are not in it, once", () => {
    using host = openHost();
    host.take(present("m", START, { scanned: true }), record("r", { mode: 1 }, START), census(["m", "r"], START));
    assert.deepEqual(told(host.take(census([], START + HOUR))), ["new plain.gone a1", "new plain.deleted a2"]);
    assert.deepEqual(host.take(census([], START + 2 * HOUR)), []);
  });

  test("closes alerts on what is gone without ever having been ordinary", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("old", START, { scanned: true }), census(["old"], START));
    host.take(present("m", START + 1), record("r", { mode: 1 }, START + 1));
    assert.deepEqual(told(host.take(census(["old"], START + HOUR))), [
      "closed plain.new a1",
      "closed plain.created a2",
    ]);
    assert.equal(host.ordinary.record("plain", "r"), null);
  });

  test("misses nothing of another group or sensor", () => {
    using host = openHost();
    host.take(present("m", START, { group: "one", scanned: true }), file("/etc/x", {}, START));
    assert.deepEqual(host.take(census([], START, "plain", "two"), census([], START, "files", "/etc/y")), []);
  });
});

describe("Judge.take() of a thing that returns to its ordinary look", () => {
  test("closes the alert, and reopens it when it differs again within a day", () => {
    using host = openHost();
    host.take(record("r", { mode: 1 }, START), census(["r"], START));
    assert.deepEqual(told(host.take(record("r", { mode: 2 }, START + 1))), ["new plain.changed a1"]);
    assert.deepEqual(told(host.take(record("r", { mode: 1 }, START + 2))), ["closed plain.changed a1"]);
    assert.deepEqual(told(host.take(record("r", { mode: 2 }, START + HOUR))), ["update plain.changed a1"]);
    assert.partialDeepStrictEqual(host.alerts.get("a1"), { state: "open", count: 2 });
    host.take(record("r", { mode: 1 }, START + HOUR + 1));
    assert.deepEqual(told(host.take(record("r", { mode: 2 }, START + 3 * DAY))), ["new plain.changed a2"]);
  });

  test("closes file.created when the file is removed again, and remembers nothing of it", () => {
    using host = openHost();
    host.take(census([], START, "files", "/etc/cron.d/*"));
    const given = { group: "/etc/cron.d/*" };
    assert.deepEqual(told(host.take(file("/etc/cron.d/x", {}, START + 1, given))), ["new file.created a1"]);
    assert.deepEqual(told(host.take(file("/etc/cron.d/x", { mode: "0755" }, START + 2, given))), ["new file.mode a2"]);
    assert.deepEqual(told(host.take(file("/etc/cron.d/x", null, START + 3, given))), [
      "closed file.created a1",
      "closed file.mode a2",
    ]);
    assert.equal(host.ordinary.record("files", "/etc/cron.d/x"), null);
    assert.equal(host.alerts.countOpen(), 0);
  });

  test("closes file.deleted when the file is made again the same, whatever is only kept of it", () => {
    using host = openHost();
    host.take(file("/etc/passwd", {}, START), census(["/etc/passwd"], START, "files", "/etc/passwd"));
    assert.deepEqual(told(host.take(file("/etc/passwd", null, START + 1))), ["new file.deleted a1"]);
    const again = file("/etc/passwd", { inode: "99", mtimeMs: 5, ctimeMs: 5 }, START + 2);
    assert.deepEqual(told(host.take(again)), ["closed file.deleted a1"]);
  });

  test("closes listener.gone when the listener is back", () => {
    using host = openHost();
    const scanned = { scanned: true };
    const sshd = "/usr/sbin/sshd";
    host.take(listener(sshd, 22, START, scanned), census([`tcp any 22 ${sshd}`], START, "listeners", "host"));
    assert.deepEqual(told(host.take({ ...listener(sshd, 22, START + DAY), type: "absent" })), ["new listener.gone a1"]);
    assert.deepEqual(told(host.take(listener(sshd, 22, START + DAY + MINUTE))), ["closed listener.gone a1"]);
    assert.equal(host.ordinary.member("listeners", `tcp any 22 ${sshd}`)?.isAway, false);
  });

  test("closes listener.new when the listener stops, and opens it again when it comes back", () => {
    using host = openHost({ learnMs: 0 });
    host.take(listener("/usr/bin/nc", 5000, START));
    assert.deepEqual(told(host.take({ ...listener("/usr/bin/nc", 5000, START + 1), type: "absent" })), [
      "closed listener.new a1",
    ]);
    assert.deepEqual(told(host.take(listener("/usr/bin/nc", 5000, START + 2))), ["update listener.new a1"]);
    assert.equal(host.alerts.get("a1")?.state, "open");
  });

  test("leaves no alert open on a thing that is back, whatever it looked like in between", () => {
    const look = fc.option(fc.record({ mode: fc.nat(2), note: fc.nat(2) }), { nil: null });
    fc.assert(
      fc.property(look, fc.array(fc.tuple(look, fc.nat(3))), (baseline, looks) => {
        using host = openHost();
        if (baseline !== null) host.take(record("r", baseline, START));
        host.take(census(baseline === null ? [] : ["r"], START));
        for (const [index, [now, pid]] of looks.entries()) {
          host.take(record("r", now, START + index, { who: actor(pid, `/bin/${pid}`) }));
        }
        host.take(record("r", baseline, START + HOUR));
        assert.equal(host.alerts.countOpen(), 0);
      }),
      { numRuns: 50 },
    );
  });
});

describe("Judge.take() of what is lawful by its meaning", () => {
  test("forgets a lawful newcomer, so that it is judged again", () => {
    using host = openHost({ learnMs: 0 });
    assert.deepEqual(host.take(present("a", START, { facts: { lawful: true } })), []);
    assert.equal(host.ordinary.member("plain", "a"), null);
    assert.deepEqual(told(host.take(present("a", START + 1))), ["new plain.new a1"]);
  });

  test("does not forget an unusual member that comes back lawfully", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START), absent("a", START + 1));
    assert.deepEqual(host.take(present("a", START + 2, { facts: { lawful: true } })), []);
    assert.partialDeepStrictEqual(host.ordinary.member("plain", "a"), { standing: "unusual", isAway: true });
  });

  test("makes a lawful change of a record ordinary", () => {
    using host = openHost();
    host.take(record("r", { mode: 1 }, START), census(["r"], START));
    const lawful = { mode: 2, lawful: true };
    assert.deepEqual(host.take(record("r", lawful, START + 1)), []);
    assert.deepEqual(host.ordinary.record("plain", "r")?.ordinary, lawful);
    assert.deepEqual(told(host.take(record("r", { mode: 1 }, START + 2))), ["new plain.changed a1"]);
  });

  test("does not make ordinary what was unusual before a lawful change", () => {
    using host = openHost();
    host.take(record("r", { mode: 1 }, START), census(["r"], START));
    host.take(record("r", { mode: 2 }, START + 1));
    assert.deepEqual(host.take(record("r", { mode: 3, lawful: true }, START + 2)), []);
    assert.deepEqual(host.ordinary.record("plain", "r")?.ordinary, { mode: 1 });
    assert.deepEqual(told(host.take(record("r", { mode: 1 }, START + 3))), ["closed plain.changed a1"]);
  });

  test("takes a passive FTP port of the known server for lawful, and that of another program for an alert", () => {
    using host = openHost();
    host.take(
      listener("/usr/sbin/vsftpd", 21, START, { scanned: true }),
      census(["tcp any 21 /usr/sbin/vsftpd"], START, "listeners", "host"),
    );
    assert.deepEqual(host.take(listener("/usr/sbin/vsftpd", 50_021, START + 2 * DAY)), []);
    assert.deepEqual(told(host.take(listener("/usr/bin/nc", 50_022, START + 2 * DAY))), ["new listener.new a1"]);
  });

  test("gives one alert for each meaning of one change", () => {
    using host = openHost();
    const path = "/var/cpanel/resellers";
    const look = (text: string, sha256: string) => ({ text, sha256 });
    host.take(file(path, look("anna:list-accts\n", "aa"), START), census([path], START, "files", path));
    const outcomes = host.take(file(path, look("anna:all\nbert:all\n", "bb"), START + 1));
    assert.deepEqual(told(outcomes), ["new reseller.privilege a1", "new reseller.privilege a2"]);
    assert.deepEqual(
      outcomes.map(({ alert }) => alert.observed),
      ["reseller anna was given root (ACL all)", "reseller bert was given root (ACL all)"],
    );
    host.take(file(path, look("anna:list-accts\n", "aa"), START + 2));
    assert.deepEqual(told(host.take(file(path, look("anna:all\nbert:all\n", "bb"), START + 3))), [
      "update reseller.privilege a1",
      "update reseller.privilege a2",
    ]);
  });
});

describe("Judge.take() of hostile texts", () => {
  const NASTY = [
    "/etc/cron.d/a\nb",
    "/etc/cron.d/\x1b[31m",
    toRawPath("/etc/cron.d/é"),
    "/etc/cron.d/\xff\x80",
    "/etc/cron.d/\ud800",
    "/etc/cron.d/\0x",
    '"quoted"',
    "'; DROP TABLE alert; --",
    "",
  ];

  for (const key of NASTY) {
    test(`keeps the key ${JSON.stringify(key)} as it is`, () => {
      using host = openHost({ learnMs: 0 });
      host.take(record(key, { text: key }, START, { group: key }), census([key], START, "plain", key));
      host.take(record(key, { text: `${key}2` }, START + 1, { group: key }));
      host.take(present(key, START + 1, { group: `m${key}` }));
      assert.equal(host.ordinary.record("plain", key)?.key, key);
      assert.equal(host.ordinary.record("plain", key)?.group, key);
      assert.deepEqual(host.ordinary.listings("plain"), [key]);
      assert.deepEqual(
        host.ordinary.groups("plain").map(({ name }) => name),
        [`m${key}`],
      );
      assert.equal(host.alerts.keyOf("a1"), key);
      assert.deepEqual(host.take(census([key], START + 2, "plain", key)), []);
      assert.deepEqual(told(host.accept("a1", START + 3, HOUR)).sort(), [
        "accepted plain.changed a1",
        "accepted plain.new a2",
      ]);
      assert.equal(host.alerts.acceptance("plain", key)?.key, key);
    });
  }

  test("tells keys apart that differ in a lone surrogate only", () => {
    using host = openHost({ learnMs: 0 });
    assert.equal(host.take(present("\ud800", START), present("\ud801", START)).length, 2);
  });

  test("keeps any text of keys, groups and facts", () => {
    const any = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(any, any, any, (key, group, text) => {
        using host = openHost({ learnMs: 0 });
        host.take(present(key, START, { group, facts: { text } }));
        assert.partialDeepStrictEqual(host.ordinary.member("plain", key), { key, group, facts: { text } });
        assert.deepEqual(host.alerts.get("a1")?.evidence, { facts: { text } });
      }),
      { numRuns: 50 },
    );
  });
});
