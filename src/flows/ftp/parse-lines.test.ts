import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  argumentOf,
  isOpenReply,
  parseEprt,
  parseEpsvReply,
  parsePasvReply,
  parsePort,
  replyCodeOf,
  verbNumber,
  verbOf,
} from "./parse-lines.ts";

suite("lines of FTP", () => {
  test("parsePasvReply() reads what servers write, with brackets and without", () => {
    for (const [line, port] of [
      ["227 Entering Passive Mode (192,0,2,1,195,80).", 50_000], // vsftpd 3.0.3
      ["227 Entering passive mode (192,0,2,1,195,80).", 50_000], // pyftpdlib 1.5.7
      ["227 Entering Passive Mode (192,0,2,1,195,80)", 50_000], // pure-ftpd 1.0.50, proftpd 1.3.8
      ["227 =192,0,2,1,195,80", 50_000], // publicfile
      ["227 Entering Passive Mode 192,0,2,1,195,80", 50_000], // RFC 1123 §4.1.2.6
    ] as const)
      assert.deepEqual(parsePasvReply(line), { port, address: "192.0.2.1" }, line);
  });

  test("parsePasvReply() takes nothing that is out of range or has another number of parts", () => {
    for (const line of [
      "227 Entering Passive Mode (192,0,2,1,195)",
      "227 Entering Passive Mode (192,0,2,1,195,80,1)",
      "227 Entering Passive Mode (192,0,2,256,195,80)",
      "227 Entering Passive Mode (192,0,2,1,0,0)",
      "227 Entering Passive Mode (192,0,2,1,1950,80)",
      "227 Entering Passive Mode (-192,0,2,1,195,-80)",
      "227 7 times (192,0,2,1,195,80)",
      `227 ${"x".repeat(300)}(192,0,2,1,195,80)`,
      "227 (192, 0, 2, 1, 195, 80)",
      "226 (192,0,2,1,195,80)",
    ])
      assert.equal(parsePasvReply(line), null, line);
  });

  test("parsePort() takes six numbers and nothing else", () => {
    assert.deepEqual(parsePort("198,51,100,7,4,1"), { port: 1025, address: "198.51.100.7" });
    for (const argument of [
      "",
      "1,2,3,4,5",
      "1,2,3,4,5,6,7",
      "1,2,3,4,256,1",
      "1,2,3,4,0,0",
      "1,2,3,4,5,6 7",
      "1,2,3,4,,6",
      `1,2,3,4,5,${"6".repeat(2000)}`,
      "a,2,3,4,5,6",
      "1,2,3,4,5,-6",
    ])
      assert.equal(parsePort(argument), null, argument.slice(0, 40));
  });

  test("parseEprt() takes both families and any delimiter", () => {
    assert.deepEqual(parseEprt("|1|198.51.100.7|6275|"), { port: 6275, address: "198.51.100.7" });
    assert.deepEqual(parseEprt("!2!2001:db8::7!6275!"), { port: 6275, address: "2001:db8::7" });
    for (const argument of [
      "",
      "|1|198.51.100.7|6275",
      "|1|198.51.100.7|0|",
      "|1|198.51.100.7|65536|",
      "|3|198.51.100.7|6275|",
      "|1|2001:db8::7|6275|",
      "|2|x|6275|",
      "|1|198.51.100.7|6275|x",
      "1112.2.2.2110001",
      ` 1 1.2.3.4 5 `,
      `|1|${"1".repeat(300)}|1|`,
    ])
      assert.equal(parseEprt(argument), null, argument.slice(0, 40));
  });

  test("parseEpsvReply() takes a port between delimiters, and no address", () => {
    assert.deepEqual(parseEpsvReply("229 Entering Extended Passive Mode (|||6446|)"), { port: 6446, address: null });
    assert.deepEqual(parseEpsvReply("229 ok (!!!6446!)."), { port: 6446, address: null });
    for (const line of [
      "229 ok (|||0|)",
      "229 ok (|||65536|)",
      "229 ok (|1|192.0.2.1|6446|)",
      "229 ok |||6446|",
      "229 ok (||6446|)",
      "229 ok (|!|6446|)",
      "227 ok (|||6446|)",
    ])
      assert.equal(parseEpsvReply(line), null, line);
  });

  test("verbOf() and argumentOf() read commands, also behind Telnet's signals", () => {
    const verb = (line: string): number => verbOf(Buffer.from(line, "latin1"), 0, line.length);
    for (const [line, expected] of [
      ["USER alice", "USER"],
      ["pasv", "PASV"],
      ["\xff\xf4\xff\xf2ABOR", "ABOR"],
      ["CWD  a b ", "CWD"],
      ["PWD", "PWD"],
    ] as const)
      assert.equal(verb(line), verbNumber(expected), line);
    for (const line of [
      "",
      "AB",
      "ABCDE",
      "US3R x",
      " USER x",
      "USER\tx",
      "\xff\xff\xff\xff\xff\xff\xffUSER x",
      "GET/ x",
      "[\\]^",
    ])
      assert.equal(verb(line), 0, line);
    assert.deepEqual(["USER alice", "PASV", "CWD  a b "].map(argumentOf), ["alice", "", "a b"]);
  });

  test("replyCodeOf() and isOpenReply() read replies, and nothing behind their end", () => {
    const code = (line: string): number => replyCodeOf(Buffer.from(`${line}-`), 0, line.length);
    const lines = ["220 x", "220-x", "220", "227=x", "20 x", "920 x", "22a x", "", " 220 x", "22"];
    assert.deepEqual(lines.map(code), [220, 220, 220, 0, 0, 0, 0, 0, 0, 0]);
    const isOpen = (line: string): boolean => isOpenReply(Buffer.from(`${line}-`), 0, line.length);
    assert.deepEqual(["220 x", "220-x", "220"].map(isOpen), [false, true, false]);
  });

  test("no line makes a port that was not in it", () => {
    const part = fc.constantFrom(
      "227",
      "229",
      " ",
      "(",
      "|",
      ",",
      "1",
      "25",
      "195",
      "80",
      ")",
      "x",
      "2001:db8::7",
      "-",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const line = parts.join("");
        for (const found of [parsePasvReply(line), parsePort(line), parseEprt(line), parseEpsvReply(line)]) {
          if (found === null) continue;
          const high = found.port >> 8;
          assert.ok(line.includes(String(found.port)) || line.includes(`,${high},${found.port & 255}`), line);
        }
      }),
    );
  });
});
