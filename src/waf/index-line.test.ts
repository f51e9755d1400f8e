import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIndexLine } from "./index-line.ts";

// ModSecurity 2.9.7 of Debian 12.
const LINE =
  'alice.example 198.51.100.23 - - [22/Nov/2026:12:41:55.010157 +0000] "GET /?q=<script>alert(1)</script> HTTP/1.1" 403 318 "-" "-" awLjExw7OeNlRQDul7gbvwAAAAA "-" /www-data/20261122/20261122-1241/20261122-124155-awLjExw7OeNlRQDul7gbvwAAAAA 0 12316 md5:88e5dba0ee1ede01b8ca93706fe1dcba ';

test("parseIndexLine() reads the line and where its entry lies", () => {
  assert.deepEqual(parseIndexLine(LINE), {
    entry: {
      uniqueId: "awLjExw7OeNlRQDul7gbvwAAAAA",
      atUnixMs: Date.UTC(2026, 10, 22, 12, 41, 55, 10),
      address: "198.51.100.23",
      site: "alice.example",
      method: "GET",
      uri: "/?q=",
      status: 403,
      isIntercepted: false,
      rules: [],
      score: null,
      account: null,
    },
    detailPath: "www-data/20261122/20261122-1241/20261122-124155-awLjExw7OeNlRQDul7gbvwAAAAA",
  });
});

test("parseIndexLine() gives the account whose process wrote the entry, as under mod_ruid2", () => {
  assert.equal(parseIndexLine(LINE.replace("/www-data/", "/alice/"))?.entry.account, "alice");
  assert.equal(parseIndexLine(LINE.replace("/www-data/", "/"))?.entry.account, null);
});

test("parseIndexLine() is not moved by what a client writes as user name, request or header", () => {
  const user =
    'x [22/Nov/2026:12:41:55.010157 +0000] "GET /forged HTTP/1.1" 200 1 "-" "-" awLjForged0000000000000000 "-" /a 0 1 md5:00';
  const forgedUser = parseIndexLine(LINE.replace(" - - ", ` ${user} - `));
  assert.equal(forgedUser?.entry.address, "198.51.100.23");
  assert.equal(forgedUser?.entry.uri, "/?q=");
  const request = parseIndexLine(LINE.replace("/?q=", '/\\" 200 1 \\"-\\"'));
  assert.equal(request?.entry.status, 403);
  const agent = parseIndexLine(
    LINE.replace('"-" "-" awLj', '"-" "x\\" awLjForged0000 \\"-\\" /etc/passwd 0 1 md5:0" awLj'),
  );
  assert.equal(agent?.detailPath, parseIndexLine(LINE)?.detailPath);
});

test("parseIndexLine() refuses a path that could lead out of the storage folder or to another entry", () => {
  for (const path of [
    "/../../etc/shadow-awLjExw7OeNlRQDul7gbvwAAAAA",
    "/www-data/../../awLjExw7OeNlRQDul7gbvwAAAAA",
    "/www-data//awLjExw7OeNlRQDul7gbvwAAAAA",
    "/.x/awLjExw7OeNlRQDul7gbvwAAAAA",
    "/www-data/20261122/20261122-1241/20261122-124155-otherOtherOtherOther",
    "/a/b/c/d/e/f/awLjExw7OeNlRQDul7gbvwAAAAA",
    "www-data/awLjExw7OeNlRQDul7gbvwAAAAA",
  ])
    assert.equal(parseIndexLine(LINE.replace(/\/www-data\S+/, path)), null, path);
});

test("parseIndexLine() takes any text, in linear time", () => {
  for (const text of [
    "",
    "a b ",
    `a ::1 ${'"'.repeat(16_000)}`,
    `a ::1 ${' [22/Nov/2026:12:41:55.0 +0000] "'.repeat(400)}`,
  ])
    assert.equal(parseIndexLine(text), null);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(LINE.length), (text, at) => {
      const found = parseIndexLine(LINE.slice(0, at) + text + LINE.slice(at));
      if (found !== null) assert.match(found.detailPath, /^[\w@-][\w@.-]*(?:\/[\w@-][\w@.-]*)*$/);
    }),
  );
});
