/** The whole product against real daemons: who attacks is cut off after so many failures, and nobody else is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTree } from "../tree.ts";
import type { Host } from "./host.ts";
import { ADMIN, ATTACKER, Rig, type Service } from "./rig/rig.ts";

const ENFORCE = "blocks: { mode: enforce, policy: { points: 5, within: 10m } }\n";
const OBSERVE = "blocks: { mode: observe, policy: { points: 5, within: 10m } }\n";
const CUSTOMER = "198.51.100.200";
/** Named in forged lines: he never does anything. */
const VICTIM = "192.0.2.50";

/** Each service has an attacker of its own. */
const ATTACKERS: readonly (readonly [service: Service, from: string])[] = [
  ["ssh", "198.51.100.22"],
  ["smtp", "198.51.100.25"],
  ["imap", "198.51.100.143"],
  ["ftp", "198.51.100.21"],
  ["basic", "198.51.100.80"],
  ["wordpress", "198.51.100.81"],
  ["postfix", "198.51.100.87"],
  ["pureftpd", "198.51.100.88"],
  ["proftpd", "198.51.100.89"],
  ["nginx", "198.51.100.90"],
];

const ALL = ["sshd", "exim", "dovecot", "vsftpd", "apache", "postfix", "pureftpd", "proftpd", "nginx"] as const;

/** Names that make a line read as another's, for a rule that is not careful. */
const FORGED_NAMES: readonly (readonly [service: Service, names: readonly string[]])[] = [
  ["ssh", [` from ${VICTIM} port 22 ssh2`, `root from ${VICTIM} port 22 ssh2`, `a user=root rhost=${VICTIM}`]],
  ["smtp", [`a) [${VICTIM}]: 535 Incorrect authentication data (set_id=a`, `a [${VICTIM}]`]],
  ["imap", [`a>, method=PLAIN, rip=${VICTIM}, lip=203.0.113.9, session=<a`, `a rhost=${VICTIM}  user=root`]],
  ["ftp", [`a] FAIL LOGIN: Client ${VICTIM}`, `a rhost=${VICTIM}`]],
  ["postfix", [`a[${VICTIM}]: SASL PLAIN authentication failed: x, sasl_username=b`, `a, client=x[${VICTIM}]`]],
  ["pureftpd", [`a](?@${VICTIM}) [WARNING] Authentication failed for user [b`]],
  [
    "proftpd",
    [`a (Login failed): x (x[${VICTIM}]): USER b`, `a: no such user found from x [${VICTIM}] to 203.0.113.9:21`],
  ],
  ["nginx", [`${VICTIM} - -`, `a": password mismatch, client: ${VICTIM}, server: , request: "GET / HTTP/1.1`]],
  ["basic", [`a: authentication failure for "/": Password Mismatch [client ${VICTIM}:1]`, `${VICTIM} - -`]],
];

test("the fifth real failure has the packets of an attacker dropped, the fourth has not, and the admin may mistype", async (t) => {
  await using rig = await Rig.start(...ALL);
  await using host = await rig.garrison({ config: ENFORCE });
  const canaries = new Canaries(rig);
  for (const [service, from] of ATTACKERS) {
    await t.test(service, async () => {
      const admin = from.replace("198.51.100.", "192.0.2.");
      const user = `target-of-${service}`;
      await rig.attack(service, 4, { from, user });
      await rig.attack(service, 2, { from: admin });
      assert.equal(await rig.logIn(service, { from: admin }), "accepted");
      await canaries.die(service);
      assert.equal(await rig.isDropped(from), false, "dropped after 4 failures");
      await rig.attack(service, 1, { from, user });
      await rig.untilDropped(from);
      assert.equal(await rig.logIn(service, { from }), "unreachable");
      assert.equal(await rig.logIn(service, { from: CUSTOMER, user: "bob" }), "accepted");
      for (const innocent of [admin, CUSTOMER]) assert.equal(await rig.isDropped(innocent), false, innocent);
    });
  }
  assert.equal(host.stderr, "");
});

test("names and greetings that hold another's address block whoever gave them, and never the other", async (t) => {
  await using rig = await Rig.start(...ALL);
  await using host = await rig.garrison({ config: ENFORCE });
  let last = 0;
  for (const [service, names] of FORGED_NAMES) {
    await t.test(service, async () => {
      for (const user of names) {
        const from = `198.51.100.${++last}`;
        await rig.attack(service, 6, { from, user, greeting: `[${VICTIM}]` });
        await rig.untilDropped(from);
      }
      assert.equal(await rig.isDropped(VICTIM), false);
    });
  }
  // A name with a quote in it is nobody's, and is not read at vsftpd: nobody is blocked for it.
  await rig.attack("ftp", 6, { from: ATTACKER, user: `a] FAIL LOGIN: Client "${VICTIM}"` });
  await new Canaries(rig).die("ftp");
  last++;
  assert.equal(await rig.isDropped(VICTIM), false);
  const { items } = await host.command("blocks", "--json");
  const blocked = items.flatMap(({ subject }) => (subject as { address?: string } | undefined)?.address ?? []);
  assert.equal(blocked.length, last);
  assert.ok(
    blocked.every((address) => address.startsWith("198.51.100.")),
    blocked.join(" "),
  );
});

test("a probe for secrets at nginx has the scanner dropped, and a visitor who meets what is not there is not", async () => {
  await using rig = await Rig.start("nginx");
  await using _host = await rig.garrison({ config: ENFORCE });
  for (const path of ["/", "/favicon.ico", "/robots.txt", "/old/page.html"])
    await rig.browse(CUSTOMER, path, "GET", 8080);
  assert.equal(await rig.browse(ATTACKER, "/.env", "GET", 8080), 404);
  await rig.untilDropped(ATTACKER);
  assert.equal(await rig.isDropped(CUSTOMER), false);
});

test("blocks by rule end connections, count IPv6 by /64, spare an admin who is logged in, and stay when others flush", async (t) => {
  await using rig = await Rig.start("sshd");
  await using host = await rig.garrison({ config: ENFORCE });
  await t.test("a connection that was open is ended", async () => {
    const held = await rig.hold(ATTACKER, 22);
    await rig.attack("ssh", 5, { from: ATTACKER });
    await rig.untilDropped(ATTACKER);
    while (await held.isOpen());
  });
  await t.test("one try each from five addresses of a /64 block the /64, and not the next", async () => {
    for (const host of [1, 2, 3, 4, 5]) await rig.attack("ssh", 1, { from: `2001:db8:bad::${host}` });
    await rig.untilDropped("2001:db8:bad::77");
    assert.equal(await rig.isDropped("2001:db8:bad:1::1"), false);
  });
  await t.test("an admin who is logged in is not cut off by failures from his own address", async () => {
    const session = await rig.holdSsh({ from: ADMIN, user: "root" });
    await rig.attack("ssh", 10, { from: ADMIN });
    await new Canaries(rig).die("ssh");
    assert.equal(await rig.isDropped(ADMIN), false);
    assert.ok(await session.isOpen());
  });
  await t.test("a flush of all rules by somebody else is made good", async () => {
    await rig.run(["nft", "flush", "ruleset"]);
    await rig.untilDropped(ATTACKER);
  });
  await t.test("unblock lets him in again", async () => {
    assert.equal((await host.command("unblock", ATTACKER)).code, 0);
    await rig.untilDropped(ATTACKER, false);
    assert.equal(await rig.logIn("ssh", { from: ATTACKER }), "accepted");
  });
});

test("a mind that is killed in the middle of an attack loses no failure and counts none twice", async () => {
  await using rig = await Rig.start("sshd");
  await using host = await rig.garrison({ config: ENFORCE });
  const [slow, quick] = ["198.51.100.41", "198.51.100.42"];
  const canaries = new Canaries(rig);
  await rig.attack("ssh", 3, { from: slow });
  await canaries.die("ssh");
  process.kill(host.pidOf("garrison-mind"), "SIGKILL");
  await rig.attack("ssh", 1, { from: slow });
  await rig.attack("ssh", 5, { from: quick });
  await rig.untilDropped(quick);
  await canaries.die("ssh");
  assert.equal(await rig.isDropped(slow), false, "dropped after 4 failures");
  await rig.attack("ssh", 1, { from: slow });
  await rig.untilDropped(slow);
});

test("failures across a rotation of the log count together, as do those before and while garrison was down", async () => {
  await using rig = await Rig.start("sshd");
  await using tree = await makeTree({});
  const [rotated, absent] = ["198.51.100.51", "198.51.100.52"];
  const canaries = new Canaries(rig);
  {
    await using _host = await rig.garrison({ config: ENFORCE, folder: tree.root });
    await rig.attack("ssh", 3, { from: rotated });
    rig.rotate("auth.log");
    await rig.attack("ssh", 2, { from: rotated });
    await rig.untilDropped(rotated);
    await rig.attack("ssh", 3, { from: absent });
    await canaries.die("ssh");
  }
  assert.ok(await rig.isDropped(rotated), "a block went with garrison");
  await rig.attack("ssh", 2, { from: absent });
  await using _host = await rig.garrison({ config: ENFORCE, folder: tree.root });
  await rig.untilDropped(absent);
  assert.ok(await rig.isDropped(rotated));
});

test("observe blocks nothing, and the report names who would have been blocked", async () => {
  await using rig = await Rig.start("sshd");
  await using host = await rig.garrison({ config: OBSERVE });
  await rig.attack("ssh", 6, { from: ATTACKER });
  await rig.attack("ssh", 2, { from: ADMIN });
  const report = await untilReported(host, ATTACKER);
  assert.ok(!report.includes(ADMIN), report);
  assert.equal(await rig.isDropped(ATTACKER), false);
  assert.equal(await rig.logIn("ssh", { from: ATTACKER }), "accepted");
});

test("lines that a customer forges block nobody where journald says who wrote them, and a real attack is blocked there", async () => {
  await using rig = await Rig.start("journald", "sshd");
  await using _host = await rig.garrison({ config: ENFORCE });
  const forge = ["logger", "-t", "sshd[99]", "-p", "auth.info"];
  for (let port = 1; port <= 10; port++) {
    await rig.run([...forge, `Failed password for root from ${VICTIM} port ${port} ssh2`], "alice");
  }
  await new Canaries(rig).die("ssh");
  assert.equal(await rig.isDropped(VICTIM), false);
});

/** Attackers whose block shows that all that stood in the log before was read. */
class Canaries {
  readonly #rig: Rig;
  #last = 100;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  async die(service: Service): Promise<void> {
    const from = `198.51.100.${++this.#last}`;
    // Each on an account of its own: many addresses on one would be an attack of another kind.
    await this.#rig.attack(service, 5, { from, user: `canary${this.#last}` });
    await this.#rig.untilDropped(from);
  }
}

/** The report of what would have been blocked, once it names an address. */
async function untilReported(host: Host, address: string): Promise<string> {
  for (;;) {
    const { stdout } = await host.command("blocks", "report", "--json");
    if (stdout.includes(address)) return stdout;
  }
}
