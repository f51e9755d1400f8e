import assert from "node:assert/strict";
import { test } from "node:test";
import { graveReasons, raiseSeverity } from "./severity.ts";
import { actor } from "./test-host.mts";

const GRAVE = [
  ["/usr/bin/sh", ["1200:/usr/sbin/apache2"]],
  ["/usr/bin/sh", ["1200:/usr/bin/dash", "900:/usr/local/lsws/bin/lshttpd"]],
  ["/usr/bin/sh", ["1200:/opt/cpanel/ea-php82/root/usr/sbin/php-fpm"]],
  ["/usr/bin/sh", ["1200:/usr/sbin/php-fpm8.2 (deleted)"]],
  ["/usr/bin/sh", ["1200:/usr/sbin/pure-ftpd-mysql"]],
  ["/usr/bin/sh", ["1200:/usr/sbin/exim4"]],
  ["/tmp/x", []],
  ["/var/tmp/x", []],
  ["/dev/shm/x", []],
  ["/run/user/1000/x", []],
  ["/memfd:x (deleted)", []],
  ["/usr/bin/x (deleted)", []],
] as const;

for (const [exe, ancestors] of GRAVE) {
  test(`graveReasons() has one for ${exe} below ${ancestors.join(", ") || "nothing"}`, () => {
    assert.notDeepEqual(graveReasons(actor(9, exe, ancestors)), []);
  });
}

const USUAL = [
  ["/usr/bin/sh", ["8:/usr/sbin/sshd"]],
  ["/usr/sbin/apache2", []],
  ["/usr/bin/sh", ["8:/home/a/apache2/x"]],
  ["/home/tmp/x", []],
  ["/tmp", []],
  [null, []],
] as const;

for (const [exe, ancestors] of USUAL) {
  test(`graveReasons() has none for ${exe} below ${ancestors.join(", ") || "nothing"}`, () => {
    assert.deepEqual(graveReasons(actor(9, exe, ancestors)), []);
  });
}

test("graveReasons() goes by the program file, not by the name that a process gave itself", () => {
  const parents = [{ pid: 8, exe: "/usr/bin/perl", comm: "apache2" }];
  assert.deepEqual(graveReasons({ ...actor(9, "/usr/bin/sh"), parents }), []);
  assert.deepEqual(graveReasons(null), []);
});

test("raiseSeverity() goes one step up, and no higher than critical", () => {
  assert.equal(raiseSeverity("low", []), "low");
  assert.equal(raiseSeverity("low", ["a", "b"]), "medium");
  assert.equal(raiseSeverity("high", ["a"]), "critical");
  assert.equal(raiseSeverity("critical", ["a"]), "critical");
});
