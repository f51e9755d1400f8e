import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { Rule, RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";
import { lintRules } from "./rule-lint.ts";
import { SSHD } from "./sshd.ts";

const A = "198.51.100.23";

function fileOf(
  ...rules: readonly (Pick<Rule, "pattern"> & Partial<Rule> & { line: string; user?: string })[]
): RuleFile {
  return {
    service: "own",
    sentence: "For tests.",
    sources: ["auth"],
    format: "plain",
    rules: rules.map(({ line, user, ...rule }, index) => ({
      name: `rule${index}`,
      sentence: "For tests.",
      outcome: "failure" as const,
      samples: [{ line, hit: { address: A, ...(user === undefined ? {} : { user }) } }],
      ...rule,
    })),
  };
}

suite("lintRules()", () => {
  test("takes rules whose address stands at the end, at the beginning, or behind text that its program keeps", () => {
    const good = [
      { pattern: `^Bad login (?<user>.*) from ${ADDRESS}$`, line: `Bad login x from ${A}`, user: "x" },
      { pattern: `^${ADDRESS} tried (?<user>.*)$`, line: `${A} tried x`, user: "x" },
      {
        pattern: `^login of "(?<kept>(?<user>[^"]*))" from ${ADDRESS}, said .*$`,
        line: `login of "x" from ${A}, said y`,
        user: "x",
      },
      { pattern: `^\\[pid \\d+\\] refused ${ADDRESS} port \\d+: .*$`, line: `[pid 7] refused ${A} port 80: x` },
    ];
    for (const one of good) assert.deepEqual(lintRules(fileOf(one)), [], one.pattern);
  });

  test("refuses a rule that takes the first address, and shows a line", () => {
    const [problem = ""] = lintRules(
      fileOf({ pattern: `^Bad login (?<user>\\S+) from ${ADDRESS} .*$`, line: `Bad login x from ${A} y` }),
    );
    assert.match(problem, /^own\.rule0: text of an attacker can move the address, as in "Bad login .*"$/);
  });

  test("refuses what an attacker can move, whatever the pattern says of his text", () => {
    const bad = [
      { pattern: `^Failed for (?<user>\\w+) from ${ADDRESS}(?: port \\d+)?.*$`, line: `Failed for x from ${A} port 1` },
      { pattern: `^Failed for (?<user>[^ ]+) from ${ADDRESS}.*$`, line: `Failed for x from ${A}` },
      { pattern: `^Failed for .* from ${ADDRESS} with .*$`, line: `Failed for x from ${A} with y` },
      { pattern: `^Failed for "(?:[^"\\\\]|\\\\.)*" at ${ADDRESS} ua ".*"$`, line: `Failed for "x" at ${A} ua "y"` },
      { pattern: `^Failed \\[${ADDRESS}\\]: .*|^Failed .*$`, line: `Failed [${A}]: x` },
      { pattern: `^ruser=.* rhost=${ADDRESS}(?: user=.*)?$`, line: `ruser=x rhost=${A} user=y` },
      { pattern: `^EHLO .*?\\(${ADDRESS}\\).*$`, line: `EHLO x (${A})` },
      { pattern: `^login (?:of .* )?at ${ADDRESS}.*$`, line: `login at ${A}` },
    ];
    for (const one of bad) assert.equal(lintRules(fileOf(one)).length, 1, one.pattern);
  });

  test("refuses rules that are not anchored or begin with a stranger's text", () => {
    const reasonOf = (pattern: string): string => lintRules(fileOf({ pattern, line: `x from ${A}` })).join("\n");
    assert.match(reasonOf(`x from ${ADDRESS}$`), /does not begin with "\^"/);
    assert.match(reasonOf(`^x from ${ADDRESS}`), /does not end with "\$"/);
    assert.match(reasonOf(`^x from ${ADDRESS}\\$`), /does not end with "\$"/);
    assert.match(reasonOf(`^.* from ${ADDRESS}$`), /before 3 characters of fixed text/);
    assert.match(reasonOf(`^(?:x)? ?.* from ${ADDRESS}$`), /before 3 characters of fixed text/);
    assert.match(reasonOf(`^(x) \\1 from ${ADDRESS}$`), /references back/);
    assert.match(reasonOf(`^x from ${ADDRESS}(`), /Invalid regular expression|does not end/);
    assert.match(reasonOf(`^x(?i:y) from ${ADDRESS}$`), /flags within a group/);
    assert.match(reasonOf(`^x$|^y from ${ADDRESS}$`), /midst|"\|"/);
  });

  test("refuses a rule that reads an address from the line of another one", () => {
    const problems = lintRules(
      fileOf(
        { pattern: `^Query ${ADDRESS} for (?<user>.*)$`, line: `Query ${A} for x`, user: "x" },
        { pattern: `^Query [\\da-f.:]+ for x(?: via (?<address>[\\d.]+))?$`, line: `Query 0 for x via ${A}` },
      ),
    );
    assert.match(
      problems.join("\n"),
      /^own\.rule1: text of an attacker in a line of own\.rule0 gives an address here/m,
    );
  });

  test("refuses samples that do not give what stands beside them", () => {
    const pattern = `^Bad login (?<user>.*) from ${ADDRESS}$`;
    assert.match(
      lintRules(fileOf({ pattern, line: `Bad login x from ${A}`, user: "y" }))[0] ?? "",
      /gives .*"user":"x".*, not .*"user":"y"/,
    );
    assert.match(lintRules(fileOf({ pattern, line: "Good login" }))[0] ?? "", /gives nothing, not/);
    assert.match(lintRules(fileOf({ pattern, line: "", samples: [] }))[0] ?? "", /no sample shows/);
    assert.match(
      lintRules(fileOf({ pattern, line: `Bad login x from ${A}`, user: "x", literal: "worse" }))[0] ?? "",
      /literal/,
    );
  });

  test("takes the rules of sshd, and none of them with a tail that anything may follow", () => {
    assert.deepEqual(lintRules(SSHD), []);
    const failed = SSHD.rules.find(({ name }) => name === "failed")!;
    const loose = { ...failed, pattern: failed.pattern.replace(/\$$/, ".*$") };
    assert.match(lintRules({ ...SSHD, rules: [loose] })[0] ?? "", /can move the address/);
  });

  test("answers for any pattern, with a sentence or with none", () => {
    const piece = fc.constantFrom(
      "(?<user>.*)",
      ".*",
      "\\S+",
      '[^"]*',
      "\\d+",
      " from ",
      "login ",
      '"',
      "(?: x)?",
      "(?:a|b)",
      "\\w+",
      "x{2,40}",
      ADDRESS,
      "(?!q)",
      "\\b",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const problems = lintRules(
          fileOf({ pattern: `^${pieces.join("")}$`, line: "x", samples: [{ line: "zz", hit: { address: A } }] }),
        );
        assert.ok(problems.length > 0 && problems.every((problem) => problem.startsWith("own.rule0: ")));
      }),
      { numRuns: 300 },
    );
  });

  test("what it takes for safe gives no other address, whatever stands in the free pieces", () => {
    const piece = fc.constantFrom("(?<user>.*)", "\\S+", '[^"]*', "\\d+", " from ", " at ", '"', ": ", "(?: x)?");
    const shape = fc.tuple(fc.array(piece, { maxLength: 4 }), fc.array(piece, { maxLength: 4 }));
    const text = fc.array(fc.constantFrom("192.0.2.66", " from ", " at ", '"', ": ", " x", "7", "y"), { maxLength: 8 });
    fc.assert(
      fc.property(shape, fc.array(text, { minLength: 8, maxLength: 8 }), ([before, after], texts) => {
        const pattern = `^log${before.join("")}${ADDRESS}${after.join("")}$`;
        let used = 0;
        const write = (part: string): string =>
          /[*+]/.test(part) ? (part === "\\d+" ? "7" : texts[used++]!.join("")) : part === "(?: x)?" ? "" : part;
        if (pattern.split("(?<user>").length > 2) return; // no name stands twice
        const line = `log${before.map(write).join("")}${A}${after.map(write).join("")}`;
        if (lintRules(fileOf({ pattern, line })).some((problem) => /refused|can move/.test(problem))) return;
        const found = new RegExp(pattern).exec(line)?.groups?.["address"];
        assert.ok(found === undefined || found === A, `${pattern} on ${line}`);
      }),
      { numRuns: 500 },
    );
  });
});
