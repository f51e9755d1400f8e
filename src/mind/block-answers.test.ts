import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actionLine } from "#src/cli/action-text.ts";
import {
  checkFirewall,
  checkRehearsal,
  checkReported,
  checkReportSummary,
  firewallLines,
  rehearsalLines,
  reportedLine,
} from "#src/cli/block-text.ts";
import { toAction } from "#src/cli/commands/block.ts";
import { Output } from "#src/cli/output.ts";
import { checkStatus, statusLines } from "#src/cli/status-text.ts";
import { failure } from "#src/logs/decide/test-hits.mts";
import { Bench } from "./block-bench.mts";
import { makeRunFolder, until } from "./fake-peer.mts";

const BLOCK = {
  t: "block",
  network: "203.0.113.5",
  ports: [],
  forMs: 3_600_000,
  reason: "",
  isPrivateMeant: false,
  isDryRun: false,
} as const;
const WAF_DETAIL = "rules=942100 severity=critical stopped=1 status=403 method=GET id=aWLjQ4xK path=/login.php";

describe("commands about blocks", () => {
  test("block, blocks, unblock and undo", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    const [action] = await bench.ask({ ...BLOCK, ports: [22], reason: "he asked for it" });
    assert.partialDeepStrictEqual(action, {
      ...{ item: "action", id: "x1", kind: "block", state: "done", reason: "he asked for it", by: "admin:root" },
      subject: { type: "address", address: "203.0.113.5" },
      plan: { network: "203.0.113.5/32", ports: [22] },
    });
    await bench.ask({ ...BLOCK, network: "198.51.100.0/24", forMs: 0 });
    const [firewall, ...blocks] = await bench.ask({ t: "blocks", limit: 10 });
    assert.partialDeepStrictEqual(firewall, { item: "firewall", mode: "observe", backend: "nftables", failure: null });
    assert.deepEqual(
      blocks.map(({ id, expiresAt }) => [id, expiresAt === null]),
      [
        ["x2", true],
        ["x1", false],
      ],
    );
    assert.partialDeepStrictEqual(await bench.ask({ t: "unblock", what: "203.0.113.5" }), [
      { id: "x1", state: "undone" },
    ]);
    assert.partialDeepStrictEqual(await bench.ask({ t: "undo", action: "x2" }), [{ id: "x2", state: "undone" }]);
    assert.equal((await bench.ask({ t: "blocks", limit: 10 })).length, 1);
    assert.deepEqual(
      bench.asked.map(({ t }) => t),
      ["block", "block", "unblock", "unblock"],
    );
  });

  test("block says why the warden refused, and what is no network", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    await assert.rejects(bench.ask({ ...BLOCK, network: "203.0.113.99" }), {
      code: "GARRISON_ACTION_FAILED",
      message: "Cannot block: it is a gateway of this host",
    });
    await assert.rejects(bench.ask({ ...BLOCK, network: "\x1b[31m" }), {
      code: "GARRISON_NO_NETWORK",
      message: /^Cannot block "\\x1b\[31m": expected an address or a CIDR/,
    });
  });

  test("block as a rehearsal says what the warden says, and plans nothing", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    const refusal = async (network: string) =>
      (await bench.ask({ ...BLOCK, network, ports: [22], isDryRun: true }))[0]?.["refusal"];
    assert.equal(await refusal("203.0.113.99"), "Cannot block: it is a gateway of this host");
    assert.equal(await refusal("192.0.2.1"), null);
    assert.partialDeepStrictEqual(bench.asked, [
      { t: "rehearse", network: "203.0.113.99/32", ports: [22], by: "admin:root", isPrivateMeant: false },
      { t: "rehearse", network: "192.0.2.1/32" },
    ]);
    assert.equal((await bench.ask({ t: "blocks", limit: 10 })).length, 1);
    assert.deepEqual(await bench.ask({ t: "actions", limit: 10 }), []);
  });

  test("block as a rehearsal says without a warden what it checked by the settings, and what it did not", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder, { allow: ["203.0.113.5"], proxies: ["198.51.100.0/24"] });
    await bench.warden[Symbol.asyncDispose]();
    await until(() => bench.mind.firewall === null);
    const refusal = async (network: string, isPrivateMeant = false) =>
      (await bench.ask({ ...BLOCK, network, isPrivateMeant, isDryRun: true }))[0]?.["refusal"];
    assert.match(String(await refusal("203.0.113.0/24")), /allow-list/);
    assert.match(String(await refusal("198.51.100.7")), /a proxy/);
    assert.match(String(await refusal("10.1.2.3")), /private network/);
    assert.deepEqual([await refusal("10.1.2.3", true), await refusal("192.0.2.1")], [null, null]);
    assert.deepEqual(bench.asked, []);
    const [rehearsal] = await bench.ask({ ...BLOCK, network: "192.0.2.1", forMs: 0, isDryRun: true });
    assert.deepEqual(
      rehearsalLines(checkRehearsal(rehearsal, "rehearsal"), new Output({ json: false, color: false })),
      [
        "would drop all packets from 192.0.2.1/32 for ever, as soon as there is a warden",
        "  unchecked addresses, gateways and resolvers of this host: the warden is away",
        "  unchecked admins who are logged in: the warden is away",
        "  unchecked loopback, local link, multicast, and networks that are too wide: the warden is away",
      ],
    );
  });

  test("blocks-report adds up what was blocked and what would have been", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    const now = Date.now();
    const base = { points: 10, reason: "10 points", rule: "sshd.failed", network: "192.0.2.1/32" };
    bench.mind.blockStore.insert({ ...base, action: null, atUnixMs: now - 2000, untilUnixMs: now - 1000 });
    bench.mind.blockStore.insert({ ...base, action: null, atUnixMs: now - 1000, untilUnixMs: now });
    await bench.ask(BLOCK);
    const items = await bench.ask({ t: "blocks-report", sinceMs: 60_000 });
    assert.partialDeepStrictEqual(items, [
      { item: "network", network: "192.0.2.1/32", blocked: 0, wouldBlock: 2, rules: ["sshd.failed"], totalMs: 2000 },
      { item: "network", network: "203.0.113.5/32", blocked: 1, wouldBlock: 0, rules: ["by hand"] },
      { item: "summary", networks: 2, blocked: 1, wouldBlock: 2, isCut: false },
    ]);
    assertAboutAnHour(items[1]);
  });

  test("blocks-report tells apart what was refused and what was taken away by hand, which lasted so long", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    await assert.rejects(bench.ask({ ...BLOCK, network: "203.0.113.99" }), { code: "GARRISON_ACTION_FAILED" });
    await bench.ask({ ...BLOCK, forMs: 0 });
    await bench.ask({ t: "unblock", what: "203.0.113.5" });
    await bench.ask({ ...BLOCK, network: "192.0.2.7" });
    const items = await bench.ask({ t: "blocks-report", sinceMs: 60_000 });
    assert.partialDeepStrictEqual(items, [
      { network: "203.0.113.99/32", blocked: 0, undone: 0, failed: 1, totalMs: 0 },
      { network: "203.0.113.5/32", blocked: 1, undone: 1, failed: 0 },
      { network: "192.0.2.7/32", blocked: 1, undone: 0, failed: 0 },
      { item: "summary", networks: 3, blocked: 2, undone: 1, failed: 1, rules: [{ rule: "by hand", count: 2 }] },
    ]);
    assertAboutAnHour(items[2]);
    const { totalMs } = checkReported(items[1], "network");
    assert.ok(totalMs !== null && totalMs < 60_000, `${totalMs}`);
    const output = new Output({ json: false, color: false });
    const lines = items.slice(0, 2).map((one) => reportedLine(checkReported(one, "network"), output));
    assert.match(lines[0] ?? "", /^203\.0\.113\.99\/32 +0 times blocked, 1 not done, last/);
    assert.match(lines[1] ?? "", /^203\.0\.113\.5\/32 +1 times blocked, for .+, 1 taken away by hand, last/);
  });
});

describe("what the mind answers about blocks is what the commands take", () => {
  const output = new Output({ json: false, color: false });
  const blind = "live connections of blocked addresses are not ended: \\x1b[31m";

  test("checkFirewall() takes how blocking stands, and firewallLines() says what it is blind to, escaped", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    await bench.ask(BLOCK);
    const [firewall, action] = await bench.ask({ t: "blocks", limit: 10 });
    assert.deepEqual(firewallLines(checkFirewall(firewall, "firewall"), output), [
      "by nftables, rules only observe: 3 blocked, 4000 on lists, 12 packets dropped, our tables were taken away and put back 1 times",
      `  blind to  ${blind}`,
    ]);
    assert.equal(toAction(action!).id, "x1");
    const [line] = (await bench.ask({ ...BLOCK, ports: [22, 25] })).map((one) => actionLine(toAction(one), output));
    assert.match(line ?? "", / done {5}block 203\.0\.113\.5 to ports 22, 25 \(by admin:root, until /);
    assert.match(actionLine(toAction(action!), output), /block 203\.0\.113\.5 \(by /);
  });

  test("checkRehearsal() takes what a block would do", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    const [rehearsal] = await bench.ask({ ...BLOCK, isDryRun: true });
    const [line, ...more] = rehearsalLines(checkRehearsal(rehearsal, "rehearsal"), output);
    assert.match(line ?? "", /^would drop all packets from 203\.0\.113\.5\/32 until 20\S+Z, by nftables$/);
    assert.deepEqual(more, [`  blind to  ${blind}`]);
    const [refused] = await bench.ask({ ...BLOCK, network: "203.0.113.99", isDryRun: true });
    assert.deepEqual(rehearsalLines(checkRehearsal(refused, "rehearsal"), output), [
      "would be refused: Cannot block: it is a gateway of this host",
    ]);
  });

  test("checkReported() and checkReportSummary() take a report", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    await bench.ask(BLOCK);
    const [reported, summary] = await bench.ask({ t: "blocks-report", sinceMs: 60_000 });
    assert.equal(checkReported(reported, "network").blocked, 1);
    assert.equal(checkReportSummary(summary, "summary").networks, 1);
  });

  test("checkStatus() takes the status, and statusLines() has blocking, with a warden and without", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    const lines = async () => statusLines(checkStatus((await bench.ask({ t: "status" }))[0], "status"), output);
    assert.partialDeepStrictEqual((await lines()).slice(-2), [
      "  blocking   by nftables, rules only observe: 3 blocked, 4000 on lists, 12 packets dropped, our tables were taken away and put back 1 times",
      `    blind to  ${blind}`,
    ]);
    await bench.warden[Symbol.asyncDispose]();
    await until(() => bench.mind.firewall === null);
    assert.match((await lines()).at(-1) ?? "", /blocking {3}nothing can be blocked.*the warden has not said yet/);
  });
});

describe("commands about logs", () => {
  test("logs says that none are read", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    await assert.rejects(bench.ask({ t: "logs" }), { code: "GARRISON_NO_LOGS" });
  });

  test("waf-hits puts together what is stored", async () => {
    using run = makeRunFolder();
    await using bench = await Bench.start(run.folder);
    for (const [index, address] of [
      "192.0.2.1",
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.3",
      "192.0.2.4",
      "192.0.2.5",
    ].entries()) {
      const given = { service: "modsecurity", site: "shop.example", detail: WAF_DETAIL, outcome: "probe" } as const;
      const network = `${address}/32`;
      bench.mind.hits.insert({ hit: failure(address, "", given), atUnixMs: Date.now() - (index + 1) * 1000, network });
    }
    assert.partialDeepStrictEqual(await bench.ask({ t: "waf-hits", by: "rule", sinceMs: 86_400_000 }), [
      { item: "group", by: "rule", key: "942100", hits: 6, stopped: 6, addresses: 5 },
    ]);
    assert.deepEqual(await bench.ask({ t: "waf-hits", by: "rule", sinceMs: 0 }), []);
    bench.mind.hits.putStanding({ network: "192.0.2.1/32", days: 1, lastAtUnixMs: Date.now(), accounts: ["bob"] });
    assert.partialDeepStrictEqual(await bench.ask({ t: "waf-hits", by: "false-positive", sinceMs: 86_400_000 }), [
      { item: "candidate", ruleId: "942100", addresses: 5, loggedIn: 1, confidence: "likely" },
    ]);
  });
});

/** From the moment it was written down, which is a moment behind the one it was asked at. */
function assertAboutAnHour(item: unknown): void {
  const { totalMs } = checkReported(item, "network");
  assert.ok(totalMs !== null && totalMs <= 3_600_000 && totalMs > 3_590_000, `${totalMs}`);
}
