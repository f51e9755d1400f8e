import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "#src/model/json.ts";
import { isSecretKey, redact } from "./redact.ts";

for (const key of [
  "password",
  "secret",
  "smtpPassword",
  "clientSecret",
  "token",
  "apiToken",
  "PASSWORD",
  "passphrase",
]) {
  test(`isSecretKey() takes "${key}" for the name of a secret`, () => assert.equal(isSecretKey(key), true));
}

for (const key of ["secrets", "secretPaths", "user", "passwordless", "tokens", "", 0]) {
  test(`isSecretKey() does not take "${key}" for the name of a secret`, () => assert.equal(isSecretKey(key), false));
}

const TABLE: readonly (readonly [key: string, value: Json, shown: Json])[] = [
  ["password", "hunter2", "********"],
  ["password", 12345, "********"],
  ["password", "", ""],
  ["password", null, null],
  ["user", "garrison", "garrison"],
  ["paths", "/etc/passwd", "/etc/passwd"],
  ["secret", true, true],
  ["url", "https://example.com", "https://example.com"],
  ["url", "https://example.com:8443/", "https://example.com:8443/"],
  ["url", "https://hooks.example.com/services/T0/B0/token", "https://hooks.example.com/********"],
  ["url", "https://example.com/?key=token", "https://example.com/********"],
  ["url", "https://example.com#token", "https://example.com/********"],
  ["url", "https://user:hunter2@example.com", "https://example.com/********"],
  ["url", "postgres://user:hunter2@db/x", "postgres://db/********"],
  ["url", "https://[broken/hunter2", "********"],
];

for (const [key, value, shown] of TABLE) {
  test(`redact() shows ${JSON.stringify(value)} under "${key}" as ${JSON.stringify(shown)}`, () => {
    assert.equal(redact(key, value), shown);
  });
}
