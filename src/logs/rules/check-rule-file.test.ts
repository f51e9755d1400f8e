import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { GarrisonError } from "#src/lib/errors.ts";
import { RULE_FILES } from "./all.ts";
import { checkRuleFile } from "./check-rule-file.ts";

const ADDRESS = String.raw`(?<address>(?:\d{1,3}\.){3}\d{1,3})`;
const RULE = {
  name: "failed",
  sentence: "Wrong password at the shop.",
  outcome: "failure",
  pattern: `^shop: bad login (?<user>.*) from ${ADDRESS}$`,
  samples: [{ line: "shop: bad login bob from 198.51.100.23", hit: { address: "198.51.100.23", user: "bob" } }],
};
const FILE = { service: "shop", sentence: "The shop.", sources: ["shop"], format: "plain", rules: [RULE] };

suite("checkRuleFile()", () => {
  test("gives a good file as it is", () => {
    assert.deepEqual(checkRuleFile(FILE), FILE);
  });

  test("takes our own files through JSON", async () => {
    for (const { load, service } of RULE_FILES.slice(0, 3)) {
      const file = await load();
      assert.deepEqual(checkRuleFile(JSON.parse(JSON.stringify(file))), file, service);
    }
  });

  test("refuses a rule that can be forged, with the reason", () => {
    const rules = [{ ...RULE, pattern: String.raw`^shop: bad login (?<user>\S+) from ${ADDRESS}.*$` }];
    assert.throws(
      () => checkRuleFile({ ...FILE, rules }),
      /^GarrisonError.*: Cannot use rules: shop\.failed: text of an attacker can move the address, as in "shop: bad login /,
    );
  });

  test("refuses other shapes and what is out of bounds", () => {
    const bad: readonly unknown[] = [
      null,
      [],
      {},
      { ...FILE, extra: 1 },
      { ...FILE, service: "Shop/.." },
      { ...FILE, format: "evtx" },
      { ...FILE, rules: [{ ...RULE, weight: 0 }] },
      { ...FILE, rules: [{ ...RULE, weight: Number.NaN }] },
      { ...FILE, rules: [{ ...RULE, flags: "v" }] },
      { ...FILE, rules: [{ ...RULE, samples: [] }] },
      { ...FILE, rules: [{ ...RULE, pattern: `^${"x".repeat(5000)}$` }] },
      { ...FILE, rules: [{ ...RULE, pattern: "^shop(" }] },
      { ...FILE, rules: [RULE, RULE] },
      { ...FILE, rules: Array.from({ length: 201 }, (_, index) => ({ ...RULE, name: `r${index}` })) },
    ];
    for (const value of bad)
      assert.throws(() => checkRuleFile(value), GarrisonError, JSON.stringify(value)?.slice(0, 80));
  });

  test("answers or throws its own error for any JSON", () => {
    const change = fc.tuple(
      fc.constantFrom("service", "sources", "format", "rules", "programs"),
      fc.jsonValue({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        try {
          checkRuleFile({ ...FILE, ...Object.fromEntries(changes) });
        } catch (error) {
          assert.ok(error instanceof GarrisonError);
        }
      }),
    );
  });
});
