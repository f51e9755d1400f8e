import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { Host, statusField } from "./host.ts";

const root = join(import.meta.dirname, "../..");
const PACKAGES = ["koffi", "@koromix", "commander", "diff", "nodemailer", "yaml", "zod", `node-linux-${process.arch}`];
const made: string[] = [];
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

function folderOf(mode: number): string {
  const folder = mkdtempSync("/tmp/garrison-start-");
  chmodSync(folder, mode);
  made.push(folder);
  return folder;
}

/** The build with all that it needs, as a clone has it, below a folder of this mode. */
function cloneBelow(mode: number): { program: string; node: string } {
  const clone = join(folderOf(mode), "clone");
  mkdirSync(join(clone, "node_modules"), { recursive: true });
  cpSync(join(root, "dist"), join(clone, "dist"), { recursive: true });
  for (const name of PACKAGES)
    cpSync(join(root, "node_modules", name), join(clone, "node_modules", name), { recursive: true });
  return {
    program: join(clone, "dist/bin/garrison.js"),
    node: join(clone, `node_modules/node-linux-${process.arch}/bin/node`),
  };
}

test("up from a clone below a home of mode 0700 runs the mind without privileges all the same", async () => {
  await using host = await Host.start(cloneBelow(0o700));
  const mind = host.pidOf("garrison-mind");
  assert.equal(BigInt(`0x${statusField(mind, "CapEff")}`), 0n);
  assert.notEqual(statusField(mind, "Uid").split("\t")[0], "0");
  const { code, items } = await host.command("status", "--json");
  assert.equal(code, 0);
  assert.equal(items[0]!["watching"], true);
});

test("up as an ordinary user works with less and says what it is blind to", async () => {
  const folder = folderOf(0o755);
  chownSync(folder, 1000, 1000);
  const watched = join(folder, "watched");
  writeFileSync(watched, "x");
  chownSync(watched, 1000, 1000);
  chmodSync(watched, 0o644);
  writeFileSync(join(folder, "garrison.yaml"), `sensors: { files: { paths: ["${watched}"] } }\n`, { mode: 0o644 });
  const wrapper = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"];
  await using host = await Host.start({ ...cloneBelow(0o755), folder, wrapper });
  const notes = host.events.filter(({ event }) => event === "note").map(({ text }) => String(text));
  assert.ok(
    notes.some((text) => text.startsWith("not root")),
    JSON.stringify(notes),
  );
  const sensors = host.events.filter(({ event }) => event === "sensor");
  const secrets = sensors.find(({ name }) => name === "secrets");
  assert.equal(secrets?.["state"], "blind");
  assert.ok((secrets!["blindTo"] as string[]).includes("every read of a secret"));
  for (const name of ["listeners", "files"])
    assert.equal(sensors.find((one) => one["name"] === name)?.["state"], "degraded");
  chmodSync(watched, 0o666);
  const alert = await host.alert(({ kind }) => kind === "file.mode", "file.mode");
  assert.equal(alert.who, null);
});

test("up refuses an unknown key with file, line and a suggestion, and exit code 2", async () => {
  const folder = folderOf(0o700);
  await using host = await Host.start({
    config: "learn: 24h\nsensors:\n  files:\n    scanEvry: 1m\n",
    folder,
    early: true,
  });
  if (host.up.exitCode === null) await once(host.up, "exit");
  assert.equal(host.up.exitCode, 2);
  assert.match(
    host.stderr,
    /garrison\.yaml" line 4: "sensors\.files\.scanEvry" is not known, did you mean "scanEvery"\?/,
  );
});

test("commands without a running garrison say so and how to start it, with exit code 3", async () => {
  const folder = folderOf(0o700);
  for (const words of [
    ["status"],
    ["alerts"],
    ["ordinary"],
    ["accept", "a1"],
    ["explain", "a1"],
    ["actions"],
    ["undo", "x1"],
    ["drill"],
    ["notify", "test"],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [
      join(root, "dist/bin/garrison.js"),
      ...words,
      "--state",
      folder,
      "--run",
      folder,
    ]);
    assert.equal(status, 3, words.join(" "));
    assert.match(stderr.toString(), /it is not running, start it with garrison up/);
  }
});

test("wrong use is exit code 2 with what was expected", () => {
  const wrong = [
    ["statsu"],
    ["accept"],
    ["alerts", "--severity", "huge"],
    ["alerts", "--since", "1 hour"],
    ["up", "--learn", "24"],
    ["completion", "fish"],
    ["actions", "restore-file-attributes"],
  ];
  for (const words of wrong) {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "dist/bin/garrison.js"), ...words]);
    assert.equal(status, 2, `${words.join(" ")}: ${stderr}`);
    assert.notEqual(stderr.toString(), "");
  }
});

test("the mind's answers to wrong ids are exit code 2", async () => {
  await using host = await Host.start();
  for (const words of [
    ["explain", "a99"],
    ["accept", "x"],
    ["undo", "x99"],
    ["ordinary", "nothing"],
    ["actions", "no-such-kind", "a1"],
  ]) {
    const { code, stderr } = await host.command(...words);
    assert.equal(code, 2, `${words.join(" ")}: ${stderr}`);
    assert.match(stderr, /expected/);
  }
});

test("doctor prints the configuration in force and what it probed, also when nothing runs", async () => {
  const folder = folderOf(0o700);
  const { stdout } = spawnSync(process.execPath, [
    join(root, "dist/bin/garrison.js"),
    "doctor",
    "--json",
    "--state",
    folder,
    "--run",
    folder,
  ]);
  const report = JSON.parse(stdout.toString()) as {
    config: string;
    isRunning: boolean;
    probes: { name: string; works: boolean }[];
  };
  assert.equal(report.isRunning, false);
  assert.match(report.config, /goneAfter: 30s/);
  assert.equal(report.probes.find(({ name }) => name === "fanotify")?.works, true);
});

test("completion scripts are taken by their shells and complete a command", () => {
  const script = spawnSync(process.execPath, [
    join(root, "dist/bin/garrison.js"),
    "completion",
    "bash",
  ]).stdout.toString();
  const use = `${script}\nCOMP_WORDS=(garrison al); COMP_CWORD=1; _garrison; printf '%s\\n' "\${COMPREPLY[@]}"\nCOMP_WORDS=(garrison alerts --sev); COMP_CWORD=2; _garrison; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", use]);
  assert.equal(stderr.toString(), "");
  assert.equal(stdout.toString(), "alerts\n--severity\n");
  const zsh = spawnSync(process.execPath, [join(root, "dist/bin/garrison.js"), "completion", "zsh"]).stdout;
  const checked = spawnSync("zsh", ["-n"], { input: zsh });
  assert.equal(checked.status, 0, checked.stderr?.toString());
});
