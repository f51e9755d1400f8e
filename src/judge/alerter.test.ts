import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isCleanText } from "#src/lib/clean-text.ts";
import { cutText } from "#src/lib/cut-text.ts";
import type { Severity } from "#src/model/severity.ts";
import { boundEvidence, cutSubject } from "./bounds.ts";
import {
  actor,
  census,
  DAY,
  file,
  HOUR,
  listAlerts,
  listener,
  MINUTE,
  openHost,
  plainFacts,
  present,
  record,
  START,
  told,
} from "./test-host.mts";

const vim = actor(10, "/usr/bin/vim");
const sed = actor(11, "/usr/bin/sed");

/** A host that knows the record `r` in its look 0. */
function openHostWithRecord() {
  const host = openHost();
  host.take(record("r", { mode: 0 }, START), census(["r"], START));
  let at = START;
  /** Changes the record as `who`. */
  const change = (mode: number, who = vim, ms = 1) => {
    at += ms;
    return host.take(record("r", { mode }, at, { who }));
  };
  return { host, change };
}

describe("Alerter.raise() of repetitions", () => {
  test("counts the same change by the same program and user in one alert", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    assert.deepEqual(told(change(1)), ["new plain.changed a1"]);
    assert.deepEqual(told(change(2, { ...vim, pid: 12 })), ["update plain.changed a1"]);
    assert.equal(host.alerts.get("a1")?.count, 2);
  });

  test("makes a new alert for another program, another user, another login, and a process that is not known", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    change(1);
    assert.deepEqual(told(change(2, sed)), ["new plain.changed a2"]);
    assert.deepEqual(told(change(3, { ...vim, uid: 33 })), ["new plain.changed a3"]);
    assert.deepEqual(told(change(4, { ...vim, loginUid: 1000 })), ["new plain.changed a4"]);
    assert.deepEqual(told(host.take(record("r", { mode: 5 }, START + MINUTE))), ["new plain.changed a5"]);
    assert.deepEqual(told(host.take(record("r", { mode: 6 }, START + 2 * MINUTE))), ["update plain.changed a5"]);
  });

  test("makes no more alerts when two programs take turns", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    for (let mode = 1; mode <= 50; mode++) change(mode, mode % 2 === 0 ? vim : sed);
    assert.deepEqual(
      listAlerts(host.alerts, { limit: 100 }).map(({ id, count }) => [id, count]),
      [
        ["a2", 25],
        ["a1", 25],
      ],
    );
  });

  test("bounds the alerts of one thing, however many programs take part, and still tells the latest", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    for (let mode = 1; mode <= 100; mode++) change(mode, actor(mode, `/tmp/x${mode}`));
    const alerts = listAlerts(host.alerts, { limit: 1000 });
    assert.equal(alerts.length, 20);
    assert.equal(alerts[0]?.who?.exe, "/tmp/x100");
    assert.equal(alerts[0]?.count, 81);
  });

  test("keeps in the evidence what the alert said before, at most ten times", () => {
    using host = openHost();
    host.take(file("/etc/passwd", {}, START), census(["/etc/passwd"], START, "files", "/etc/passwd"));
    for (let sizeBytes = 11; sizeBytes < 40; sizeBytes++)
      host.take(file("/etc/passwd", { sizeBytes }, START + sizeBytes));
    const earlier = host.alerts.get("a1")?.evidence["earlier"] as { at: string; observed: string }[];
    assert.equal(earlier.length, 10);
    assert.match(earlier.at(-1)?.observed ?? "", /sizeBytes 37 to 38/);
    assert.match(host.alerts.get("a1")?.observed ?? "", /sizeBytes 38 to 39/);
  });

  test("does not carry what was said before the thing was ordinary again", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    change(1);
    change(0);
    change(2);
    assert.equal(host.alerts.get("a1")?.evidence["earlier"], undefined);
  });

  test("journals the first repetitions, then each doubling, and any rise of severity", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    for (let mode = 1; mode <= 1000; mode++) change(mode);
    const counts = host.entries("alert").map(({ data }) => data["count"]);
    assert.deepEqual(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32, 64, 128, 256, 512]);
    // The same program and user, started by a web server this time.
    change(1001, actor(12, "/usr/bin/vim", ["9:/usr/sbin/apache2"]));
    assert.partialDeepStrictEqual(host.entries("alert").at(-1)?.data, { count: 1001, severity: "high" });
  });

  test("does not let a thing that flips thousands of times fill the journal", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    for (let turn = 0; turn < 1000; turn++) {
      change(1);
      change(0);
    }
    assert.ok(host.outbox.size < 60, `${host.outbox.size} entries`);
    assert.equal(host.alerts.get("a1")?.count, 1000);
  });

  test("tells a member that is still there though its alert was forgotten", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    host.alerts.forgetLeastGrave(10);
    assert.deepEqual(told(host.take(present("a", START + 1))), ["new plain.new a2"]);
  });
});

describe("Alerter.raise() of an alert", () => {
  test("puts the id of the alert into our own command, and into no other", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START));
    assert.deepEqual(host.alerts.get("a1")?.next, [
      "garrison actions restore-file-attributes a1",
      "stat -- /srv/ALERT",
      "garrison explain a1",
      "garrison accept a1",
    ]);
  });

  test("names the user of the actor by passwd, not by what the sentry says", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START, { who: { ...vim, user: "forged" } }));
    assert.equal(host.alerts.get("a1")?.who?.user, "root");
  });

  const RAISES: readonly [title: string, who: ReturnType<typeof actor>, severity: Severity, reason: RegExp | null][] = [
    ["a shell of an admin", actor(9, "/usr/bin/bash", ["8:/usr/sbin/sshd"]), "medium", null],
    [
      "a shell below a web server",
      actor(9, "/usr/bin/bash", ["8:/usr/bin/dash", "7:/usr/sbin/apache2"]),
      "high",
      /apache2/,
    ],
    ["a program in /tmp", actor(9, "/tmp/.x/y"), "high", /\/tmp/],
    ["a program in memory only", actor(9, "/memfd:a (deleted)"), "high", /memfd/],
    ["a program whose file is gone", actor(9, "/usr/bin/x (deleted)"), "high", /deleted/],
    ["a program named like one in /tmp", actor(9, "/home/a/tmp/x"), "medium", null],
  ];
  for (const [title, who, severity, reason] of RAISES) {
    test(`gives ${severity} to ${title}`, () => {
      using host = openHost({ learnMs: 0 });
      host.take(present("a", START, { who }));
      const alert = host.alerts.get("a1");
      assert.equal(alert?.severity, severity);
      const reasons = alert?.evidence["graverBecause"];
      if (reason === null) assert.equal(reasons, undefined);
      else assert.match(String(reasons), reason);
    });
  }

  test("never lowers the severity of a known alert", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    change(1, actor(12, "/usr/bin/vim", ["9:/usr/sbin/apache2"]));
    change(2);
    assert.equal(host.alerts.get("a1")?.severity, "high");
  });

  test("bounds what a process chose to be long, so that the alert fits into one frame", () => {
    const long = "\x1b".repeat(8192);
    const parents = Array.from({ length: 8 }, (_, index) => ({ pid: index + 2, exe: long, comm: "x" }));
    const facts = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`f${index}`, long]));
    using host = openHost({ learnMs: 0 });
    const who = { ...actor(9, long), parents };
    host.take(present(long, START, { who, facts, subject: { type: "file", path: long, pathBase64: long } }));
    const alert = host.alerts.get("a1");
    assert.ok(Buffer.byteLength(JSON.stringify(alert)) < 1024 * 1024);
    assert.deepEqual(Object.keys(alert?.evidence ?? {}), ["facts"]);
    assert.ok(!isCleanText(alert?.observed ?? ""), "it is escaped where it is shown, not here");
    for (const { data } of host.outbox.after(0, 10)) assert.ok(Buffer.byteLength(JSON.stringify(data)) < 60 * 1024);
    assert.equal(host.entries("alert")[0]?.data["alert"], "a1");
  });
});

describe("Alerter: incidents", () => {
  const incidentOf = (host: ReturnType<typeof openHost>, id: string) => host.alerts.get(id)?.incident;
  const bash = (pid: number, ...ancestors: string[]) => actor(pid, "/usr/bin/bash", ancestors);

  test("one process within a quarter of an hour is one incident", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START, { who: vim }), present("b", START + 14 * MINUTE, { who: vim }));
    host.take(present("c", START + 30 * MINUTE, { who: vim }));
    assert.equal(incidentOf(host, "a1"), incidentOf(host, "a2"));
    assert.notEqual(incidentOf(host, "a2"), incidentOf(host, "a3"));
  });

  test("children of one shell are one incident", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START, { who: actor(20, "/usr/bin/curl", ["9:/usr/bin/bash", "8:/usr/sbin/sshd"]) }));
    host.take(present("b", START + 1, { who: actor(21, "/usr/bin/chmod", ["9:/usr/bin/bash", "8:/usr/sbin/sshd"]) }));
    assert.equal(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });

  const ROOTS = [
    "/usr/sbin/sshd",
    "/usr/sbin/sshd (deleted)",
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/systemd/systemd",
    "/usr/sbin/cron",
    "/usr/sbin/crond",
    "/usr/bin/tmux",
    "/usr/bin/containerd-shim-runc-v2",
  ];
  for (const root of ROOTS) {
    test(`two shells below one ${root} are two incidents`, () => {
      using host = openHost({ learnMs: 0 });
      host.take(present("a", START, { who: bash(20, `8:${root}`, "5:/usr/bin/x") }));
      host.take(present("b", START + 1, { who: bash(30, `8:${root}`, "5:/usr/bin/x") }));
      assert.notEqual(incidentOf(host, "a1"), incidentOf(host, "a2"));
    });
  }

  test("two shells below one sshd whose program may not be read are two incidents", () => {
    using host = openHost({ learnMs: 0 });
    const parents = [{ pid: 8, exe: "", comm: "sshd" }];
    host.take(
      present("a", START, { who: { ...bash(20), parents } }),
      present("b", START + 1, { who: { ...bash(30), parents } }),
    );
    assert.notEqual(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });

  test("a program called sshd in a home is no root of sessions", () => {
    using host = openHost({ learnMs: 0 });
    host.take(
      present("a", START, { who: bash(20, "8:/home/a/sshd") }),
      present("b", START + 1, { who: bash(30, "8:/home/a/sshd") }),
    );
    assert.equal(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });

  test("children of pid 1 have nothing in common", () => {
    using host = openHost({ learnMs: 0 });
    host.take(
      present("a", START, { who: bash(20, "1:/sbin/whatever") }),
      present("b", START + 1, { who: bash(30, "1:/sbin/whatever") }),
    );
    assert.notEqual(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });

  test("the same dropped program is one incident, also when its file is gone meanwhile", () => {
    using host = openHost({ learnMs: 0 });
    host.take(
      present("a", START, { who: actor(20, "/tmp/miner") }),
      present("b", START + 1, { who: actor(30, "/tmp/miner (deleted)") }),
    );
    assert.equal(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });

  test("a number that another process has now connects nothing", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START, { who: vim }), present("b", START + 1, { who: actor(10, "/usr/bin/less") }));
    assert.notEqual(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });

  test("a thing and who touched it join the incident again with each repetition", () => {
    const { host, change } = openHostWithRecord();
    using _host = host;
    change(1);
    change(2, vim, 14 * MINUTE);
    host.take(present("b", START + DAY, { who: null }));
    host.take(record("q", {}, START + 28 * MINUTE, { who: vim }));
    assert.equal(listAlerts(host.alerts, { kind: "plain.created", limit: 1 })[0]?.incident, incidentOf(host, "a1"));
  });

  test("facts that arrive late join the incident of their time, not that of hours later", () => {
    using host = openHost({ learnMs: 0 });
    host.take(present("a", START + 5 * HOUR, { who: vim }), present("b", START, { who: vim }));
    assert.notEqual(incidentOf(host, "a1"), incidentOf(host, "a2"));
  });
});

describe("Alerter: drills", () => {
  const subject = listener("/usr/bin/node", 4444, START).subject;
  const drill = { name: "listener-4444-77", subject, pid: 77 };
  const staged = (who = actor(77, "/usr/bin/node")) => listener("/usr/bin/node", 4444, START + 1, { who });

  test("mark what they stage, also by a child, and remember nothing of it", () => {
    using host = openHost();
    host.drills.begin(drill, START);
    assert.deepEqual(told(host.take(staged(actor(78, "/usr/bin/node", ["77:/usr/bin/node"])))), [
      "new listener.new a1",
    ]);
    assert.equal(host.alerts.get("a1")?.drill, drill.name);
    assert.equal(host.ordinary.member("listeners", "tcp any 4444 /usr/bin/node"), null);
    assert.equal(host.alerts.countOpen(), 0);
    assert.equal(host.entries("alert")[0]?.data["drill"], drill.name);
  });

  test("do not mark an attack by another process on the same thing", () => {
    using host = openHost();
    host.drills.begin(drill, START);
    host.take(staged(actor(99, "/usr/bin/node")));
    assert.equal(host.alerts.get("a1")?.drill, null);
    assert.equal(host.alerts.countOpen(), 1);
  });

  test("do not mark what the announced process does to another thing", () => {
    using host = openHost();
    host.drills.begin({ ...drill, subject: { type: "file", path: "/x" } }, START);
    host.take(staged());
    assert.equal(host.alerts.get("a1")?.drill, null);
  });

  test("do not join a real alert, nor does a real one join theirs", () => {
    using host = openHost();
    host.take(file("/c", {}, START), census(["/c"], START, "files", "/c"));
    host.drills.begin({ name: "d", subject: { type: "file", path: "/c" }, pid: 77 }, START);
    const chmod = (mode: string, pid: number, at: number) =>
      host.take(file("/c", { mode }, START + at, { who: actor(pid, "/usr/bin/node") }));
    assert.deepEqual(told(chmod("0646", 77, 1)), ["new file.mode a1"]);
    assert.deepEqual(told(chmod("0777", 99, 2)), ["new file.mode a2"]);
    assert.deepEqual([host.alerts.get("a1")?.drill, host.alerts.get("a2")?.drill], ["d", null]);
    assert.notEqual(host.alerts.get("a1")?.incident, host.alerts.get("a2")?.incident);
    assert.deepEqual(told(host.judge.closeDrill("d")), ["closed file.mode a1"]);
    assert.equal(host.alerts.get("a2")?.state, "open");
  });

  test("leave no look behind: what a killed drill did not put back is told as real by the next look", () => {
    using host = openHost();
    host.take(file("/c", {}, START), census(["/c"], START, "files", "/c"));
    host.drills.begin({ name: "d", subject: { type: "file", path: "/c" }, pid: 77 }, START);
    host.take(file("/c", { mode: "0646" }, START + 1, { who: actor(77, "/usr/bin/node") }));
    host.drills.end("d");
    host.judge.closeDrill("d");
    assert.deepEqual(told(host.take(file("/c", { mode: "0646" }, START + 2))), ["new file.mode a2"]);
    assert.equal(host.alerts.get("a2")?.drill, null);
  });

  test("are closed at their end, though a thousand newer alerts are open", () => {
    using host = openHost({ learnMs: 0 });
    host.drills.begin(drill, START);
    host.take(staged());
    for (let index = 0; index < 1100; index++) host.take(present(`p${index}`, START + MINUTE));
    assert.deepEqual(told(host.judge.closeDrill(drill.name)), ["closed listener.new a1"]);
  });

  test("closeDrill(null) closes those of any drill, and nothing else", () => {
    using host = openHost({ learnMs: 0 });
    host.drills.begin(drill, START);
    host.take(staged(), present("a", START));
    assert.deepEqual(told(host.judge.closeDrill("another")), []);
    assert.deepEqual(told(host.judge.closeDrill(null)), ["closed listener.new a1"]);
    assert.equal(host.alerts.get("a2")?.state, "open");
  });
});

describe("boundEvidence()", () => {
  test("leaves what fits as it is", () => {
    const evidence = { a: "x".repeat(20_000), b: [1, { c: null }] };
    assert.equal(boundEvidence(evidence), evidence);
  });

  test("cuts long texts at any depth before it replaces a field", () => {
    const bounded = boundEvidence({ diff: "x".repeat(100_000), now: { text: "y".repeat(30_000), mode: "0644" } });
    assert.equal(String(bounded["diff"]).length, 16_000);
    assert.partialDeepStrictEqual(bounded["now"], { mode: "0644" });
  });

  test("replaces the largest fields and keeps the small ones", () => {
    const many = Array.from({ length: 20_000 }, () => "abc");
    assert.deepEqual(boundEvidence({ many, mode: "0644" }), { many: { cut: true, bytes: 120_001 }, mode: "0644" });
  });
});

test("cutText() and cutSubject() say that they cut", () => {
  assert.equal(cutText("abcd", 3), "ab…");
  assert.equal(cutText("abc", 3), "abc");
  const cut = cutSubject({ type: "file", path: "/".repeat(9000), pathBase64: "x" });
  assert.equal(String(cut["path"]).length, 2048);
  assert.deepEqual(Object.keys(cut), ["type", "path"]);
});

test("a verdict list that is empty is lawful", () => {
  using host = openHost({ learnMs: 0, facts: { ...plainFacts, judge: () => [] } });
  assert.deepEqual(host.take(present("a", START)), []);
  assert.equal(host.ordinary.member("plain", "a"), null);
});
