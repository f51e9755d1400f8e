import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  absent,
  actor,
  census,
  DAY,
  file,
  HOUR,
  MINUTE,
  openHost,
  present,
  record,
  START,
  told,
} from "./test-host.mts";

const PASSWD = "/etc/passwd";
const look = (mode: string, mtimeMs = 1) => ({ mode, mtimeMs });

/** A host whose passwd has mode 0644, and is then changed to 0666. */
function openHostWithFile() {
  const host = openHost();
  host.take(file(PASSWD, look("0644"), START), census([PASSWD], START, "files", PASSWD));
  host.take(file(PASSWD, look("0666"), START + 1));
  return host;
}

/** A host that knows the member `m` since before, and misses it. */
function openHostWithGone() {
  const host = openHost({ learnMs: 0 });
  host.take(present("m", START, { scanned: true }), census(["m"], START));
  host.take(absent("m", START + 1));
  return host;
}

describe("Judge.accept() of a member", () => {
  test("makes the same look silent, and journals who did it", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    assert.deepEqual(told(host.accept("a1", START + 1)), ["accepted plain.new a1"]);
    assert.deepEqual(host.take(present("a", START + 2)), []);
    assert.partialDeepStrictEqual(host.ordinary.member("plain", "a"), { standing: "ordinary", how: "accepted" });
    assert.partialDeepStrictEqual(host.entries("accept")[0], { by: "admin:root", data: { alert: "a1", until: null } });
  });

  test("teaches it also after it has left, so that its next coming is silent", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START), absent("a", START + 1));
    assert.equal(host.alerts.get("a1")?.state, "closed");
    host.accept("a1", START + 2);
    assert.deepEqual(host.take(present("a", START + HOUR)), []);
    assert.deepEqual(told(host.take(absent("a", START + 2 * HOUR))), ["new plain.gone a2"]);
  });

  test("says that it has no such alert, also for ids of other things", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    for (const id of ["a2", "x1", "i1", "1", "a01", "a1 ", "", "a999999999999999", "a1e3"]) {
      assert.throws(() => host.accept(id, START), { code: "GARRISON_NO_SUCH_ALERT" }, id);
    }
  });

  test("refuses what was accepted already, and what is over", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START), present("b", START), absent("b", START + 1));
    host.accept("a1", START + 2);
    assert.throws(() => host.accept("a1", START + 3), { code: "GARRISON_NOT_OPEN", message: /accepted already/ });
    host.ordinary.forgetLeft(START + DAY);
    assert.throws(() => host.accept("a2", START + 3), { code: "GARRISON_NOT_OPEN", message: /is over/ });
  });

  test("refuses what a drill staged", () => {
    using host = openHost({ learnMs: 0 });
    const observation = present("a", START, { who: actor(7, "/usr/bin/node") });
    host.drills.begin({ name: "d", subject: observation.subject, pid: 7 }, START);
    host.take(observation);
    assert.throws(() => host.accept("a1", START), { code: "GARRISON_NOT_OPEN", message: /drill/ });
    assert.equal(host.ordinary.member("plain", "a"), null);
  });

  test("lasts as long as it was given, then tells again what is still there", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    host.accept("a1", START, HOUR);
    assert.equal(host.alerts.nextExpiryUnixMs(), START + HOUR);
    assert.deepEqual(host.expire(START + HOUR - 1), []);
    assert.deepEqual(host.take(present("a", START + MINUTE)), []);
    assert.deepEqual(told(host.expire(START + HOUR)), ["update plain.new a1"]);
    assert.partialDeepStrictEqual(host.alerts.get("a1"), { state: "open", count: 2 });
    assert.equal(host.entries("accept.expired").length, 1);
    assert.deepEqual(told(host.take(present("a", START + 2 * HOUR))), ["repeat plain.new a1"]);
    assert.deepEqual(host.expire(START + DAY), []);
  });

  test("for a while, lets it leave silently, and does not tell it at the end when it is away", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    host.accept("a1", START, HOUR);
    assert.deepEqual(host.take(absent("a", START + MINUTE)), []);
    assert.deepEqual(host.take(present("a", START + 2 * MINUTE), absent("a", START + 3 * MINUTE)), []);
    assert.deepEqual(host.expire(START + HOUR), []);
    assert.deepEqual(told(host.take(present("a", START + 2 * HOUR))), ["new plain.new a2"]);
  });

  test("for ever ends an earlier acceptance for a while", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    host.accept("a1", START, HOUR);
    host.expire(START + HOUR);
    host.accept("a1", START + HOUR, HOUR);
    host.expire(START + 2 * HOUR);
    host.accept("a1", START + 2 * HOUR);
    assert.equal(host.alerts.nextExpiryUnixMs(), null);
    assert.deepEqual(host.expire(START + DAY), []);
    assert.equal(host.ordinary.member("plain", "a")?.standing, "ordinary");
  });

  test("keeps an alert whose acceptance ends some day, however old it is", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    host.accept("a1", START, 100 * DAY);
    assert.equal(host.alerts.forgetOlder(START + 90 * DAY), 0);
    assert.deepEqual(told(host.expire(START + 100 * DAY)), ["update plain.new a1"]);
  });
});

describe("Judge.accept() of a member that is gone", () => {
  test("makes it ordinary that it is gone: it is new when it comes back", () => {
    using host = openHostWithGone();
    assert.deepEqual(told(host.accept("a1", START + 2)), ["accepted plain.gone a1"]);
    assert.equal(host.ordinary.member("plain", "m"), null);
    assert.deepEqual(host.take(census([], START + 3)), []);
    assert.deepEqual(told(host.take(present("m", START + 4))), ["new plain.new a2"]);
  });

  test("for a while, is told again at the end when it is still gone", () => {
    using host = openHostWithGone();
    host.accept("a1", START + 2, HOUR);
    assert.deepEqual(host.take(census([], START + 3)), []);
    assert.deepEqual(told(host.expire(START + 2 * HOUR)), ["update plain.gone a1"]);
    assert.deepEqual(told(host.take(present("m", START + 3 * HOUR))), ["closed plain.gone a1"]);
  });

  test("for a while, is silent when it comes back in time", () => {
    using host = openHostWithGone();
    host.accept("a1", START + 2, HOUR);
    assert.deepEqual(host.take(present("m", START + MINUTE)), []);
    assert.deepEqual(host.expire(START + 2 * HOUR), []);
    assert.equal(host.ordinary.member("plain", "m")?.standing, "ordinary");
  });

  test("does not forget a member that is back: its alert is closed and over", () => {
    using host = openHostWithGone();
    host.take(present("m", START + 2));
    assert.throws(() => host.accept("a1", START + 3), { code: "GARRISON_NOT_OPEN" });
    assert.equal(host.ordinary.member("plain", "m")?.standing, "ordinary");
  });
});

describe("Judge.accept() of a record", () => {
  test("makes its look ordinary, and a return to the former one an alert", () => {
    using host = openHostWithFile();
    assert.deepEqual(told(host.accept("a1", START + 2)), ["accepted file.mode a1"]);
    assert.deepEqual(host.take(file(PASSWD, look("0666", 9), START + 3)), []);
    assert.deepEqual(told(host.take(file(PASSWD, look("0644"), START + 4))), ["new file.mode a2"]);
  });

  test("accepts all alerts of the thing with it", () => {
    using host = openHostWithFile();
    host.take(file(PASSWD, { ...look("0666"), uid: 5 }, START + 2, { who: actor(9, "/bin/chown") }));
    assert.deepEqual(told(host.accept("a2", START + 3)), ["accepted file.owner a2", "accepted file.mode a1"]);
    assert.equal(host.alerts.countOpen(), 0);
  });

  test("refuses the closed alert of a thing that is back to its ordinary look", () => {
    using host = openHostWithFile();
    host.take(file(PASSWD, look("0644"), START + 2));
    assert.throws(() => host.accept("a1", START + 3), { code: "GARRISON_NOT_OPEN" });
    assert.deepEqual(told(host.take(file(PASSWD, look("0666"), START + 4))), ["update file.mode a1"]);
  });

  test("of a file that came into being makes it an ordinary one", () => {
    using host = openHost();
    host.take(census([], START, "files", PASSWD));
    host.take(file(PASSWD, look("0644"), START + 1));
    host.accept("a1", START + 2);
    assert.deepEqual(host.take(file(PASSWD, look("0644", 5), START + 3)), []);
    assert.deepEqual(told(host.take(file(PASSWD, null, START + 4))), ["new file.deleted a2"]);
    host.accept("a2", START + 5);
    assert.equal(host.ordinary.record("files", PASSWD), null);
    assert.deepEqual(told(host.take(file(PASSWD, look("0644"), START + 6))), ["new file.created a3"]);
  });

  test("for a while, is told again at the end when it still looks like that, whatever is only kept of it", () => {
    using host = openHostWithFile();
    host.accept("a1", START + 2, HOUR);
    host.take(file(PASSWD, look("0666", 9), START + MINUTE));
    assert.deepEqual(told(host.expire(START + 2 * HOUR)), ["update file.mode a1"]);
    assert.deepEqual(told(host.take(file(PASSWD, look("0644", 11), START + 3 * HOUR))), ["closed file.mode a1"]);
  });

  test("for a while, is over when the thing looks as it did before", () => {
    using host = openHostWithFile();
    host.accept("a1", START + 2, HOUR);
    assert.deepEqual(host.take(file(PASSWD, look("0644", 9), START + MINUTE)), []);
    assert.equal(host.entries("accept.ended").length, 1);
    assert.equal(host.alerts.nextExpiryUnixMs(), null);
    assert.deepEqual(host.expire(START + 2 * HOUR), []);
    assert.deepEqual(told(host.take(file(PASSWD, look("0666"), START + 3 * HOUR))), ["new file.mode a2"]);
  });

  test("for a while, does not undo what was accepted for ever in the meantime", () => {
    using host = openHostWithFile();
    host.accept("a1", START + 2, HOUR);
    assert.deepEqual(told(host.take(file(PASSWD, look("0777"), START + MINUTE))), ["new file.mode a2"]);
    host.accept("a2", START + 2 * MINUTE);
    assert.deepEqual(host.expire(START + 2 * HOUR), []);
    assert.equal(host.ordinary.record("files", PASSWD)?.ordinary?.["mode"], "0777");
  });

  test("for a while twice goes back to what was ordinary before the first", () => {
    using host = openHostWithFile();
    host.accept("a1", START + 2, HOUR);
    host.take(file(PASSWD, look("0777"), START + MINUTE));
    host.accept("a2", START + 2 * MINUTE, HOUR);
    assert.deepEqual(told(host.expire(START + 2 * HOUR)), ["update file.mode a2"]);
    assert.equal(host.ordinary.record("files", PASSWD)?.ordinary?.["mode"], "0644");
  });

  test("closes at the end what was told meanwhile of a thing that looks as it did before", () => {
    using host = openHost();
    host.take(record("r", { mode: 1 }, START), census(["r"], START));
    host.take(record("r", null, START + 1));
    host.accept("a1", START + 2, HOUR);
    assert.deepEqual(told(host.take(record("r", { mode: 2 }, START + 3))), ["new plain.created a2"]);
    host.take(record("r", null, START + 4));
    assert.deepEqual(told(host.expire(START + 2 * HOUR)), ["update plain.deleted a1"]);
    assert.deepEqual(told(host.take(record("r", { mode: 1 }, START + 3 * HOUR))), ["closed plain.deleted a1"]);
  });

  test("of a deletion for a while lets the same thing come back silently", () => {
    using host = openHost();
    host.take(record("r", { mode: 1 }, START), census(["r"], START));
    host.take(record("r", null, START + 1));
    host.accept("a1", START + 2, HOUR);
    assert.deepEqual(host.take(record("r", { mode: 1, note: 5 }, START + 3)), []);
    assert.deepEqual(host.expire(START + 2 * HOUR), []);
    assert.deepEqual(told(host.take(record("r", { mode: 2 }, START + 3 * HOUR))), ["new plain.changed a2"]);
  });

  test("of a creation for a while is told again at the end, and over when it is removed", () => {
    using host = openHost();
    host.take(census([], START));
    host.take(record("r", { mode: 1 }, START + 1), record("q", { mode: 1 }, START + 1));
    host.accept("a1", START + 2, HOUR);
    host.accept("a2", START + 2, HOUR);
    assert.deepEqual(host.take(record("q", null, START + MINUTE)), []);
    assert.equal(host.ordinary.record("plain", "q"), null);
    assert.deepEqual(told(host.expire(START + 2 * HOUR)), ["update plain.created a1"]);
    assert.deepEqual(told(host.take(record("r", null, START + 3 * HOUR))), ["closed plain.created a1"]);
  });
});
