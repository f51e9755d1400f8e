/** Every sample of every rule file gives what stands beside it, and no other rule of the same source finds it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { LineView, LogHit } from "#src/logs/contract.ts";
import { parseHead } from "#src/logs/formats/parse-head.ts";
import type { RuleFile } from "#src/logs/rule.ts";
import { RULE_FILES } from "#src/logs/rules/all.ts";
import { compileRules } from "#src/logs/rules/compile.ts";
import { lintRules } from "#src/logs/rules/rule-lint.ts";

const NOW = Date.UTC(2026, 10, 24);
const FILES = await Promise.all(RULE_FILES.map(({ load }) => load()));

function viewOf(file: RuleFile, text: string): LineView {
  return { text, ...parseHead(file.format, text, NOW), trusted: null };
}

function hitsOf(files: readonly RuleFile[], line: LineView): readonly LogHit[] {
  return compileRules(files).flatMap((rule) => {
    const found = rule.search(line);
    return found == null ? [] : rule.conclude(found, line);
  });
}

suite("rule files", () => {
  test("all.ts names each file as it names itself", () => {
    assert.deepEqual(
      RULE_FILES.map(({ service, sources }) => ({ service, sources })),
      FILES.map(({ service, sources }) => ({ service, sources })),
    );
    const names = FILES.flatMap(({ service, rules }) => rules.map(({ name }) => `${service}.${name}`));
    assert.equal(new Set(names).size, names.length);
  });

  for (const file of FILES) {
    test(`no address of ${file.service} can be moved by a stranger, and every sample gives what stands beside it`, () => {
      assert.deepEqual(lintRules(file), []);
    });

    test(`every sample of ${file.service} gives what stands beside it, and only that`, () => {
      const neighbours = FILES.filter(({ sources }) => sources.some((source) => file.sources.includes(source)));
      for (const rule of file.rules) {
        assert.ok(
          rule.samples.some(({ hit }) => hit !== null),
          `${rule.name} has no sample`,
        );
        for (const { line, hit } of rule.samples) {
          const view = viewOf(file, line);
          const own = compileRules([{ ...file, rules: [rule] }]);
          const found = own[0]?.search(view);
          assert.equal(found != null, hit !== null, `${file.service}.${rule.name}: ${line}`);
          if (hit === null) continue;
          const hits = hitsOf(neighbours, view);
          assert.deepEqual(
            hits.map((one) => one.rule),
            [`${file.service}.${rule.name}`],
            line,
          );
          const { address, user, site, detail } = hits[0]!;
          const wanted = { address: null, user: null, site: null, detail: null, ...hit };
          assert.deepEqual({ address, user, site, detail }, wanted, line);
        }
      }
    });

    test(`every sample of ${file.service} holds one of its rule's literals`, () => {
      for (const [index, rule] of compileRules([file]).entries()) {
        assert.ok(rule.literals !== null, `${rule.name} has no literal: all lines would be searched`);
        for (const { line, hit } of file.rules[index]!.samples)
          assert.ok(
            hit === null || rule.literals.some((literal) => line.toLowerCase().includes(literal.toLowerCase())),
            `${rule.name}: ${line}`,
          );
      }
    });
  }
});
