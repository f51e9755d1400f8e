import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitFor } from "./host.ts";
import { ADMIN, ATTACKER, ATTACKER_IPV6, Rig } from "./rig/rig.ts";

// A name that a careless rule reads as an address. What stands behind it in the log is the truth.
const FORGER = "root from 192.0.2.50 port 22 ssh2";

test("sshd writes each failed password with the attacker's address behind whatever name he gave", async () => {
  await using rig = await Rig.start("sshd");
  assert.deepEqual(await rig.attack("ssh", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.deepEqual(await rig.attack("ssh", 1, { from: ATTACKER_IPV6, user: FORGER }), ["refused"]);
  assert.equal(await rig.logIn("ssh", { from: ADMIN }), "accepted");
  await rig.lines("auth.log", /sshd\[\d+\]: Accepted password for alice from 192\.0\.2\.10 port \d+ ssh2$/, 1);
  const failed = await rig.lines("auth.log", /sshd\[\d+\]: Failed password /, 6);
  assert.equal(failed.filter((line) => / for alice from 198\.51\.100\.23 port \d+ ssh2$/.test(line)).length, 5);
  assert.equal(failed.filter((line) => / from 2001:db8:bad::23 port \d+ ssh2$/.test(line)).length, 1);
  assert.equal(failed.length, 6);
});

test("Exim writes each failed AUTH with the attacker's address to mainlog and rejectlog", async () => {
  await using rig = await Rig.start("exim");
  assert.deepEqual(await rig.attack("smtp", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.deepEqual(await rig.attack("smtp", 1, { from: ATTACKER_IPV6, user: FORGER }), ["refused"]);
  assert.equal(await rig.logIn("smtp", { from: ADMIN }), "accepted");
  for (const log of ["exim4/mainlog", "exim4/rejectlog"]) {
    const failed = await rig.lines(log, /plain_server authenticator failed for /, 6);
    assert.equal(failed.filter((line) => line.includes(" [198.51.100.23]: 535 ")).length, 5);
    assert.equal(failed.filter((line) => line.includes(" [2001:db8:bad::23]: 535 ")).length, 1);
    assert.equal(failed.length, 6);
  }
});

test("Dovecot writes each failed login with the attacker's address by syslog, and PAM writes it too", async () => {
  await using rig = await Rig.start("dovecot");
  assert.deepEqual(await rig.attack("imap", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.equal(await rig.logIn("imap", { from: ADMIN }), "accepted");
  await rig.lines("mail.log", /imap-login: Login: user=<alice>, method=PLAIN, rip=192\.0\.2\.10, /, 1);
  const failed = await rig.lines("mail.log", /imap-login: .*auth failed, 1 attempts/, 5);
  assert.equal(failed.filter((line) => line.includes(" rip=198.51.100.23, ")).length, 5);
  const pam = await rig.lines("auth.log", /pam_unix\(dovecot:auth\): authentication failure; .* rhost=/, 5);
  assert.equal(pam.filter((line) => line.includes(" rhost=198.51.100.23 ")).length, 5);
});

test("vsftpd writes each failed login to a log of its own, IPv4 as IPv6", async () => {
  await using rig = await Rig.start("vsftpd");
  assert.deepEqual(await rig.attack("ftp", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.deepEqual(await rig.attack("ftp", 1, { from: ATTACKER_IPV6, user: FORGER }), ["refused"]);
  assert.equal(await rig.logIn("ftp", { from: ADMIN }), "accepted");
  const failed = await rig.lines("vsftpd.log", / FAIL LOGIN: /, 6);
  assert.equal(failed.filter((line) => line.endsWith('[alice] FAIL LOGIN: Client "::ffff:198.51.100.23"')).length, 5);
  assert.equal(failed.filter((line) => line.endsWith('FAIL LOGIN: Client "2001:db8:bad::23"')).length, 1);
  await rig.lines("vsftpd.log", /\[alice\] OK LOGIN: Client "::ffff:192\.0\.2\.10"$/, 1);
});

test("Apache writes failed logins to the error log, and those of WordPress as requests only", async () => {
  await using rig = await Rig.start("apache");
  assert.deepEqual(await rig.attack("basic", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.deepEqual(await rig.attack("wordpress", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.equal(await rig.logIn("basic", { from: ADMIN }), "accepted");
  assert.equal(await rig.logIn("wordpress", { from: ADMIN }), "accepted");
  const failed = await rig.lines("apache2/error.log", /AH01617: user alice: authentication failure/, 5);
  assert.equal(failed.filter((line) => line.includes("[client 198.51.100.23:")).length, 5);
  const tries = await rig.lines("apache2/access.log", /"POST \/wp-login\.php HTTP\/1\.1" /, 6);
  assert.equal(tries.filter((line) => /^198\.51\.100\.23 .*" 200 /.test(line)).length, 5);
  assert.equal(tries.filter((line) => /^192\.0\.2\.10 .*" 302 /.test(line)).length, 1);
});

test("Postfix writes each failed SASL login, of which Dovecot is the judge, with the attacker's address", async () => {
  await using rig = await Rig.start("dovecot", "postfix");
  assert.deepEqual(await rig.attack("postfix", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.deepEqual(await rig.attack("postfix", 1, { from: ATTACKER_IPV6, user: FORGER }), ["refused"]);
  assert.equal(await rig.logIn("postfix", { from: ADMIN }), "accepted");
  const failed = await rig.lines("mail.log", /postfix\/smtpd\[\d+\]: warning: .*SASL PLAIN authentication failed: /, 6);
  assert.equal(
    failed.filter((line) => / unknown\[198\.51\.100\.23\]: SASL .*, sasl_username=alice$/.test(line)).length,
    5,
  );
  assert.equal(failed.filter((line) => line.includes(" unknown[2001:db8:bad::23]: SASL ")).length, 1);
});

test("pure-ftpd and ProFTPD write each failed login with the attacker's address, IPv4 as IPv6", async () => {
  await using rig = await Rig.start("pureftpd", "proftpd");
  for (const [service, log, failure] of [
    ["pureftpd", "syslog", /pure-ftpd: \(\?@(\S+)\) \[WARNING\] Authentication failed for user \[/],
    ["proftpd", "proftpd/proftpd.log", /proftpd\[\d+\] web1\S* \(\S+\[(\S+)\]\): USER .*(?:Login failed|no such user)/],
  ] as const) {
    const attacks = [
      rig.attack(service, 5, { from: ATTACKER }),
      rig.attack(service, 1, { from: ATTACKER_IPV6, user: FORGER }),
    ];
    assert.deepEqual((await Promise.all(attacks)).flat(), Array(6).fill("refused"));
    assert.equal(await rig.logIn(service, { from: ADMIN }), "accepted");
    const failed = await rig.lines(log, failure, 6);
    const addresses = failed.map((line) => failure.exec(line)![1]!.replace("::ffff:", "")).sort();
    assert.deepEqual(addresses, [...Array(5).fill(ATTACKER), ATTACKER_IPV6], failed.join("\n"));
  }
});

test("nginx writes failed logins to both logs, with the attacker's address", async () => {
  await using rig = await Rig.start("nginx");
  assert.deepEqual(await rig.attack("nginx", 5, { from: ATTACKER }), Array(5).fill("refused"));
  assert.equal(await rig.logIn("nginx", { from: ADMIN }), "accepted");
  const failed = await rig.lines("nginx/error.log", /user "alice": password mismatch, /, 5);
  assert.equal(failed.filter((line) => line.includes(", client: 198.51.100.23, ")).length, 5);
  const tries = await rig.lines("nginx/access.log", /"GET \/admin HTTP\/1\.1" /, 6);
  assert.equal(tries.filter((line) => /^198\.51\.100\.23 - alice .*" 401 /.test(line)).length, 5);
  assert.equal(tries.filter((line) => /^192\.0\.2\.10 - alice .*" 200 /.test(line)).length, 1);
});

test("ModSecurity writes an entry of its audit log for each attack, and none for a visitor", async () => {
  await using rig = await Rig.start("modsecurity");
  assert.equal(await rig.browse(ATTACKER, "/?id=1%20union%20select%20password%20from%20users"), 200);
  assert.equal(await rig.browse(ADMIN, "/index.html"), 200);
  await rig.lines("apache2/modsec_audit.log", /\[id "942\d+"\]/, 1);
  const entries = await rig.lines("apache2/modsec_audit.log", /^\[.*\] \S+ \d+\.\d+\.\d+\.\d+ \d+ /, 1);
  assert.ok(
    entries.every((line) => line.includes(` ${ATTACKER} `)),
    entries.join("\n"),
  );
});

test("journald knows who forged a line, auth.log does not, also behind a rotation", async () => {
  await using rig = await Rig.start("journald", "sshd");
  assert.deepEqual(await rig.attack("ssh", 1, { from: ATTACKER }), ["refused"]);
  await rig.lines("auth.log", /Failed password for alice from 198\.51\.100\.23 port \d+ ssh2$/, 1);
  rig.rotate("auth.log");
  const forged = "Failed password for root from 192.0.2.50 port 22 ssh2";
  await rig.run(["logger", "-t", "sshd[99]", "-p", "auth.info", forged], "alice");
  await rig.lines("auth.log", /sshd\[99\]: Failed password for root from 192\.0\.2\.50 port 22 ssh2$/, 1);
  const failed = await failuresOfJournal(rig, 2);
  // Not by _EXE: journald looks that up in /proc, where a logger(1) that has ended is no more.
  assert.deepEqual(
    failed.map((entry) => entry["_UID"]),
    ["0", "2001"],
  );
});

test("the rig has every address of its networks, sessions that last, and a firewall of its own", async () => {
  await using rig = await Rig.start("sshd");
  for (const from of [ATTACKER, "198.51.100.77", "192.0.2.200", "2001:db8:bad:cafe::1"])
    assert.ok(await rig.canConnect(from, 22), from);
  assert.equal(await rig.canConnect(ADMIN, 25), false);
  await rig.run(["nft", "add table inet rig; add chain inet rig in { type filter hook input priority 0; }"]);
  await rig.run(["nft", `add rule inet rig in ip saddr ${ATTACKER} drop`]);
  await rig.untilDropped(ATTACKER);
  assert.equal(await rig.isDropped(ADMIN), false);
  await rig.run(["nft", "flush", "ruleset"]);
  await rig.untilDropped(ATTACKER, false);
  const session = await rig.holdSsh({ from: ADMIN, user: "root" });
  const connection = await rig.hold(ATTACKER, 22);
  assert.ok((await session.isOpen()) && (await connection.isOpen()));
  await rig.lines("auth.log", /session opened for user root/, 1);
  await session.close();
  await rig.lines("auth.log", /session closed for user root/, 1);
});

test("a rig goes with the test that made it, even when that is killed", async () => {
  const script = `import { Rig } from ${JSON.stringify(join(import.meta.dirname, "rig/rig.ts"))};
    const rig = await Rig.start("sshd");
    console.log(JSON.stringify(rig.pids("sshd")));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(() => assert.fail("the rig did not start"));
  const [chunk] = (await Promise.race([once(child.stdout, "data"), ended])) as [Buffer];
  ended.catch(() => {});
  const pids = JSON.parse(chunk.toString()) as number[];
  assert.ok(pids.length === 3 && pids.every((pid) => isRunning(pid)), chunk.toString());
  child.kill("SIGKILL");
  await waitFor(() => !pids.some((pid) => isRunning(pid)), "the end of the rig");
});

/** Entries of the journal about failed passwords, once there are so many: journald gives a line to rsyslogd first. */
async function failuresOfJournal(rig: Rig, count: number): Promise<Record<string, string>[]> {
  for (;;) {
    const text = await rig.run(["journalctl", "--output=json", "--output-fields=MESSAGE,_UID"]);
    const lines = text.split("\n").filter((line) => line.includes("Failed password "));
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as Record<string, string>);
  }
}

function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
