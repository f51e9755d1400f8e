import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { LogFormat } from "../contract.ts";
import { parseHead } from "./parse-head.ts";

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const local = (...parts: [number, number, number, number, number, number, number?]): number =>
  new Date(...parts).getTime();

type Case = readonly [format: LogFormat, line: string, message: string, program: string, atUnixMs: number | null];

// Lines of Debian 12's components; those of cPanel, DirectAdmin and webmin as public write-ups show them.
const REAL: readonly Case[] = [
  [
    "syslog",
    "Nov 22 12:41:05 web1 sshd[180]: Failed password for alice from 198.51.100.23 port 44347 ssh2",
    "Failed password for alice from 198.51.100.23 port 44347 ssh2",
    "sshd",
    local(2026, 10, 22, 12, 41, 5),
  ],
  [
    "syslog",
    "2026-11-22T12:41:05.094029+00:00 web1 sshd-session[180]: Invalid user admin from 198.51.100.23 port 42971",
    "Invalid user admin from 198.51.100.23 port 42971",
    "sshd-session",
    Date.UTC(2026, 10, 22, 12, 41, 5, 94),
  ],
  [
    "syslog",
    "<38>1 2026-11-22T12:41:05.094029+01:00 web1 sshd 180 - -  Failed password for alice",
    "Failed password for alice",
    "sshd",
    Date.UTC(2026, 10, 22, 11, 41, 5, 94),
  ],
  [
    "syslog",
    '<38>1 2026-11-22T12:41:05Z web1 app - ID47 [x@1 iut="3" say="a]\\"b"][y@1 z="1"] \u00ef\u00bb\u00bftext [1]',
    "text [1]",
    "app",
    Date.UTC(2026, 10, 22, 12, 41, 5),
  ],
  [
    "syslog",
    "Nov 22 12:50:43 web1 sudo:    carol : PWD=/root ; USER=root ; COMMAND=/usr/bin/id",
    "carol : PWD=/root ; USER=root ; COMMAND=/usr/bin/id",
    "sudo",
    local(2026, 10, 22, 12, 50, 43),
  ],
  ["syslog", "Nov  2 12:50:43 web1 postfix/smtpd[9]: x", "x", "postfix/smtpd", local(2026, 10, 2, 12, 50, 43)],
  ["syslog", "<86>Nov 22 12:50:43 web1 login: x", "x", "login", local(2026, 10, 22, 12, 50, 43)],
  ["syslog", "Nov 22 12:50:43 dropbear[12]: x", "x", "dropbear", local(2026, 10, 22, 12, 50, 43)],
  [
    "syslog",
    "2026-11-22T12:41:01+0000 web1.example.net root[98]: lab",
    "lab",
    "root",
    Date.UTC(2026, 10, 22, 12, 41, 1),
  ],
  ["syslog", "Nov 22 12:50:43 web1 no tag here", "web1 no tag here", "", local(2026, 10, 22, 12, 50, 43)],
  ["syslog", "Nov 22 12:50:43 web1 auth.info sshd[9]: x", "x", "sshd", local(2026, 10, 22, 12, 50, 43)],
  ["syslog", "Nov 22 12:50:43 <10.5> web1 sshd[9]: x", "x", "sshd", local(2026, 10, 22, 12, 50, 43)],
  ["syslog", "Nov 2 12:50:43 sshd[9]: x", "x", "sshd", local(2026, 10, 2, 12, 50, 43)],
  ["syslog", "2026-11-22T12:41:05 auth.info: Invalid user a", "Invalid user a", "", local(2026, 10, 22, 12, 41, 5)],
  [
    "syslog",
    "2026-11-22T12:41:05Z web1 dropbear 6052 - - Bad x",
    "Bad x",
    "dropbear",
    Date.UTC(2026, 10, 22, 12, 41, 5),
  ],
  [
    "syslog",
    "2026-11-22T12:41:05.1 auth.info: Nov 22 12:41:05 sshd[9]: x",
    "x",
    "sshd",
    local(2026, 10, 22, 12, 41, 5, 100),
  ],
  ["syslog", "Nov 22 12:50:43 web1 [sshd] x", "x", "sshd", local(2026, 10, 22, 12, 50, 43)],
  [
    "syslog",
    "2026-11-22 12:54:27,331 web1 proftpd[179] web1 (198.51.100.23[198.51.100.23]): x",
    "web1 (198.51.100.23[198.51.100.23]): x",
    "proftpd",
    local(2026, 10, 22, 12, 54, 27, 331),
  ],
  [
    "exim",
    "2026-11-22 12:41:35 1xV6sx-00006g-0p Completed",
    "1xV6sx-00006g-0p Completed",
    "",
    local(2026, 10, 22, 12, 41, 35),
  ],
  ["exim", "2026-11-22 12:41:35.123 +0100 [4711] H=x", "H=x", "", Date.UTC(2026, 10, 22, 11, 41, 35, 123)],
  ["exim", "2026-11-22 12:41:35 [198.51.100.23] x", "[198.51.100.23] x", "", local(2026, 10, 22, 12, 41, 35)],
  [
    "apache-error",
    "[Sun Nov 22 12:41:46.505757 2026] [security2:error] [pid 635:tid 635] x",
    "[security2:error] [pid 635:tid 635] x",
    "",
    local(2026, 10, 22, 12, 41, 46, 505),
  ],
  ["apache-error", "[Sun Nov  2 12:41:46 2026] [error] x", "[error] x", "", local(2026, 10, 2, 12, 41, 46)],
  ["nginx-error", "2026/11/22 12:41:46 [error] 7#7: *1 x", "[error] 7#7: *1 x", "", local(2026, 10, 22, 12, 41, 46)],
  [
    "cpanel",
    "[2017-01-25 06:01:10 -0500] info [cpsrvd] 10.1.5.19 - test",
    "info [cpsrvd] 10.1.5.19 - test",
    "",
    Date.UTC(2017, 0, 25, 11, 1, 10),
  ],
  [
    "modsecurity",
    "[22/Nov/2026:12:41:46.460455 +0000] awLjCijm-3E-QeSSXmJHDQAAAAA 198.51.100.23 37732 203.0.113.9 80",
    "awLjCijm-3E-QeSSXmJHDQAAAAA 198.51.100.23 37732 203.0.113.9 80",
    "",
    Date.UTC(2026, 10, 22, 12, 41, 46, 460),
  ],
];

// Formats whose rules see the whole line.
const WHOLE: readonly (readonly [LogFormat, string, number])[] = [
  [
    "access",
    '198.51.100.23 - - [22/Nov/2026:12:41:46 +0200] "GET / HTTP/1.1" 403 479 "-" "M"',
    Date.UTC(2026, 10, 22, 10, 41, 46),
  ],
  [
    "access",
    'alice.example:80 198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET / HTTP/1.1" 403 4',
    Date.UTC(2026, 10, 22, 12, 41, 46),
  ],
  [
    "access",
    '192.0.2.20 - example [10/08/2016:13:37:32 -0000] "GET /x HTTP/1.1" 200 0 "" "M" "s" "-" 2083',
    Date.UTC(2016, 9, 8, 13, 37, 32),
  ],
  [
    "cpanel",
    '192.0.2.20 - user [07/10/2013:18:43:00 -0000] "POST /login/ HTTP/1.1" FAILED LOGIN x',
    Date.UTC(2013, 6, 10, 18, 43, 0),
  ],
  [
    "modsecurity",
    '{"transaction":{"time":"22/Nov/2026:12:41:50.758149 +0000","transaction_id":"a"}',
    Date.UTC(2026, 10, 22, 12, 41, 50, 758),
  ],
  [
    "modsecurity",
    '{"transaction":{"client_ip":"192.0.2.1","time_stamp":"Sun Nov 22 12:41:50 2026"',
    local(2026, 10, 22, 12, 41, 50),
  ],
  [
    "plain",
    'Sun Nov 22 12:42:38 2026 [pid 758] [alice] OK LOGIN: Client "198.51.100.23"',
    local(2026, 10, 22, 12, 42, 38),
  ],
  ["plain", "2014:07:02-13:07:40: '192.0.2.3' 13 failed login attempts. Account 'admin'", local(2014, 6, 2, 13, 7, 40)],
  ["plain", "2026-11-22T12:41:46.123456Z 12 [Note] [MY-010926] [Server] x", Date.UTC(2026, 10, 22, 12, 41, 46, 123)],
  ["plain", "2026-11-22 12:41:46.123 UTC [12] FATAL:  x", Date.UTC(2026, 10, 22, 12, 41, 46, 123)],
  ["plain", "2026-11-22 12:54:27,331 web1 proftpd[179] x", local(2026, 10, 22, 12, 54, 27, 331)],
  ["plain", "[2026-11-22 12:54:27] x", local(2026, 10, 22, 12, 54, 27)],
];

suite("parseHead()", () => {
  test("finds message, program and time of real lines", () => {
    for (const [format, line, message, program, atUnixMs] of REAL) {
      const head = parseHead(format, line, NOW);
      assert.deepEqual(
        { ...head, messageAt: line.slice(head.messageAt) },
        { messageAt: message, program, atUnixMs },
        line,
      );
    }
  });

  test("leaves the whole line where a format has no head, with its time", () => {
    for (const [format, line, atUnixMs] of WHOLE)
      assert.deepEqual(parseHead(format, line, NOW), { messageAt: 0, program: "", atUnixMs }, line);
  });

  test("takes the year in which a line without one is not more than a day ahead", () => {
    const yearOf = (line: string, now: number): number | undefined => {
      const { atUnixMs } = parseHead("syslog", line, now);
      return atUnixMs === null ? undefined : new Date(atUnixMs).getFullYear();
    };
    const newYear = local(2027, 0, 1, 0, 0, 5);
    assert.equal(yearOf("Dec 31 23:59:59 web1 a: x", newYear), 2026);
    assert.equal(yearOf("Jan  1 00:00:04 web1 a: x", newYear), 2027);
    assert.equal(yearOf("Jan  1 00:00:04 web1 a: x", local(2026, 11, 31, 23, 59, 50)), 2027);
    assert.equal(yearOf("Jan  3 00:00:04 web1 a: x", newYear), 2026);
    assert.equal(yearOf("Feb 29 00:00:04 web1 a: x", newYear), 2024);
    assert.equal(yearOf("Feb 30 00:00:04 web1 a: x", newYear), undefined);
  });

  test("reads times without a zone in the zone of the host, over both changes of the clock", () => {
    const script = `
      import { parseHead } from ${JSON.stringify(new URL("parse-head.ts", import.meta.url).href)};
      const at = (text) => parseHead("exim", text + " x", 0).atUnixMs / 1000;
      console.log([at("2026-03-29 01:59:59"), at("2026-03-29 03:00:00"), at("2026-10-25 01:59:59"), at("2026-10-25 03:00:00"), at("2026-01-01 00:00:00")].join(" "));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      env: { ...process.env, TZ: "Europe/Zurich" },
      encoding: "utf8",
    });
    const utc = (...parts: [number, number, number, number, number, number]): number => Date.UTC(...parts) / 1000;
    const wanted = [
      utc(2026, 2, 29, 0, 59, 59),
      utc(2026, 2, 29, 1, 0, 0),
      utc(2026, 9, 24, 23, 59, 59),
      utc(2026, 9, 25, 2, 0, 0),
      utc(2025, 11, 31, 23, 0, 0),
    ];
    assert.equal(stdout.trim(), wanted.join(" "));
  });

  test("takes the server's time of an access line, not one that a client calls himself", () => {
    const at = (line: string): number | null => parseHead("access", line, NOW).atUnixMs;
    const real = Date.UTC(2026, 10, 22, 12, 41, 46);
    assert.equal(
      at('192.0.2.1 - x [01/Jan/2001:00:00:00 +0000] [22/Nov/2026:12:41:46 +0000] "GET / HTTP/1.1" 401 1 "-" "-"'),
      real,
    );
    assert.equal(
      at('192.0.2.1 - x [01/Jan/2001:00:00:00 +0000] \\"GET [22/Nov/2026:12:41:46 +0000] "GET / HTTP/1.1" 401 1'),
      real,
    );
    assert.equal(
      at('192.0.2.1 - - [22/Nov/2026:12:41:46 +0000] "GET /[01/Jan/2001:00:00:00 +0000] \\" HTTP/1.1" 401 1'),
      real,
    );
  });

  test("gives no head for what is not of the format", () => {
    for (const line of [
      "",
      " ",
      "<",
      "<38>1",
      "<38>1 - - - - -",
      "Nov 32 12:41:05 a b: c",
      "Nov 22 24:41:05 a b: c",
      "[",
      '] "',
    ]) {
      for (const format of ["exim", "access", "apache-error", "nginx-error", "modsecurity", "cpanel", "plain"] as const)
        assert.deepEqual(
          parseHead(format, line, NOW),
          { messageAt: 0, program: "", atUnixMs: null },
          `${format} ${line}`,
        );
      assert.equal(parseHead("syslog", line, NOW).atUnixMs, null);
    }
  });

  test("gives an offset within the line and a finite time for any bytes", () => {
    const formats = [
      "syslog",
      "exim",
      "access",
      "apache-error",
      "nginx-error",
      "modsecurity",
      "cpanel",
      "plain",
    ] as const;
    const pieces = fc.constantFrom(
      "Nov 22 ",
      "12:41:05",
      "2026-11-22",
      "T",
      " ",
      "[",
      "]",
      '] "',
      "<38>1 ",
      "sshd[1]: ",
      ":",
      "22/Nov/2026:",
      "+0100",
      ".",
      "9",
      '{"transaction":{"time":"',
      "Sun ",
      "2026",
    );
    const latin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    const line = fc.array(fc.oneof(pieces, latin1), { maxLength: 20 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.constantFrom(...formats), line, (format, text) => {
        const head = parseHead(format, text, NOW);
        assert.ok(head.messageAt >= 0 && head.messageAt <= text.length);
        assert.ok(head.atUnixMs === null || Number.isSafeInteger(head.atUnixMs));
        assert.ok(head.program === "" || text.includes(head.program));
      }),
      { numRuns: 2000 },
    );
  });
});

test("parseHead() gives a time without a year the last such time, whichever lines it has seen before", () => {
  const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const two = (value: number): string => String(value).padStart(2, "0");
  const written = (at: Date): string =>
    `${months.slice(at.getMonth() * 3, at.getMonth() * 3 + 3)} ${String(at.getDate()).padStart(2)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  // Around the instant a day ahead, from which on a time is one of the last year, and anywhere in the year before.
  const secondsBefore = fc.oneof(fc.integer({ min: -90, max: 90 }), fc.integer({ min: 0, max: 300 * 86_400 }));
  const year = 365 * 86_400;
  fc.assert(
    fc.property(fc.nat(year), fc.array(secondsBefore, { maxLength: 20 }), (nowSecond, list) => {
      const nowUnixMs = Date.UTC(2025, 5, 1) + nowSecond * 1000;
      for (const seconds of list) {
        const at = new Date(nowUnixMs + 86_400_000 - seconds * 1000);
        const { atUnixMs } = parseHead("syslog", `${written(at)} web1 sshd[1]: x`, nowUnixMs);
        const sameDay = new Date(at);
        sameDay.setFullYear(at.getFullYear() - 1);
        assert.equal(atUnixMs, seconds >= 0 ? at.getTime() : sameDay.getTime());
      }
    }),
  );
});
