import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJsonEntry } from "./json-entry.ts";
import { jsonMembers, jsonValue } from "./json-members.ts";

// ModSecurity 2.9.7 of Debian 12, the matched rules cut to one.
const VERSION_2 =
  '{"transaction":{"time":"22/Nov/2026:12:41:50.770394 +0000","transaction_id":"awLjDsRtYDuhEiTeT7ZJWAAAAAE","remote_address":"198.51.100.23","remote_port":38778,"local_address":"203.0.113.9","local_port":80},"request":{"request_line":"POST /err.php HTTP/1.1","headers":{"Host":"alice.example","User-Agent":"Mozilla/5.0","Content-Length":"27"},"body":["a=<script>x&log=admin&pwd=Sekret1!"]},"response":{"protocol":"HTTP/1.1","status":403,"headers":{"Content-Length":"318"},"body":"<!DOCTYPE HTML PUBLIC \\"-//IETF//DTD\\">\\n"},"audit_data":{"messages":["Access denied with code 403 (phase 2). String match \\"<script\\" at ARGS:a. [file \\"/etc/modsecurity/modsecurity.conf\\"] [line \\"14\\"] [id \\"1234001\\"] [rev \\"2\\"] [msg \\"XSS probe\\"] [data \\"Matched <script>x in ARGS:a\\"] [severity \\"CRITICAL\\"] [ver \\"LAB/1.0\\"] [tag \\"attack-xss\\"]"],"error_messages":["x"],"action":{"intercepted":true,"phase":2,"message":"String match \\"<script\\" at ARGS:a."},"handler":"application/x-httpd-php","stopwatch":{"p1":566},"producer":["ModSecurity for Apache/2.9.7 (http://www.modsecurity.org/)"],"server":"Apache/2.4.71 (Debian)","engine_mode":"ENABLED"},"matched_rules":[{"chain":false,"rules":[{"actionset":{"id":"900990","phase":1}}]}]}';

// libmodsecurity v3.0.14, put together by src/transaction.cc toJSON.
const VERSION_3 = JSON.stringify({
  transaction: {
    client_ip: "2001:DB8:0::5",
    time_stamp: "Sun Nov 22 12:41:46 2026",
    server_id: "bd8c58e4a6c5",
    client_port: 40822,
    host_ip: "203.0.113.9",
    host_port: 443,
    unique_id: "179535130612.345678",
    request: {
      method: "GET",
      http_version: 1.1,
      uri: "/a.php?token=Sekret1!",
      body: "pwd=Sekret1!",
      headers: { Host: "alice.example:443", Cookie: "session=Sekret1!" },
    },
    response: { body: "<p>", http_code: 403, headers: {} },
    producer: {
      modsecurity: "ModSecurity v3.0.14",
      connector: "ModSecurity-nginx v1.0.3",
      secrules_engine: "Enabled",
      components: [],
    },
    messages: [
      {
        message: "SQL Injection Attack Detected via libinjection",
        details: {
          match: "detected SQLi using libinjection.",
          ruleId: "942100",
          lineNumber: "45",
          data: "Matched Data: s&1c found within ARGS:token: Sekret1!",
          severity: "2",
          tags: ["attack-sqli"],
        },
      },
      {
        message: "Inbound Anomaly Score Exceeded (Total Score: 5)",
        details: { match: "Matched", ruleId: "949110", data: "", severity: "0", tags: [] },
      },
    ],
  },
});

test("parseJsonEntry() reads ModSecurity 2.9", () => {
  assert.deepEqual(parseJsonEntry(VERSION_2), {
    uniqueId: "awLjDsRtYDuhEiTeT7ZJWAAAAAE",
    atUnixMs: Date.UTC(2026, 10, 22, 12, 41, 50, 770),
    address: "198.51.100.23",
    site: "alice.example",
    method: "POST",
    uri: "/err.php",
    status: 403,
    isIntercepted: true,
    rules: [{ id: "1234001", message: "XSS probe", severity: "critical", tags: ["attack-xss"], matchedVar: "ARGS:a" }],
    score: null,
    account: null,
  });
});

test("parseJsonEntry() reads libmodsecurity, which gives local time and does not say whether it stopped the request", () => {
  const entry = parseJsonEntry(VERSION_3);
  assert.equal(entry?.address, "2001:db8::5");
  assert.equal(entry?.site, "alice.example");
  assert.equal(entry?.uri, "/a.php?token=");
  assert.equal(entry?.atUnixMs, new Date(2026, 10, 22, 12, 41, 46).getTime());
  assert.equal(entry?.isIntercepted, true);
  assert.equal(entry?.score, 5);
  assert.deepEqual(
    entry?.rules.map(({ id, severity, matchedVar }) => [id, severity, matchedVar]),
    [["942100", "critical", "ARGS:token"]],
  );
  const detecting = VERSION_3.replace('"Enabled"', '"DetectionOnly"');
  assert.equal(parseJsonEntry(detecting)?.isIntercepted, false);
});

test("parseJsonEntry() keeps no password, cookie or query value", () => {
  assert.doesNotMatch(JSON.stringify([parseJsonEntry(VERSION_2), parseJsonEntry(VERSION_3)]), /Sekret1/);
});

test("parseJsonEntry() reads a line that was cut in the matched rules, and none that was cut before the messages", () => {
  const rulesAt = VERSION_2.indexOf('"matched_rules"');
  const messagesAt = VERSION_2.indexOf('"messages"');
  for (let at = rulesAt; at <= VERSION_2.length; at++)
    assert.equal(parseJsonEntry(VERSION_2.slice(0, at))?.rules.length, 1, String(at));
  for (let at = 0; at < messagesAt; at++) assert.equal(parseJsonEntry(VERSION_2.slice(0, at))?.rules.length ?? 0, 0);
});

test("parseJsonEntry() does not take a member of the body, of a header or of a second member of the name for its own", () => {
  const forged = VERSION_2.replace(
    "<script>x&",
    '\\",\\"transaction\\":{\\"remote_address\\":\\"192.0.2.1\\"}',
  ).replace('"matched_rules"', '"transaction":{"remote_address":"192.0.2.1"},"matched_rules"');
  assert.equal(parseJsonEntry(forged)?.address, "198.51.100.23");
});

test("jsonMembers() walks deep nesting without recursion", () => {
  const deep = `{"a":${"[".repeat(300_000)}${"]".repeat(300_000)},"b":1}`;
  const members = jsonMembers(deep);
  assert.deepEqual([...members.keys()], ["a", "b"]);
  assert.equal(jsonValue(deep, members.get("b")), 1);
});

test("jsonMembers() agrees with JSON.parse on every object", () => {
  const plain = fc.dictionary(
    fc.string().filter((key) => !/["\\]/.test(JSON.stringify(key).slice(1, -1)) && key !== "__proto__"),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(plain, fc.constantFrom(0, 2), (object, indent) => {
      const json = JSON.stringify(object, null, indent);
      const text = Buffer.from(json).toString("latin1");
      const found = [...jsonMembers(text)].map(([key, span]) => [Buffer.from(key, "latin1"), jsonValue(text, span)]);
      assert.deepEqual(Object.fromEntries(found), JSON.parse(json));
    }),
  );
});

test("parseJsonEntry() reads what is escaped, what is UTF-8, and bytes that are neither", () => {
  const uri = (bytes: string): string | undefined =>
    parseJsonEntry(VERSION_3.replace("/a.php?token=Sekret1!", bytes))?.uri;
  assert.equal(uri("/\\u00e9\\u202e"), "/\u00e9\u202e");
  assert.equal(uri(Buffer.from("/é").toString("latin1")), "/é");
  assert.equal(uri("/\xe9"), "/\xe9");
});

test("parseJsonEntry() takes any text", () => {
  const nasty = fc.tuple(
    fc.constantFrom(VERSION_2, VERSION_3),
    fc.nat(VERSION_2.length),
    fc.nat(40),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(nasty, ([line, at, length, text]) => {
      const entry = parseJsonEntry(line.slice(0, at) + text + line.slice(at + length));
      if (entry !== null) assert.match(entry.uniqueId, /^[\w@.:-]{8,64}$/);
    }),
  );
});
