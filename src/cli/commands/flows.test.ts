import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { LINK } from "#src/flows/packet/link-types.ts";
import { connection, pcapOf, Talk, udp } from "#src/flows/test-packets.mts";
import { assertConfined, type Finished, finish, openFolderOf, readerOf, untilGone } from "./reader-host.mts";

function start(folder: string, options: object, kind = "json"): ChildProcess {
  const script = join(import.meta.dirname, "flows-process.mts");
  const words = ["--disable-warning=ExperimentalWarning", script, kind, join(folder, "state"), JSON.stringify(options)];
  return spawn(process.execPath, words, { cwd: folder });
}

function flowsOf(t: TestContext, capture: Buffer, options: object = {}, kind = "json"): Promise<Finished> {
  const folder = openFolderOf(t);
  writeFileSync(join(folder, "a.pcap"), capture);
  return finish(start(folder, { pcap: "a.pcap", ...options }, kind));
}

function session(): Buffer[] {
  const packets: Buffer[] = [];
  const talk = new Talk(packets, "198.51.100.7 40000", "192.0.2.1 21").login();
  talk.ask("PASV", "227 Entering Passive Mode (192,0,2,1,195,80).");
  connection(packets, "198.51.100.7 40001", "192.0.2.1 50000");
  return packets;
}

const OTHER = udp("192.0.2.1 4444", "198.51.100.9 31337", "id");

suite("garrison flows", () => {
  test("flows() prints a line for each flow and a summary, and exits with 0 when all is explained and with 1 when not", async (t) => {
    const good = await flowsOf(t, pcapOf(session()));
    assert.equal(good.stderr, "");
    assert.equal(good.code, 0);
    const [flow, last] = good.items;
    const { relation, ...rest } = flow as { relation: object };
    assert.deepEqual(rest, {
      proto: "tcp",
      a: "198.51.100.7",
      aPort: 40_001,
      b: "192.0.2.1",
      bPort: 50_000,
      packets: 7,
      bytes: 290,
      packetsFromA: 4,
      bytesFromA: 165,
      opened: true,
      verdict: "ftp-data",
      why: null,
      first: "2026-09-21T14:13:20.010Z",
      last: "2026-09-21T14:13:20.016Z",
    });
    assert.equal((relation as { command: string }).command, "PASV");
    const { summary } = last as { summary: { packets: number; ftp: object; problem: null } };
    assert.deepEqual(summary.ftp, { controls: 1, encrypted: 0, announced: 1, bounces: 0, dropped: 0 });
    assert.deepEqual([summary.packets, summary.problem], [17, null]);
    const bad = await flowsOf(t, pcapOf([...session(), OTHER]));
    assert.deepEqual([bad.code, bad.items[1]?.["verdict"], bad.items[1]?.["relation"]], [1, "unexplained", null]);
  });

  test("flows() shows people what is unexplained, and all with --all", async (t) => {
    const capture = pcapOf([...session(), OTHER]);
    const { stdout } = await flowsOf(t, capture, {}, "text");
    const [line, ...more] = stdout.split("\n");
    assert.equal(
      line,
      "2026-09-21 14:13:20  udp  192.0.2.1:4444 -- 198.51.100.9:31337  30 B out, 0 B back, 1 packet, 0 ms  unexplained",
    );
    assert.match(more.join("\n"), /ftp-data +1 flow +7 packets +290 B\n/);
    assert.doesNotMatch(stdout, /50000/);
    const all = await flowsOf(t, capture, { all: true }, "text");
    assert.match(all.stdout, /PASV announced 192\.0\.2\.1:50000 on 198\.51\.100\.7:40000 -> 192\.0\.2\.1:21\n/);
  });

  test("flows() gives what is readable of a capture that is cut off, says at which byte, and exits with 3", async (t) => {
    const capture = pcapOf([...session(), OTHER]);
    const { code, items, stderr } = await flowsOf(t, capture.subarray(0, -1));
    assert.equal(code, 3);
    assert.equal(items.length, 2);
    const offset = capture.length - 16 - OTHER.length;
    const problem = `it is cut off: a record begins at byte ${offset} and does not end`;
    assert.equal(stderr, `garrison: Cannot read "a.pcap" to its end: ${problem}\n`);
    assert.equal((items[1] as { summary: { problem: string } }).summary.problem, problem);
  });

  test("flows() reads standard input, and says why it cannot read what is no capture", async (t) => {
    const child = start(openFolderOf(t), { pcap: "-" });
    child.stdin?.end(pcapOf(session(), { isLittle: false }));
    const piped = await finish(child);
    assert.deepEqual([piped.code, piped.items.length], [0, 2]);
    for (const [capture, what] of [
      [Buffer.from("no capture at all"), /it is no pcap or pcapng/],
      [pcapOf([], { linkType: 127 }), /link type 127 is not known/],
      [Buffer.alloc(0), /it is empty/],
    ] as const) {
      const { code, stderr } = await flowsOf(t, capture);
      assert.equal(code, 3);
      assert.match(stderr, what);
    }
    for (const pcap of ["gone", "/dev/null", "."]) {
      const { code, stderr } = await finish(start(openFolderOf(t), { pcap }));
      assert.deepEqual([code, /^garrison: Cannot read "/.test(stderr)], [3, true], stderr);
    }
  });

  test("flows() takes options that cannot be for wrong use", async (t) => {
    for (const options of [
      { ordinary: "x" },
      { ordinary: "1,".repeat(300) },
      { passiveRange: "9-1" },
      { passiveRange: "1" },
      { passiveRange: "1-70000" },
    ]) {
      const { code, stderr } = await flowsOf(t, pcapOf([]), options);
      assert.equal(code, 2, stderr);
    }
    const ordinary = await flowsOf(t, pcapOf([OTHER]), { ordinary: "udp/31337" });
    assert.deepEqual([ordinary.code, ordinary.items[0]?.["verdict"]], [0, "ordinary"]);
  });

  test("flows() shows nothing that a terminal takes orders from, and times that no calendar has as none", async (t) => {
    const sdp = (address: string, port: number): string =>
      `\r\nCall-ID: a!~b\r\n\r\nc=IN IP4 ${address}\r\nm=audio ${port} RTP/AVP 0\r\n`;
    const call = [
      udp("192.0.2.1 5060", "192.0.2.2 5060", `INVITE sip:\x1b[2J\x9b SIP/2.0${sdp("192.0.2.1", 3000)}`),
      udp("192.0.2.2 5060", "192.0.2.1 5060", `SIP/2.0 200 \x1b[2J${sdp("192.0.2.2", 4000)}`),
      udp("192.0.2.1 3000", "192.0.2.2 4000", "rtp"),
    ];
    for (const kind of ["json", "text"]) {
      const { stdout } = await flowsOf(t, pcapOf(call), { all: true }, kind);
      assert.match(stdout, /a!~b/);
      assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    }
    const far = Buffer.from(pcapOf([OTHER], { linkType: LINK.raw }));
    far.fill(0xff, 24, 32);
    assert.match(String((await flowsOf(t, far)).items[0]?.["first"]), /^2106-/);
  });

  test("the reader of flows() has no privileges, and ends with the command", async (t) => {
    const child = start(openFolderOf(t), { pcap: "-" });
    child.stdin?.write(pcapOf(session()));
    const reader = await readerOf(child, "garrison-flows");
    assertConfined(reader);
    child.kill("SIGKILL");
    await once(child, "close");
    await untilGone(reader);
  });
});
