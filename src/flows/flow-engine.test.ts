import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { FlowEngine } from "./flow-engine.ts";
import { LINK } from "./packet/link-types.ts";
import { connection, type End, fragment, judge, SYN, SYN_ACK, Talk, tcp, udp, verdicts } from "./test-packets.mts";

const CLIENT = "198.51.100.7";
const SERVER = "192.0.2.1";
const THIRD = "203.0.113.66";
const CONTROL = [`${CLIENT} 40000`, `${SERVER} 21`] as const;

function session(client: End = CONTROL[0], server: End = CONTROL[1]): { packets: Buffer[]; talk: Talk } {
  const packets: Buffer[] = [];
  return { packets, talk: new Talk(packets, client, server).login() };
}

suite("FlowEngine and FTP", () => {
  test("packet() finds the data of PASV, EPSV, PORT and EPRT over IPv4 and IPv6, from the side that connects", () => {
    const { packets, talk } = session();
    talk.ask("PASV", "227 Entering Passive Mode (192,0,2,1,195,80).");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    talk.ask("EPSV", "229 Entering Extended Passive Mode (|||50001|)");
    connection(packets, `${CLIENT} 40002`, `${SERVER} 50001`);
    talk.ask("PORT 198,51,100,7,156,67", "200 PORT command successful");
    connection(packets, `${SERVER} 50002`, `${CLIENT} 40003`);
    talk.ask("EPRT |1|198.51.100.7|40004|", "200 EPRT command successful");
    connection(packets, `${SERVER} 50003`, `${CLIENT} 40004`);
    const six = session("2001:db8::7 40000", "2001:db8::1 2121");
    six.talk.ask("EPSV", "229 Entering Extended Passive Mode (|||50001|)");
    connection(six.packets, "2001:db8::7 40002", "2001:db8::1 50001");
    six.talk.ask("EPRT |2|2001:DB8:0::7|40004|", "200 EPRT command successful");
    connection(six.packets, "2001:db8::1 50003", "2001:db8::7 40004");
    assert.deepEqual(verdicts([...packets, ...six.packets]), [
      `${CLIENT} 40001 -> ${SERVER} 50000 ftp-data`,
      `${CLIENT} 40002 -> ${SERVER} 50001 ftp-data`,
      `${SERVER} 50002 -> ${CLIENT} 40003 ftp-data`,
      `${SERVER} 50003 -> ${CLIENT} 40004 ftp-data`,
      "2001:db8::7 40000 -> 2001:db8::1 2121 unexplained",
      "2001:db8::7 40002 -> 2001:db8::1 50001 ftp-data",
      "2001:db8::1 50003 -> 2001:db8::7 40004 ftp-data",
    ]);
  });

  test("packet() says who announced the port, and that the address is translated", () => {
    const { packets, talk } = session();
    talk.ask("PASV", "227 Entering Passive Mode (203,0,113,66,195,80).");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    const { flows } = judge(packets);
    assert.deepEqual(flows[0]?.relation, {
      kind: "ftp",
      client: CLIENT,
      clientPort: 40_000,
      server: SERVER,
      serverPort: 21,
      command: "PASV",
      announced: `${THIRD}:50000`,
      translated: true,
      evidence: "banner",
    });
    assert.deepEqual([flows[0]?.packets, flows[0]?.bytes, flows[0]?.opened, flows[0]?.why], [7, 290, true, null]);
  });

  test("packet() never takes what the announced third host does for FTP data: neither PASV nor a bounce by PORT", () => {
    const { packets, talk } = session();
    talk.ask("PASV", "227 Entering Passive Mode (203,0,113,66,195,80).");
    connection(packets, `${CLIENT} 40001`, `${THIRD} 50000`);
    connection(packets, `${THIRD} 40001`, `${SERVER} 50000`);
    talk.ask("PORT 203,0,113,66,156,67", "200 PORT command successful");
    connection(packets, `${SERVER} 50002`, `${THIRD} 40003`);
    talk.ask("EPRT |1|203.0.113.66|40005|", "200 EPRT command successful");
    connection(packets, `${SERVER} 50002`, `${THIRD} 40005`);
    const { flows, engine } = judge(packets);
    assert.deepEqual([...new Set(flows.map(({ verdict }) => verdict))], ["unexplained"]);
    assert.equal(engine.ftp.bounces, 2);
  });

  test("packet() takes a port for one connection, for five minutes, and for the side that was to connect", () => {
    const ask = (): ReturnType<typeof session> => {
      const made = session();
      made.talk.ask("PASV", "227 Entering Passive Mode (192,0,2,1,195,80).");
      return made;
    };
    const twice = ask().packets;
    connection(twice, `${CLIENT} 40001`, `${SERVER} 50000`);
    connection(twice, `${CLIENT} 40002`, `${SERVER} 50000`);
    assert.deepEqual(
      judge(twice).flows.map(({ verdict }) => verdict),
      ["ftp-data", "unexplained"],
    );
    const late = ask().packets;
    late.push(tcp(`${CLIENT} 40001`, `${SERVER} 50000`, { flags: SYN }));
    assert.deepEqual(
      judge(late, { stepMs: 299_000 }).flows.map(({ verdict }) => verdict),
      ["ftp-data"],
    );
    assert.deepEqual(
      judge(late, { stepMs: 301_000 }).flows.map(({ verdict }) => verdict),
      ["unexplained"],
    );
    const backwards = ask().packets;
    connection(backwards, `${SERVER} 50000`, `${CLIENT} 40001`);
    assert.deepEqual(
      judge(backwards).flows.map(({ verdict }) => verdict),
      ["unexplained"],
    );
  });

  test("packet() takes a port that was announced while the connection was made, but not if the server refuses it", () => {
    for (const [reply, verdict] of [
      ["200 Active data connection established.", "ftp-data"],
      ["500 Illegal PORT command.", "unexplained"],
    ] as const) {
      const { packets, talk } = session();
      talk.send("client", "PORT 198,51,100,7,156,67\r\n");
      connection(packets, `${SERVER} 50002`, `${CLIENT} 40003`);
      talk.send("server", `${reply}\r\n`);
      assert.deepEqual(
        judge(packets).flows.map((flow) => flow.verdict),
        [verdict],
      );
    }
  });

  test("packet() judges a second connection between the same ports anew", () => {
    const { packets, talk } = session();
    talk.ask("PASV", "227 Entering Passive Mode (192,0,2,1,195,80).");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    const again = new Talk(packets, `${CLIENT} 40001`, `${SERVER} 50000`, { client: 1, server: 2 });
    again.open().send("client", "id").close();
    assert.deepEqual(
      judge(packets).flows.map(({ verdict, packets: count }) => [verdict, count]),
      [
        ["ftp-data", 7],
        ["unexplained", 6],
      ],
    );
  });

  test("packet() does not follow servers that are no FTP: a 220 that the client had repeated, a 227 of its own accord, SMTP", () => {
    const announce = "227 Entering Passive Mode (192,0,2,1,195,80).";
    const fakes: ((talk: Talk) => unknown)[] = [
      (talk) => talk.open().send("server", `${announce}\r\n`),
      (talk) => talk.open().send("server", `220 x\r\n${announce}\r\n`),
      (talk) => talk.open().send("server", "220 x\r\n").ask("PASV", announce),
      // The client speaks first: whatever the server repeats of it is no greeting.
      (talk) =>
        talk.open().send("client", "x").send("server", "220 x\r\n").ask("USER a", "331 x").ask("PASV", announce),
      (talk) => talk.open().ask("GET / HTTP/1.0", "220 x").ask("USER a", "331 x").ask("PASV", announce),
      (talk) =>
        talk
          .open()
          .send("server", "220 mail ESMTP\r\n")
          .ask("EHLO x", "250 ok")
          .ask("USER a", "331 x")
          .ask("PASV", announce),
      (talk) => talk.open().send("server", "220 mail ESMTP\r\n").ask("USER a", "500 unknown").ask("PASV", announce),
      (talk) => talk.login().send("server", `${announce}\r\n`),
      (talk) => talk.login().ask("NOOP", announce),
      (talk) => talk.login().ask("PASV", `230-${announce}\r\n${announce}\r\n230 done`),
      (talk) => talk.login().send("client", announce),
      (talk) => talk.login().ask("STAT", `211-${announce}\r\n 227 x\r\n211 end`).ask("PASV", "425 no"),
    ];
    for (const fake of fakes) {
      const packets: Buffer[] = [];
      fake(new Talk(packets, `${CLIENT} 40000`, `${SERVER} 2121`));
      connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
      assert.equal(judge(packets).flows.at(-1)?.verdict, "unexplained", String(fake));
    }
  });

  test("packet() follows a control connection on port 21 that began before the capture, and none on another port", () => {
    for (const [port, verdict] of [
      [21, "ftp-data"],
      [2121, "unexplained"],
    ] as const) {
      const packets: Buffer[] = [];
      new Talk(packets, `${CLIENT} 40000`, `${SERVER} ${port}`).ask(
        "PASV",
        "227 Entering Passive Mode (192,0,2,1,195,80).",
      );
      connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
      const { flows } = judge(packets);
      assert.equal(flows.at(-1)?.verdict, verdict);
    }
    // It began in the capture, and its server did not greet.
    const packets: Buffer[] = [];
    new Talk(packets, ...CONTROL).open().ask("PASV", "227 Entering Passive Mode (192,0,2,1,195,80).");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    assert.equal(judge(packets).flows.at(-1)?.verdict, "unexplained");
  });

  test("packet() puts together what was sent in pieces, again, too early, in fragments or in replies of several lines", () => {
    const reply = "227-Entering\r\n 227 not this (1,2,3,4,5,6)\r\n227 Entering Passive Mode (192,0,2,1,195,80).\r\n";
    for (let at = 1; at < reply.length; at++) {
      const { packets, talk } = session();
      talk.send("client", "PASV\r\n");
      const pieces = [reply.slice(0, at), reply.slice(at)].map((text) => talk.make("server", text));
      packets.push(...[pieces[1]!, pieces[0]!, pieces[1]!, pieces[0]!].slice(at % 2));
      connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
      assert.deepEqual(
        judge(packets).flows.map(({ verdict }) => verdict),
        ["ftp-data"],
        `cut at ${at}`,
      );
    }
    const { packets, talk } = session();
    talk.send("client", "PASV\r\n");
    packets.push(...fragment(talk.make("server", reply), 24, 77));
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    assert.deepEqual(
      judge(packets).flows.map(({ verdict }) => verdict),
      ["ftp-data"],
    );
    const letters: Buffer[] = [];
    const slow = new Talk(letters, ...CONTROL).open();
    for (const letter of "220 ready\r\n") slow.send("server", letter);
    for (const letter of "USER alice\r\n") slow.send("client", letter);
    slow.send("server", "331 x\r\n").ask("PASV", "227 =192,0,2,1,195,80");
    connection(letters, `${CLIENT} 40001`, `${SERVER} 50000`);
    assert.deepEqual(
      judge(letters).flows.map(({ verdict }) => verdict),
      ["ftp-data"],
    );
  });

  test("packet() goes on behind a packet that was not captured, once the other side has acknowledged it", () => {
    const { packets, talk } = session();
    talk.send("client", "CWD a\r\n").lose("server", "250 ok\r\n").ask("NOOP", "200 ok");
    talk.ask("PASV", "227 Entering Passive Mode (192,0,2,1,195,80).");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    talk.lose("client", "CWD a\r\n").send("server", "250 ok\r\n").ask("NOOP", "200 ok");
    talk.ask("PORT 198,51,100,7,156,67", "200 ok");
    connection(packets, `${SERVER} 50002`, `${CLIENT} 40003`);
    assert.deepEqual(
      judge(packets).flows.map(({ verdict }) => verdict),
      ["ftp-data", "ftp-data"],
    );
  });

  test("packet() takes no line for one whose begin was not captured", () => {
    const { packets, talk } = session();
    talk.send("client", "PASV\r\n").lose("server", "550 no such file: ");
    talk.send("server", "227 Entering Passive Mode (192,0,2,1,195,80).\r\n").ask("NOOP", "200 ok");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    assert.deepEqual(
      judge(packets).flows.map(({ verdict }) => verdict),
      ["unexplained"],
    );
  });

  test("packet() follows a client that sends several commands at once, and ABOR with its two answers", () => {
    const { packets, talk } = session();
    talk
      .send("client", "TYPE I\r\nPASV\r\nRETR x\r\n")
      .send("server", "200 ok\r\n227 ok (192,0,2,1,195,80)\r\n150 ok\r\n");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    talk.send("client", "\xff\xf4\xff\xf2ABOR\r\n").send("server", "426 broken\r\n226 done\r\n");
    talk.ask("PORT 198,51,100,7,156,67", "200 ok");
    connection(packets, `${SERVER} 50002`, `${CLIENT} 40003`);
    assert.deepEqual(
      judge(packets).flows.map(({ verdict }) => verdict),
      ["ftp-data", "ftp-data"],
    );
  });

  test("packet() keeps the newest four of a flood of announcements, and none of a control connection that is over", () => {
    const { packets, talk } = session();
    for (let port = 50_000; port < 50_500; port++) talk.ask("EPSV", `229 ok (|||${port}|)`);
    for (const port of [50_000, 50_495, 50_496, 50_499]) connection(packets, `${CLIENT} 40001`, `${SERVER} ${port}`);
    assert.deepEqual(
      judge(packets).flows.map(({ verdict }) => verdict),
      ["unexplained", "unexplained", "ftp-data", "ftp-data"],
    );
    const over = session();
    over.talk.ask("EPSV", "229 ok (|||50000|)").close();
    connection(over.packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    assert.deepEqual(
      judge(over.packets).flows.map(({ verdict }) => verdict),
      ["unexplained"],
    );
  });

  test("packet() says of a flow beside an encrypted control connection that it may be FTP data, and takes it in a known range", () => {
    const { packets, talk } = session();
    talk.ask("AUTH TLS", "234 go on").send("client", "PASV\r\n").send("server", "227 ok (192,0,2,1,195,80)\r\n");
    connection(packets, `${CLIENT} 40001`, `${SERVER} 50000`);
    connection(packets, `${SERVER} 40001`, `${CLIENT} 50000`);
    connection(packets, `${THIRD} 40001`, `${SERVER} 50000`);
    assert.deepEqual(
      judge(packets).flows.map(({ verdict, why }) => [verdict, why]),
      [
        ["unexplained", "encrypted-ftp"],
        ["unexplained", "encrypted-ftp"],
        ["unexplained", "not-announced"],
      ],
    );
    assert.deepEqual(
      judge(packets, { passiveRange: [50_000, 50_010] }).flows.map(({ verdict }) => verdict),
      ["ftp-data", "unexplained", "unexplained"],
    );
  });

  test("packet() never takes a flow for FTP data for what strangers say, whatever they say", () => {
    const text = fc.oneof(
      fc.constantFrom(
        "220 x\r\n",
        "USER a\r\n",
        "331 x\r\n",
        "PASV\r\n",
        "227 x (192,0,2,1,195,80)\r\n",
        "PORT 192,0,2,1,195,80\r\n",
        "200 x\r\n",
        "230-x\r\n",
        "\r\n",
      ),
      fc.string({ maxLength: 40 }),
    );
    const said = fc.array(
      fc.tuple(fc.constantFrom("client" as const, "server" as const), text, fc.integer({ min: -20, max: 20 })),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(said, (lines) => {
        const packets: Buffer[] = [];
        const talk = new Talk(packets, `${CLIENT} 40000`, `${SERVER} 2121`).open();
        for (const [side, line, shift] of lines) {
          if (shift > 0) talk.send(side, line);
          else
            packets.push(
              new Talk([], `${CLIENT} 40000`, `${SERVER} 2121`, { client: -16 + shift, server: 7001 + shift }).make(
                side,
                line,
              ),
            );
        }
        connection(packets, `${THIRD} 40001`, `${SERVER} 50000`);
        connection(packets, `${CLIENT} 40001`, `${THIRD} 50000`);
        connection(packets, `${SERVER} 40001`, `${THIRD} 50000`);
        for (const flow of judge(packets).flows)
          if (flow.a === THIRD || flow.b === THIRD) assert.equal(flow.verdict, "unexplained");
      }),
    );
  });
});

suite("FlowEngine and everything else", () => {
  test("packet() tells who has opened a flow: the sender of the SYN, also when only the answer was captured", () => {
    const [one, other] = [`${CLIENT} 40000`, `${SERVER} 5000`];
    for (const [packets, expected] of [
      [
        [tcp(one, other, { flags: SYN, sequence: 9 }), tcp(other, one, { flags: SYN_ACK, acknowledgement: 10 })],
        [CLIENT, true],
      ],
      [[tcp(other, one, { flags: SYN_ACK, acknowledgement: 10 })], [CLIENT, true]],
      [
        [tcp(other, one, { flags: SYN_ACK, acknowledgement: 10 }), tcp(one, other, { flags: SYN, sequence: 9 })],
        [CLIENT, true],
      ],
      [[tcp(other, one)], [SERVER, false]],
    ] as const) {
      const { flows } = judge(packets);
      assert.deepEqual(
        flows.map(({ a, opened }) => [a, opened]),
        [expected],
      );
    }
  });

  test("packet() counts a retransmitted SYN and both directions to one flow, and leaves low ports out", () => {
    const [one, other] = ["2001:db8::7 40000", "2001:db8::1 5000"];
    const syn = tcp(one, other, { flags: SYN, sequence: 9 });
    const { flows, engine } = judge([
      syn,
      syn,
      tcp(other, one, { payload: "abc" }),
      tcp(one, "2001:db8::1 443"),
      tcp("2001:db8::1 22", one),
    ]);
    assert.deepEqual(
      flows.map(({ packets, bytes, packetsFromA, bytesFromA }) => [packets, bytes, packetsFromA, bytesFromA]),
      [[3, 183, 2, 120]],
    );
    assert.deepEqual([engine.totals.packets, engine.totals.highPackets], [5, 3]);
  });

  test("packet() keeps flows apart that differ in one bit of address, port or protocol", () => {
    const ends = [
      `${CLIENT} 40000`,
      "198.51.100.6 40000",
      `${CLIENT} 40001`,
      "2001:db8::7 40000",
      "2001:db8:1::7 40000",
    ];
    const packets = ends.flatMap((end) => {
      const to = end.includes(":") ? "2001:db8::1 5000" : `${SERVER} 5000`;
      return [tcp(end, to), udp(end, to, "x")];
    });
    // A swap of ports is another flow, not the other direction.
    packets.push(tcp(`${CLIENT} 5000`, `${SERVER} 40000`));
    assert.equal(judge(packets).flows.length, 11);
  });

  test("packet() counts later fragments to the flow of their first, and says how many had none", () => {
    const packet = udp(`${CLIENT} 40000`, `${SERVER} 5000`, "x".repeat(100));
    const [first, second, third] = fragment(packet, 40, 1);
    const { flows, engine } = judge([first!, second!, third!, fragment(packet, 40, 2)[1]!]);
    assert.deepEqual(
      flows.map(({ packets }) => packets),
      [3],
    );
    assert.equal(engine.totals.strayFragments, 1);
  });

  test("packet() tells of more flows than there is room for, each once", () => {
    const packets: Buffer[] = [];
    for (let port = 2000; port < 4000; port++) packets.push(udp(`${CLIENT} ${port}`, `${SERVER} 5000`, "x"));
    const { flows, engine } = judge(packets, { maxFlows: 100 });
    assert.equal(flows.length, 2000);
    assert.equal(new Set(flows.map(({ aPort }) => aPort)).size, 2000);
    assert.equal(engine.totals.earlyFlows, 1900);
  });

  test("packet() sums up as a simple count does, however few flows there is room for", () => {
    const hop = fc.record({
      from: fc.integer({ min: 0, max: 5 }),
      to: fc.integer({ min: 0, max: 5 }),
      size: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(hop, { maxLength: 200 }), fc.integer({ min: 3, max: 40 }), (hops, maxFlows) => {
        const packets = hops.map(({ from, to, size }) =>
          udp(`192.0.2.${from} 2000`, `192.0.2.${to} 3000`, "x".repeat(size)),
        );
        const { flows } = judge(packets, { maxFlows });
        const sums = new Map<string, number>();
        for (const { a, b, bytes } of flows) sums.set(`${a} ${b}`, (sums.get(`${a} ${b}`) ?? 0) + bytes);
        const truth = new Map<string, number>();
        for (const { from, to, size } of hops) {
          const key = `192.0.2.${from} 192.0.2.${to}`;
          truth.set(key, (truth.get(key) ?? 0) + 28 + size);
        }
        assert.deepEqual(new Map([...sums].sort()), new Map([...truth].sort()));
      }),
    );
  });

  test("packet() takes RTP and RTCP of a call that both sides have agreed to, and nothing that only one of them names", () => {
    const sdp = (address: string, port: number): string =>
      `v=0\r\nc=IN IP4 ${address}\r\nm=audio ${port} RTP/AVP 0\r\n`;
    const sip = (first: string, body: string): string =>
      `${first}\r\nCall-ID: a84b4c76e66710\r\nContent-Type: application/sdp\r\n\r\n${body}`;
    const packets = [
      udp(`${CLIENT} 5060`, `${SERVER} 5060`, sip("INVITE sip:bob@example.net SIP/2.0", sdp(CLIENT, 30_000))),
      udp(`${SERVER} 5060`, `${CLIENT} 5060`, sip("SIP/2.0 200 OK", sdp(SERVER, 31_000))),
      udp(`${CLIENT} 30000`, `${SERVER} 31000`, "rtp"),
      udp(`${SERVER} 31001`, `${CLIENT} 30001`, "rtcp"),
      udp(`${THIRD} 30000`, `${SERVER} 31000`, "other"),
      udp(`${CLIENT} 30000`, `${THIRD} 31000`, "other"),
      tcp(`${CLIENT} 30000`, `${SERVER} 31000`, { flags: SYN }),
    ];
    assert.deepEqual(
      judge(packets).flows.map(({ verdict, why }) => [verdict, why]),
      [
        ["unexplained", "sip"],
        ["media", null],
        ["media", null],
        ["unexplained", "not-announced"],
        ["unexplained", "not-announced"],
        ["unexplained", "not-announced"],
      ],
    );
  });

  test("packet() takes any bytes on any link", () => {
    const engine = new FlowEngine({ ordinary: [], passiveRange: null, onFlow: () => undefined });
    const real = new Talk([], ...CONTROL).login().packets;
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one)),
      fc.tuple(fc.constantFrom(...real), fc.nat(79), fc.nat(255), fc.nat(100)).map(([packet, at, value, cut]) => {
        const changed = Buffer.from(packet);
        changed[at % changed.length] = value;
        return changed.subarray(0, cut);
      }),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom(...Object.values(LINK), 127), (packet, link) => {
        engine.setBuffer(packet);
        engine.packet(0, packet.length, packet.length, 0, link);
      }),
      { numRuns: 2000 },
    );
  });
});
