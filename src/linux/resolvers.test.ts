import assert from "node:assert/strict";
import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { formatNetwork } from "#src/lib/ip-network.ts";
import { parseResolvConf, readResolvers, resolversVersion } from "./resolvers.ts";
import { folderOf } from "./temp-folder.mts";

test("parseResolvConf() gives the addresses of nameserver lines", () => {
  const text = `# written by resolvconf
search example.net
nameserver 192.0.2.53
 nameserver\t2001:db8::53
nameserver fe80::1%eth0
#nameserver 192.0.2.99
nameserver not-an-address
options edns0 trust-ad
nameserver 10.0.0.1 # trailing`;
  assert.deepEqual(parseResolvConf(text).map(formatNetwork), [
    "192.0.2.53/32",
    "2001:db8::53/128",
    "fe80::1/128",
    "10.0.0.1/32",
  ]);
});

test("parseResolvConf() takes any text, and at most 64 addresses", () => {
  assert.equal(parseResolvConf("nameserver 192.0.2.1\n".repeat(1000)).length, 64);
  fc.assert(fc.property(fc.string(), (text) => parseResolvConf(`nameserver ${text}`).length <= 64));
});

test("readResolvers() takes a missing file for none", () => {
  assert.deepEqual(readResolvers(["/nonexistent/resolv.conf"]), []);
});

test("resolversVersion() is another one when a file was written, replaced or removed, and else the same", (t) => {
  const path = join(folderOf(t), "resolv.conf");
  const versions = [resolversVersion([path])];
  for (const change of [
    () => writeFileSync(path, "nameserver 192.0.2.1\n"),
    () => appendFileSync(path, "nameserver 192.0.2.2\n"),
    () => {
      writeFileSync(`${path}.new`, "nameserver 192.0.2.3\nnameserver 192.0.2.4\n");
      renameSync(`${path}.new`, path);
    },
    () => rmSync(path),
  ]) {
    change();
    versions.push(resolversVersion([path]));
    assert.equal(resolversVersion([path]), versions.at(-1));
    assert.notEqual(versions.at(-1), versions.at(-2));
  }
});
