import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LogFormat } from "../contract.ts";
import { guessFormat, LOG_FORMATS } from "./guess-format.ts";

const LINES: readonly (readonly [format: LogFormat, line: string])[] = [
  ["syslog", "Nov 22 12:41:05 web1 sshd[180]: Server listening on 0.0.0.0 port 22."],
  ["syslog", "2026-11-22T12:41:01.511742+00:00 web1 groupadd[99]: new group: name=alice, GID=2001"],
  ["syslog", "<86>1 2026-11-22T12:41:01.511742+00:00 web1 groupadd 99 - -  new group: name=alice, GID=2001"],
  [
    "exim",
    "2026-11-22 12:41:34 exim 4.96 daemon started: pid=407, no queue runs, listening for SMTP on [127.0.0.1]:25",
  ],
  ["exim", "2026-11-22 12:41:35.123 +0100 [407] 1xV6sx-00006g-0p <= alice@web1.example.net U=alice P=local S=427"],
  ["access", '198.51.100.23 - alice [22/Nov/2026:12:41:50 +0000] "GET / HTTP/1.1" 200 8 "-" "curl/7.88.1"'],
  ["access", 'www.example.net:443 198.51.100.23 - - [22/Nov/2026:12:41:50 +0000] "GET / HTTP/1.1" 200 8 "-" "-"'],
  ["access", '198.51.100.23 - root [11/22/2026:12:41:50 -0000] "POST /login/?login_only=1 HTTP/1.1" 401 0 "-" "-"'],
  [
    "apache-error",
    "[Sun Nov 22 12:41:50.756109 2026] [core:notice] [pid 700] AH00094: Command line: '/usr/sbin/apache2'",
  ],
  ["nginx-error", '2026/11/22 12:41:50 [error] 812#812: *5 open() "/srv/x" failed (2: No such file or directory)'],
  ["modsecurity", "--e5c5e449-A--"],
  [
    "modsecurity",
    '{"transaction":{"time":"22/Nov/2026:12:41:50.758149 +0000","transaction_id":"awLjDrEUr_RmLHDb0uYPrQAAAAA"}}',
  ],
  [
    "cpanel",
    '[2026-11-22 12:41:50 +0000] info [cpaneld] 198.51.100.23 - alice "POST /login/ HTTP/1.1" FAILED LOGIN cpaneld',
  ],
  ["plain", 'Sun Nov 22 12:42:38 2026 [pid 759] CONNECT: Client "198.51.100.23"'],
  ["plain", ""],
];

for (const [format, line] of LINES) {
  test(`guessFormat() takes ${JSON.stringify(line.slice(0, 60))} for ${format}`, () => {
    assert.equal(guessFormat(`${line}\n`), format);
    assert.equal(guessFormat(`${line}\r\n${line}`), format);
  });
}

test("guessFormat() goes by most of the lines, not by what one of them was made to look like", () => {
  const access = LINES[5]?.[1] ?? "";
  assert.equal(guessFormat(`${LINES[0]?.[1]}\n${access}\n${access}\n`), "access");
});

test("guessFormat() takes any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (text) =>
      LOG_FORMATS.includes(guessFormat(text) as never),
    ),
  );
  assert.equal(guessFormat(" x".repeat(100_000)), "plain");
});
