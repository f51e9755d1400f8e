import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { WafEntry } from "./entry.ts";
import { SerialAssembler } from "./serial.ts";

// ModSecurity 2.9.7 of Debian 12 with its Core Rule Set 3.3.4; part K, of 30 KiB, is cut here to one rule.
const DENIED = `--7640ad61-A--
[22/Nov/2026:12:41:46.569744 +0000] awLjChda9at3ulu_lhBfUgAAAAM 198.51.100.77 55228 203.0.113.9 80
--7640ad61-B--
GET /%0a%0d/x HTTP/1.1
Host: 203.0.113.9
Authorization: Basic YWw6eA==
User-Agent: curl/7.88.1
Accept: */*

--7640ad61-F--
HTTP/1.1 403 Forbidden
Content-Length: 316

--7640ad61-E--
<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">

--7640ad61-H--
Message: Warning. Pattern match "[\\\\n\\\\r]" at REQUEST_FILENAME. [file "/usr/share/modsecurity-crs/rules/REQUEST-921-PROTOCOL-ATTACK.conf"] [line "220"] [id "921190"] [msg "HTTP Splitting (CR/LF in request filename detected)"] [data "Matched Data:  found within REQUEST_FILENAME: /\\x0a\\x0d/x"] [severity "CRITICAL"] [ver "OWASP_CRS/3.3.4"] [tag "application-multi"] [tag "attack-protocol"]
Message: Warning. Pattern match "^[\\\\d.:]+$" at REQUEST_HEADERS:Host. [file "/usr/share/modsecurity-crs/rules/REQUEST-920-PROTOCOL-ENFORCEMENT.conf"] [line "736"] [id "920350"] [msg "Host header is a numeric IP address"] [data "203.0.113.9"] [severity "WARNING"] [ver "OWASP_CRS/3.3.4"] [tag "attack-protocol"]
Message: Access denied with code 403 (phase 2). Operator GE matched 5 at TX:anomaly_score. [file "/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf"] [line "94"] [id "949110"] [msg "Inbound Anomaly Score Exceeded (Total Score: 8)"] [severity "CRITICAL"] [ver "OWASP_CRS/3.3.4"] [tag "attack-generic"]
Message: Warning. Operator GE matched 5 at TX:inbound_anomaly_score. [file "/usr/share/modsecurity-crs/rules/RESPONSE-980-CORRELATION.conf"] [line "92"] [id "980130"] [msg "Inbound Anomaly Score Exceeded (Total Inbound Score: 8 - SQLI=0,XSS=0,RFI=0,LFI=0,RCE=0,PHPI=0,HTTP=5,SESS=0): individual paranoia level scores: 8, 0, 0, 0"] [ver "OWASP_CRS/3.3.4"] [tag "event-correlation"]
Apache-Error: [file "apache2_util.c"] [line 275] [level 3] [client 198.51.100.77] ModSecurity: Warning. Pattern match "^[\\\\\\\\d.:]+$" at REQUEST_HEADERS:Host. [file "/usr/share/modsecurity-crs/rules/REQUEST-920-PROTOCOL-ENFORCEMENT.conf"] [line "736"] [id "920350"] [msg "Host header is a numeric IP address"] [data "203.0.113.9"] [severity "WARNING"] [hostname "203.0.113.9"] [uri "/x"] [unique_id "awLjChda9at3ulu_lhBfUgAAAAM"]
Action: Intercepted (phase 2)
Stopwatch: 1795351306568451 1314 (- - -)
Producer: ModSecurity for Apache/2.9.7 (http://www.modsecurity.org/); OWASP_CRS/3.3.4.
Engine-Mode: "ENABLED"

--7640ad61-K--
SecAction "phase:1,auditlog,id:900990,nolog,pass,t:none,setvar:tx.crs_setup_version=334"

--7640ad61-Z--
`;

// libmodsecurity v3.0.14, put together by src/transaction.cc toOldAuditLogFormat and src/rule_message.cc.
const VERSION_3 = `---a1B2c3D4---A--
[22/Nov/2026:13:41:46 +0100] 179535130612.345678 2001:db8::5 40822 203.0.113.9 443
---a1B2c3D4---B--
POST /login.php?next=%2Fa&x HTTP/1.1
host: Shop.Example:443

---a1B2c3D4---F--
HTTP/1.1 403

---a1B2c3D4---H--
ModSecurity: Access denied with code 403 (phase 2). Matched "Operator \`Ge' with parameter \`5' against variable \`TX:ANOMALY_SCORE' (Value: \`5' ) [file "/etc/crs/REQUEST-949-BLOCKING-EVALUATION.conf"] [line "80"] [id "949110"] [rev ""] [msg "Inbound Anomaly Score Exceeded (Total Score: 5)"] [data ""] [severity "2"] [ver "OWASP_CRS/3.3.2"] [maturity "0"] [accuracy "0"] [tag "attack-generic"] [hostname "203.0.113.9"] [uri "/login.php"] [unique_id "179535130612.345678"] [ref ""]
ModSecurity: Warning. detected SQLi using libinjection. [file "/etc/crs/REQUEST-942-APPLICATION-ATTACK-SQLI.conf"] [line "45"] [id "942100"] [rev ""] [msg "SQL Injection Attack Detected via libinjection"] [data "Matched Data: s&1c found within ARGS:user: ' or "1"="1"] [severity "2"] [ver "OWASP_CRS/3.3.2"] [maturity "0"] [accuracy "0"] [tag "attack-sqli"] [hostname "203.0.113.9"] [uri "/login.php"] [unique_id "179535130612.345678"] [ref "v1,2"]

---a1B2c3D4---Z--
`.replaceAll("---a1B2c3D4---", "--a1B2c3D4-");

function assemble(text: string, withOffsets = false): { entries: WafEntry[]; dropped: number } {
  const assembler = new SerialAssembler();
  let offset = 0;
  const entries = text.split("\n").flatMap((line) => {
    const entry = assembler.push(line, withOffsets ? offset : null);
    offset += line.length + 1;
    return entry ?? [];
  });
  return { entries, dropped: assembler.dropped };
}

/** An entry with a request body, as 2.9 writes it: the boundary follows the body's last byte and a line end. */
function posted(body: string, contentLength: number | null = body.length, id = "0079b05c"): string {
  return [
    `--${id}-A--`,
    "[22/Nov/2026:12:41:46.507054 +0000] awLjReaL0000000000000000AAA 198.51.100.23 37740 203.0.113.9 80",
    `--${id}-B--`,
    "POST /real.php HTTP/1.1",
    "Host: alice.example",
    contentLength === null ? "Transfer-Encoding: chunked" : `Content-Length: ${contentLength}`,
    "",
    `--${id}-C--`,
    body,
    `--${id}-F--`,
    "HTTP/1.1 200 OK",
    "",
    `--${id}-H--`,
    'Message: Warning. Pattern match "x" at ARGS:q. [file "a.conf"] [line "1"] [id "1234001"] [severity "ERROR"]',
    "",
    `--${id}-Z--`,
    "",
  ].join("\n");
}

const FORGED = (id: string): string =>
  [
    "a=1",
    `--${id}-Z--`,
    "",
    `--${id}-A--`,
    "[22/Nov/2026:12:41:46.507054 +0000] awLjForGed000000000000000AA 192.0.2.1 37740 203.0.113.9 80",
    `--${id}-B--`,
    "GET /forged HTTP/1.1",
    `--${id}-H--`,
    'Message: Access denied with code 403. [file "a.conf"] [line "1"] [id "1234001"] [severity "CRITICAL"]',
    "Action: Intercepted (phase 2)",
    `--${id}-Z--`,
  ].join("\n");

test("SerialAssembler puts an entry of ModSecurity 2.9 together, with the total as score and not as a rule", () => {
  const { entries, dropped } = assemble(DENIED);
  assert.equal(dropped, 0);
  assert.deepEqual(entries, [
    {
      uniqueId: "awLjChda9at3ulu_lhBfUgAAAAM",
      atUnixMs: Date.UTC(2026, 10, 22, 12, 41, 46, 569),
      address: "198.51.100.77",
      site: "203.0.113.9",
      method: "GET",
      uri: "/%0a%0d/x",
      status: 403,
      isIntercepted: true,
      rules: [
        {
          id: "921190",
          message: "HTTP Splitting (CR/LF in request filename detected)",
          severity: "critical",
          tags: ["application-multi", "attack-protocol"],
          matchedVar: "REQUEST_FILENAME",
        },
        {
          id: "920350",
          message: "Host header is a numeric IP address",
          severity: "warning",
          tags: ["attack-protocol"],
          matchedVar: "REQUEST_HEADERS:Host",
        },
      ],
      score: 8,
      account: null,
    },
  ]);
});

test("SerialAssembler reads libmodsecurity, whose quotes are not escaped", () => {
  const { entries } = assemble(VERSION_3);
  assert.equal(entries.length, 1);
  const [entry] = entries;
  assert.equal(entry?.address, "2001:db8::5");
  assert.equal(entry?.site, "shop.example");
  assert.equal(entry?.uri, "/login.php?next=&");
  assert.equal(entry?.isIntercepted, true);
  assert.equal(entry?.score, 5);
  assert.equal(entry?.atUnixMs, Date.UTC(2026, 10, 22, 12, 41, 46));
  assert.deepEqual(
    entry?.rules.map(({ id, severity }) => [id, severity]),
    [["942100", "critical"]],
  );
});

test("SerialAssembler reads entries with the same boundary id one after the other", () => {
  const second = DENIED.replaceAll("awLjChda9at3ulu_lhBfUgAAAAM", "awLjChda9at3ulu_lhBfUgAAAAN");
  const { entries } = assemble(`${DENIED}\n${second}`);
  assert.deepEqual(
    entries.map(({ uniqueId }) => uniqueId),
    ["awLjChda9at3ulu_lhBfUgAAAAM", "awLjChda9at3ulu_lhBfUgAAAAN"],
  );
});

test("SerialAssembler keeps nothing of a body, of credentials or of query values", () => {
  const { entries } = assemble(posted("log=admin&pwd=Sekret1!"));
  assert.equal(entries.length, 1);
  assert.doesNotMatch(JSON.stringify([entries, assemble(DENIED).entries]), /Sekret1|YWw6eA/);
});

test("SerialAssembler believes no boundary of another id inside a body, whatever its length", () => {
  for (const length of [undefined, null] as const) {
    const { entries, dropped } = assemble(posted(FORGED("7640ad61"), length));
    assert.deepEqual(
      entries.map(({ address }) => address),
      ["198.51.100.23"],
    );
    assert.equal(dropped, 0);
  }
});

test("SerialAssembler believes no boundary of the entry's own id inside a body of known length", () => {
  for (const withOffsets of [true, false]) {
    const { entries, dropped } = assemble(posted(FORGED("0079b05c")), withOffsets);
    assert.deepEqual(
      entries.map(({ address, uri }) => [address, uri]),
      [["198.51.100.23", "/real.php"]],
      `offsets: ${withOffsets}`,
    );
    assert.equal(dropped, 0);
  }
});

test("SerialAssembler with offsets knows the end of a body to the byte, also of one with many lines", () => {
  const body = `${"\n".repeat(2000)}${FORGED("0079b05c")}`;
  const { entries } = assemble(posted(body), true);
  assert.deepEqual(
    entries.map(({ address }) => address),
    ["198.51.100.23"],
  );
});

test("SerialAssembler drops an entry whose messages are of another transaction", () => {
  const { entries, dropped } = assemble(DENIED.replace('[unique_id "awLj', '[unique_id "bwLj'));
  assert.deepEqual(entries, []);
  assert.equal(dropped, 1);
});

test("SerialAssembler finds the next entry behind one that was cut off", () => {
  for (const cut of ["--7640ad61-F--", "--7640ad61-K--", "[22/Nov"]) {
    const other = DENIED.replaceAll("7640ad61", "0079b05c");
    const { entries, dropped } = assemble(`${DENIED.slice(0, DENIED.indexOf(cut))}\n${other}`);
    assert.equal(entries.length, 1, cut);
    assert.equal(dropped, 1, cut);
  }
});

test("SerialAssembler mixes no two entries when one was cut off inside a body", () => {
  const cut = DENIED.slice(0, DENIED.indexOf("--7640ad61-H--"));
  const next = DENIED.replaceAll("awLjChda9at3ulu_lhBfUgAAAAM", "awLjChda9at3ulu_lhBfUgAAAAN").replaceAll(
    "198.51.100.77",
    "192.0.2.9",
  );
  const { entries, dropped } = assemble(`${cut}\n${next.replace(/Apache-Error.*\n/, "")}\n${next}`);
  assert.deepEqual(
    entries.map(({ address }) => address),
    ["192.0.2.9"],
  );
  assert.equal(dropped, 1);
});

test("SerialAssembler gives up a body that never ends, and reads on", () => {
  const assembler = new SerialAssembler();
  for (const line of posted("").split("\n").slice(0, 8)) assembler.push(line);
  const line = "x".repeat(65_536);
  for (let at = 0; at < 260; at++) assembler.push(line);
  assert.equal(assembler.dropped, 1);
  const entries = DENIED.split("\n").flatMap((one) => assembler.push(one) ?? []);
  assert.equal(entries.length, 1);
});

test("SerialAssembler ignores an entry without a header, and lines outside of entries", () => {
  const { entries, dropped } = assemble(`garbage\n--7640ad61-Z--\n${DENIED.replace("[22/Nov", "[22/Nux")}`);
  assert.deepEqual(entries, []);
  assert.equal(dropped, 1);
});

test("SerialAssembler takes any lines, and every entry it gives has an id and bounded parts", () => {
  const pieces = fc.oneof(
    fc.constantFrom(...DENIED.split("\n"), ...VERSION_3.split("\n"), ...posted(FORGED("0079b05c")).split("\n")),
    fc.string({ unit: "binary", maxLength: 200 }),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 80 }), (lines) => {
      for (const entry of assemble(lines.join("\n")).entries) {
        assert.match(entry.uniqueId, /^[\w@.:-]{8,64}$/);
        assert.ok(entry.rules.length <= 32 && entry.uri.length <= 1024);
      }
    }),
  );
});
