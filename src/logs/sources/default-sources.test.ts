import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RULE_FILES } from "../rules/all.ts";
import { defaultSources } from "./default-sources.ts";

suite("defaultSources()", () => {
  test("has each source that a rule names, in the format that the rule reads", async () => {
    const formats = new Map(defaultSources().map(({ name, format }) => [name, format]));
    for (const file of await Promise.all(RULE_FILES.map(({ load }) => load()))) {
      for (const source of file.sources) assert.equal(formats.get(source), file.format, `${file.service}: ${source}`);
    }
  });

  test("names each source once, and each path once but for the error logs among DirectAdmin's", () => {
    const names = defaultSources().map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    const paths = defaultSources().flatMap((source) => source.paths);
    assert.equal(new Set(paths).size, paths.length);
  });

  test("reads nothing below a home, and nothing relative", () => {
    for (const path of defaultSources().flatMap((source) => source.paths)) {
      assert.match(path, /^\/(?:var|usr\/local)\//);
      assert.doesNotMatch(path, /\.\.|^\/var\/www\/vhosts\/(?!system\/)/);
    }
  });

  test("takes for forgeable what comes through syslog, and what programs of customers or clients write lines of", () => {
    const forgeable = defaultSources().filter((source) => source.isForgeable);
    for (const name of ["auth", "mail", "messages", "journal", "apache-error", "nginx-error"])
      assert.ok(
        forgeable.some((source) => source.name === name),
        name,
      );
  });
});
