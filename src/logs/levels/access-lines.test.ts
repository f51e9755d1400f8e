import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countRequests, siteOfPath } from "./access-lines.ts";

const TIME = "[22/Nov/2026:12:41:46 +0000]";

function count(lines: readonly string[], path = "/var/log/apache2/access.log"): Record<string, unknown> {
  return Object.fromEntries(countRequests(Buffer.from(lines.join("\n")), path));
}

test("countRequests() counts requests and errors by site, in each form of access log", () => {
  assert.deepEqual(
    count([
      `alice.example:443 198.51.100.7 - - ${TIME} "GET / HTTP/1.1" 200 512 "-" "Mozilla/5.0"`,
      `Alice.example:80 2001:db8::7 - bob ${TIME} "GET /x HTTP/1.1" 404 512 "-" "Mozilla/5.0"`,
      `bob.example:80 198.51.100.7 - - ${TIME} "POST /x HTTP/2.0" 503 - "-" "-"`,
      `198.51.100.7 - - ${TIME} "GET / HTTP/1.0" 301 -`,
      `2001:db8::7 - - ${TIME} "-" 408 0 "-" "-"`,
    ]),
    {
      "alice.example": { requests: 2, clientErrors: 1, serverErrors: 0 },
      "bob.example": { requests: 1, clientErrors: 0, serverErrors: 1 },
      all: { requests: 2, clientErrors: 1, serverErrors: 0 },
    },
  );
});

test("countRequests() is not led astray by what a client sends, and passes over what is no request", () => {
  assert.deepEqual(
    count([
      `198.51.100.7 - - ${TIME} "GET /\\" 500 1 HTTP/1.1" 200 5 "\\" 503 9" "x"`,
      `198.51.100.7 - - ${TIME} "GET / HTTP/1.1" 2000 5`,
      "",
      '"',
      "\0\xff garbage",
    ]),
    { all: { requests: 1, clientErrors: 0, serverErrors: 0 } },
  );
});

test("siteOfPath() knows the logs of panels", () => {
  assert.deepEqual(
    [
      "/var/log/apache2/domlogs/alice.example",
      "/var/log/apache2/domlogs/alice/shop.alice.example-ssl_log",
      "/var/www/vhosts/system/bob.example/logs/access_ssl_log",
      "/var/log/httpd/domains/Carol.example.log",
      "/var/log/nginx/access.log",
    ].map(siteOfPath),
    ["alice.example", "shop.alice.example", "bob.example", "carol.example", "all"],
  );
});

test("countRequests() counts each line once, however they are cut, whatever they hold", () => {
  const line = fc.oneof(
    fc.constantFrom(
      `a.example:80 192.0.2.1 - - ${TIME} "GET / HTTP/1.1" 200 5`,
      `192.0.2.1 - - ${TIME} "GET / HTTP/1.1" 500 5`,
    ),
    fc.string({ unit: "binary", maxLength: 100 }).map((text) => text.replaceAll("\n", " ")),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), fc.nat(30), (lines, cut) => {
      const total = (some: readonly string[]): number =>
        [...countRequests(Buffer.from(some.join("\n")), "x").values()].reduce((sum, { requests }) => sum + requests, 0);
      assert.equal(total(lines), total(lines.slice(0, cut)) + total(lines.slice(cut)));
      assert.ok(total(lines) <= lines.length);
    }),
  );
});
