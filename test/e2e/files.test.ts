import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Host } from "./host.ts";

const folder = mkdtempSync("/tmp/garrison-watched-");
after(() => rmSync(folder, { recursive: true, force: true }));

const config = (extra = ""): string => `
sensors:
  files:
    paths: ["${folder}/etc/*"]
    secretPaths: ["${folder}/secret/*"]
${extra}`;

function fresh(name: string, text = "one\ntwo\n", mode = 0o644): string {
  mkdirSync(join(folder, "etc"), { recursive: true });
  const path = join(folder, "etc", name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test("a mode change is told with who did it, restored by an action, undone, and all of it journaled", async () => {
  const path = fresh("passwd");
  await using host = await Host.start({ config: config() });
  const chmod = spawnSync("chmod", ["0666", path]);
  assert.equal(chmod.status, 0);
  const alert = await host.alert(
    ({ kind, subject }) => kind === "file.mode" && subject.type === "file" && subject.path === path,
    "file.mode",
  );
  assert.equal(alert.severity, "critical");
  assert.match(alert.who?.exe ?? "", /chmod$/, JSON.stringify(alert.who));
  assert.match(alert.observed, /mode 0644 to 0666/);
  const command = alert.next.find((next) => next.includes("restore-file-attributes"));
  assert.equal(command, `garrison actions restore-file-attributes ${alert.id}`);

  const acted = await host.command("actions", "restore-file-attributes", alert.id, "--json");
  assert.equal(acted.code, 0, acted.stderr);
  assert.equal(acted.items[0]!["state"], "done");
  assert.equal(statSync(path).mode & 0o7777, 0o644);
  await host.until(({ type, alert: one }) => type === "closed" && one?.id === alert.id, "the alert closed");

  const undone = await host.command("undo", String(acted.items[0]!["id"]), "--json");
  assert.equal(undone.code, 0, undone.stderr);
  assert.equal(undone.items[0]!["state"], "undone");
  assert.equal(statSync(path).mode & 0o7777, 0o666);
  const again = await host.command("undo", String(acted.items[0]!["id"]));
  assert.equal(again.code, 3);
  assert.match(again.stderr, /only what is done can be undone/);

  const journal = await host.command("journal", "--json");
  const kinds = journal.items.map(({ kind }) => kind);
  for (const kind of [
    "start",
    "config",
    "learn",
    "alert",
    "action.planned",
    "action.begin",
    "action.done",
    "undo.begin",
    "undo.done",
  ]) {
    assert.ok(kinds.includes(kind), `no ${kind} in ${kinds}`);
  }
  const verified = await host.command("journal", "verify");
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test("an edit by rename is one alert with a diff; accepting it makes the new content ordinary", async () => {
  const path = fresh("sudoers", "root ALL=(ALL) ALL\n");
  await using host = await Host.start({ config: config() });
  writeFileSync(`${path}.tmp`, "root ALL=(ALL) ALL\neve ALL=(ALL) NOPASSWD: ALL\n", { mode: 0o644 });
  // Not by our own Node: that of a clone below /tmp would make the alert graver.
  spawnSync("mv", [`${path}.tmp`, path]);
  const alert = await host.alert(({ kind }) => kind === "file.content", "file.content");
  assert.equal(alert.severity, "high");
  assert.match(String(alert.evidence["diff"]), /^\+eve ALL=\(ALL\) NOPASSWD: ALL$/m);
  const accepted = await host.command("accept", alert.id, "--json");
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.equal(accepted.items[0]!["state"], "accepted");
  // Had it not become ordinary, going back to it would not close this one.
  chmodSync(path, 0o600);
  const second = await host.alert(
    ({ kind, subject }) => kind === "file.mode" && subject.type === "file" && subject.path === path,
    "file.mode",
  );
  chmodSync(path, 0o644);
  await host.until(({ type, alert: one }) => type === "closed" && one?.id === second.id, "the second alert closed");
  const about = host.alerts.filter(({ subject }) => subject.type === "file" && subject.path === path);
  assert.deepEqual(
    about.map(({ kind }) => kind),
    ["file.content", "file.mode"],
  );
  const journal = await host.command("journal", "--json");
  assert.ok(journal.items.some(({ kind, by }) => kind === "accept" && by === "admin:root"));
});

test("the content of a secret is in no alert, event, store or journal", async () => {
  mkdirSync(join(folder, "secret"), { recursive: true });
  const path = join(folder, "secret", "shadow");
  writeFileSync(path, "root:FIRST-SECRET:1::::::\n", { mode: 0o600 });
  await using host = await Host.start({ config: config() });
  writeFileSync(path, "root:SECOND-SECRET:1::::::\n");
  const alert = await host.alert(({ kind }) => kind === "file.content", "file.content");
  assert.equal(alert.evidence["diff"], null);
  const explained = await host.command("explain", alert.id);
  const grep = spawnSync("grep", ["-rlaE", "(FIRST|SECOND)-SECRET", host.state]);
  assert.equal(grep.stdout.toString(), "");
  assert.doesNotMatch(JSON.stringify(host.events) + explained.stdout, /(FIRST|SECOND)-SECRET/);
});

test("a file name that holds a newline, ESC and bytes that are no UTF-8 stays one harmless line", async () => {
  fresh("ordinary");
  await using host = await Host.start({ config: config() });
  const hostile = Buffer.concat([Buffer.from(`${folder}/etc/a\n\x1b[2J\u202e`), Buffer.from([0xff, 0xfe])]);
  writeFileSync(hostile, "x");
  const alert = await host.alert(({ kind }) => kind === "file.created", "file.created");
  assert.equal(alert.subject.type === "file" && Buffer.from(alert.subject.pathBase64!, "base64").equals(hostile), true);
  const { stdout } = await host.command("alerts", "--no-color");
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f\u202e\ufffd]/);
  assert.equal(stdout.trim().split("\n").length, (await host.command("alerts", "--json")).items.length);
  rmSync(hostile);
});

test("a change made while Garrison was stopped is told at its next start, and told once", async () => {
  const path = fresh("group");
  const state = mkdtempSync("/tmp/garrison-kept-");
  const first = await Host.start({ config: config(), folder: state });
  await first[Symbol.asyncDispose]();
  chownSync(path, 1234, 1234);
  {
    await using second = await Host.start({ config: config(), folder: state });
    const alert = await second.alert(
      ({ kind, subject }) => kind === "file.owner" && subject.type === "file" && subject.path === path,
      "file.owner",
    );
    assert.equal(alert.who, null);
    assert.equal(alert.severity, "critical");
  }
  {
    await using third = await Host.start({ config: config(), folder: state });
    const listed = await third.command("alerts", "--json", "--kind", "file.owner");
    assert.equal(listed.items.length, 1);
    assert.equal(listed.items[0]!["count"], 1);
  }
  rmSync(state, { recursive: true });
});

test("a cPanel reseller given root is critical; a plug-in that adds its own ACL is low", async () => {
  const panel = join(folder, "panel");
  mkdirSync(join(panel, "var/cpanel"), { recursive: true });
  const path = join(panel, "var/cpanel/resellers");
  writeFileSync(path, "bob:create-acct,edit-account\ncarol:list-accts\n", { mode: 0o644 });
  await using host = await Host.start({ config: config(`    panelPrefix: "${panel}"\n`) });
  spawnSync("tee", [path], { input: "bob:create-acct,edit-account\ncarol:list-accts,software-backup\n" });
  const lawful = await host.alert(({ kind }) => kind === "reseller.privilege", "the plug-in's ACL");
  assert.equal(lawful.severity, "low");
  assert.match(lawful.observed, /reseller carol was given software-backup/);
  const from = host.events.length;
  writeFileSync(path, "bob:create-acct,edit-account,all\ncarol:list-accts,software-backup\n");
  const root = await host
    .alert(({ kind }) => kind === "reseller.privilege", "root for bob", from)
    .catch(async () => {
      // The same kind on the same file by the same program: an update of the alert, which is told again.
      const { alert } = await host.until(
        ({ type, alert: one }) => type === "update" && one?.kind === "reseller.privilege",
        "root for bob",
        from,
      );
      return alert!;
    });
  assert.equal(root.severity, "critical");
  assert.match(root.observed, /reseller bob was given root/);
});
