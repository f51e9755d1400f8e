import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Config, parseConfig } from "#src/config/load.ts";
import { folderOf } from "#src/linux/temp-folder.mts";
import { WAF_FORMS, WAF_OUTCOMES } from "#src/waf/rule-names.ts";
import type { LogsOptions } from "../options.ts";

/** The rule file that docs/rules.md shows. */
const RULE =
  /```yaml\n([^`]*)```/.exec(readFileSync(join(import.meta.dirname, "../../../docs/rules.md"), "utf8"))?.[1] ?? "";

async function logsOf(text: string): Promise<LogsOptions> {
  const config: Config = await parseConfig(`sensors: {logs: {enabled: true, ${text}}}`, {
    path: "/etc/garrison/garrison.yaml",
    host: "web1.example.com",
  });
  return config.sensors["logs"] as unknown as LogsOptions;
}

function pathsOf({ sources }: LogsOptions, name: string): readonly string[] {
  return sources.find((source) => source.name === name)?.paths ?? [];
}

test("readLogsOptions() reads the shipped logs without a word of configuration", async () => {
  const logs = await logsOf("rules: /nowhere");
  assert.ok(pathsOf(logs, "auth").includes("/var/log/auth.log"));
  assert.ok(logs.sources.some(({ kind }) => kind === "journal"));
  assert.deepEqual([logs.ownRules, logs.jails, logs.disabledRules], [[], [], []]);
});

test("readLogsOptions() adds paths to a shipped source, makes others, and leaves some out", async () => {
  const logs = await logsOf(
    'rules: /nowhere, journal: false, without: [domlogs], sources: [{name: auth, paths: [/srv/auth.log], format: syslog, forgeable: false}, {name: own, paths: ["/srv/*.log"], format: access}]',
  );
  assert.equal(pathsOf(logs, "auth").at(-1), "/srv/auth.log");
  // What anybody can write to stays what it is, whatever is said of a further path.
  assert.equal(logs.sources.find(({ name }) => name === "auth")?.isForgeable, true);
  assert.deepEqual(pathsOf(logs, "own"), ["/srv/*.log"]);
  assert.equal(logs.sources.find(({ name }) => name === "own")?.isForgeable, false);
  assert.ok(!logs.sources.some(({ name, kind }) => name === "domlogs" || kind === "journal"));
});

test("readLogsOptions() takes the admin's own rules, and none that a stranger could turn on others", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "shop.yaml"), RULE);
  writeFileSync(join(folder, "notes.txt"), "no rule");
  const { ownRules } = await logsOf(`rules: ${folder}`);
  assert.deepEqual(
    ownRules.map(({ service, rules }) => [service, rules.length]),
    [["shop", 1]],
  );
  writeFileSync(join(folder, "shop.yaml"), RULE.replace("[a-z0-9]{1,32}", ".*").replace("$'", "'"));
  await assert.rejects(logsOf(`rules: ${folder}`), (error: Error) => {
    assert.match(error.message, new RegExp(`${folder}/shop.yaml": Cannot use rules: `));
    return true;
  });
});

test("readLogsOptions() takes over jails of fail2ban that are named, with logs of their own", async (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, "filter.d"));
  writeFileSync(join(folder, "filter.d/shop.conf"), "[Definition]\nfailregex = ^shop: bad login from <HOST>$\n");
  writeFileSync(
    join(folder, "jail.conf"),
    "[shop]\nenabled = true\nbackend = polling\nfilter = shop\nlogpath = /srv/shop.log\n[other]\nenabled = true\nfilter = absent\nlogpath = /srv/x\n",
  );
  const logs = await logsOf(`rules: /nowhere, fail2ban: {from: ${folder}, jails: [shop]}`);
  assert.deepEqual(pathsOf(logs, "fail2ban-shop"), ["/srv/shop.log"]);
  assert.equal(logs.jails[0]?.filter.failregex.length, 1);
  await assert.rejects(logsOf(`rules: /nowhere, fail2ban: {from: ${folder}, jails: [other]}`), {
    message: /jail "other" cannot be taken over: /,
  });
  await assert.rejects(logsOf(`rules: /nowhere, fail2ban: {from: ${folder}, jails: [shpo]}`), {
    message: /there is no enabled jail "shpo", did you mean "shop"\?/,
  });
});

test("readLogsOptions() takes the rules of audit logs as rules that can be switched off", async () => {
  const names = [...WAF_OUTCOMES, ...WAF_FORMS].map(({ name }) => name);
  const logs = await logsOf(`rules: /nowhere, disabledRules: [${names.join(", ")}]`);
  assert.deepEqual(logs.disabledRules, names);
});

for (const [text, problem] of [
  ["disabledRules: [modsecurity.intercept]", 'did you mean "modsecurity.intercepted"?'],
  ["without: [domlog]", 'there is no source "domlog", did you mean "domlogs"?'],
  ["disabledRules: [sshd.nothing-at-all-like-it]", 'there is no rule "sshd.nothing-at-all-like-it", '],
  [
    "sources: [{name: auth, paths: [/x], format: access}]",
    'source "auth" is shipped as file of format syslog, expected another name',
  ],
  ["rules: etc/rules", "expected an absolute path"],
] as const) {
  test(`readLogsOptions() refuses ${text}`, async () => {
    await assert.rejects(logsOf(text), (error: Error) => {
      assert.ok(error.message.includes(problem), error.message);
      return true;
    });
  });
}
