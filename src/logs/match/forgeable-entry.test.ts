import assert from "node:assert/strict";
import { test } from "node:test";
import { isForgeableEntry } from "./forgeable-entry.ts";

// Fields as journald of systemd 252 gives them.
const ENTRIES: readonly (readonly [
  what: string,
  program: string,
  trusted: Record<string, string>,
  isForgeable: boolean,
])[] = [
  ["sshd", "sshd", { _UID: "0", _SYSTEMD_UNIT: "ssh.service", _EXE: "/usr/sbin/sshd" }, false],
  ["postfix", "postfix/smtpd", { _UID: "108", _SYSTEMD_UNIT: "postfix@-.service" }, false],
  ["mariadb", "mariadbd", { _UID: "109", _SYSTEMD_UNIT: "mariadb.service" }, false],
  ["the kernel", "kernel", { _TRANSPORT: "kernel" }, false],
  ["logger of a user", "sshd", { _UID: "1001", _SYSTEMD_UNIT: "session-3.scope", _EXE: "/usr/bin/logger" }, true],
  ["a user's own unit", "postfix/smtpd", { _UID: "1001", _SYSTEMD_UNIT: "user@1001.service" }, true],
  ["a user's shell below sshd where logind is not used", "sshd", { _UID: "1001", _SYSTEMD_UNIT: "ssh.service" }, true],
  ["a script of a customer as the web server", "sshd", { _UID: "33", _SYSTEMD_UNIT: "apache2.service" }, true],
  ["a uid that is no number", "postfix", { _UID: "0x0", _SYSTEMD_UNIT: "postfix.service" }, true],
  ["no trusted fields", "sshd", {}, true],
];

for (const [what, program, trusted, isForgeable] of ENTRIES) {
  test(`isForgeableEntry() gives ${isForgeable} for an entry of ${what}`, () => {
    assert.equal(isForgeableEntry(program, trusted), isForgeable);
  });
}
