import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { settings, toOptions } from "./config.ts";

const HOUR = 3_600_000;
const mail = { to: ["root@localhost"] };
const webhook = { url: "https://hooks.example.com/x", secret: "0123456789abcdef" };

test("toOptions() has defaults that tell syslog only", () => {
  assert.deepEqual(toOptions(settings.parse({}), "host1"), {
    immediateFrom: "high",
    digestEveryMs: 24 * HOUR,
    updateEveryMs: HOUR / 4,
    maxPerHour: 20,
    mail: null,
    webhook: null,
    syslog: true,
  });
});

test("toOptions() is null when nobody is to be told", () => {
  assert.equal(toOptions(settings.parse({ syslog: false }), "host1"), null);
  assert.notEqual(toOptions(settings.parse({ syslog: false, webhook }), "host1"), null);
});

test("toOptions() takes the local mail server without encryption, and others with it", () => {
  const options = (section: object) => toOptions(settings.parse({ mail: { ...mail, ...section } }), "web 1!")?.mail;
  assert.deepEqual(options({}), {
    from: "garrison@web-1",
    to: ["root@localhost"],
    host: "127.0.0.1",
    port: 25,
    security: "none",
    user: null,
    password: null,
  });
  assert.equal(options({ host: "::1" })?.security, "none");
  assert.equal(options({ host: "mail.example.com" })?.security, "starttls");
  assert.equal(options({ host: "mail.example.com", security: "none" })?.security, "none");
});

test("settings refuse what would be unsafe, with words that help", () => {
  for (const [section, message] of [
    [{ mail: { to: [] } }, /Too small|at least/],
    [{ mail: { to: ["root@localhost\r\nBcc: x@y"] } }, /mail address/],
    [{ mail: { to: ["root@localhost, x@y"] } }, /mail address/],
    [{ mail: { to: ["<x@y>"] } }, /mail address/],
    [{ mail: { ...mail, host: "a b" } }, /host name/],
    [{ mail: { ...mail, user: "u" } }, /belong together/],
    [{ mail: { ...mail, host: "mail.example.com", security: "none", user: "u", password: "p" } }, /in the clear/],
    [{ webhook: { ...webhook, url: "http://hooks.example.com/" } }, /https:/],
    [{ webhook: { ...webhook, url: "http://127.0.0.1.example.com/" } }, /https:/],
    [{ webhook: { ...webhook, url: "file:///etc/passwd" } }, /https:/],
    [{ webhook: { ...webhook, url: "https://u:p@hooks.example.com/" } }, /https:/],
    [{ webhook: { ...webhook, secret: "short" } }, /16/],
    [{ digestEvery: 3600 }, /unit/],
    [{ maxPerHour: 0 }, /1/],
    [{ colour: "red" }, /colour/],
  ] as const) {
    const result = settings.safeParse(section);
    assert.equal(result.success, false, JSON.stringify(section));
    assert.match(z.prettifyError(result.error), message);
  }
});

test("settings take a webhook over plain HTTP on loopback", () => {
  for (const url of ["http://127.0.0.1:8080/x", "http://[::1]/", "http://localhost/"]) {
    assert.equal(settings.safeParse({ webhook: { ...webhook, url } }).success, true, url);
  }
});

test("settings describe every field", () => {
  const shape = z.toJSONSchema(settings, { io: "input", unrepresentable: "any" }) as Shape;
  const undescribed = (at: Shape, name: string): string[] =>
    Object.entries(at.properties ?? {}).flatMap(([key, one]) => [
      ...(one.description === undefined ? [`${name}${key}`] : []),
      ...undescribed(one, `${name}${key}.`),
    ]);
  assert.deepEqual(undescribed(shape, ""), []);
  assert.equal(Object.keys(shape.properties ?? {}).length, 7);
});

interface Shape {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
}
