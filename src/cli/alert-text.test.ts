import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import { alertText } from "./alert-text.ts";
import { Output } from "./output.ts";

const OUTPUT = new Output({ json: false, color: false });

function textOf(evidence: JsonObject): readonly string[] {
  const at = "2026-11-03T14:00:00.000Z";
  const alert: Alert = {
    ...{ id: "a1", incident: "i1", at, sensor: "logs", kind: "auth.bruteforce", severity: "low", who: null },
    subject: { type: "address", address: "203.0.113.5" },
    ...{ ordinary: "few", observed: "many", evidence, next: ["garrison unblock 203.0.113.5/32"], attack: [] },
    ...{ count: 1, firstAt: at, lastAt: at, state: "open", drill: null, host: "web1" },
  };
  const lines = alertText(alert, OUTPUT);
  return lines.slice(5, -2);
}

describe("alertText()", () => {
  test("has one line for each of a list, its text escaped and cut", () => {
    const lines = [
      { at: "2026-11-03T14:00:00.000Z", file: "/var/log/auth.log", offset: 4711, text: "Failed password for \x1b[31m" },
      { at: "2026-11-03T14:00:01.000Z", source: "journal", forgeable: true, text: "x".repeat(1000) },
    ];
    const [name, first, second, ...rest] = textOf({ lines });
    assert.deepEqual([name?.trim(), rest], ["lines", []]);
    assert.equal(first, "    2026-11-03T14:00:00.000Z /var/log/auth.log 4711 Failed password for \\x1b[31m");
    assert.match(second ?? "", /^ {4}2026-11-03T14:00:01\.000Z journal forgeable x{200,299}…$/);
  });

  test("has the line of a login as text, escaped and cut, and other objects in JSON", () => {
    const place = { rule: "sshd.accepted", source: "auth", file: "/var/log/auth.log", offset: 104 };
    const text = "Accepted password for \x1b[31mroot\n  next      rm";
    const shown = [
      textOf({ line: { ...place, text } }),
      textOf({ line: { ...place, text: "y".repeat(1000) } }),
      textOf({ block: { action: "x1" } }),
    ].flat();
    assert.equal(
      shown[0],
      "  line       sshd.accepted auth /var/log/auth.log 104 Accepted password for \\x1b[31mroot\\x0a  next      rm",
    );
    assert.match(shown[1] ?? "", /^ {2}line {7}sshd\.accepted auth \/var\/log\/auth\.log 104 y{200,299}…$/);
    assert.deepEqual([shown.length, shown[2]], [3, '  block      {"action":"x1"}']);
  });

  test("says how many of a long list are not shown", () => {
    const lines = Array.from({ length: 60 }, (_, index) => ({ offset: index }));
    const text = textOf({ lines });
    assert.deepEqual([text.length, text.at(-2), text.at(-1)], [52, "    49", "    and 10 more"]);
  });

  test("leaves lists of texts, and empty ones, in JSON", () => {
    assert.deepEqual(
      textOf({ accounts: ["root", "a, b"], lines: [], rule: "sshd.failed" }).map((line) =>
        line.trim().replace(/ +/, " "),
      ),
      ['accounts ["root","a, b"]', "lines []", "rule sshd.failed"],
    );
  });
});
