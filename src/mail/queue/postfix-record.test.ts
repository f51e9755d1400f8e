import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import type { QueuedMessage } from "./message.ts";
import { parsePostfixMessage } from "./postfix-record.ts";

type Record = readonly [type: string, text: string];

function record([type, text]: Record): Buffer {
  const data = Buffer.from(text, "latin1");
  const length: number[] = [];
  for (let left = data.length; ; left >>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from(type), Buffer.from(length), data]);
}

function file(records: readonly Record[]): Buffer {
  return Buffer.concat(records.map(record));
}

function parse(records: readonly Record[], queue = "deferred", ownerUid: number | null = 64_001): QueuedMessage {
  return parsePostfixMessage(file(records), { queue, ownerUid }) ?? assert.fail();
}

const SIZES: Record = [
  "C",
  "            363             634               1               0             363               0",
];

/** As Postfix 3.7.11 wrote it for an SMTP client. */
const BY_SMTP: readonly Record[] = [
  SIZES,
  ["T", "1795522974 380126"],
  ["A", "create_time=1795522974"],
  ["A", "log_ident=5CE9F228424"],
  ["A", "rewrite_context=local"],
  ["S", "bob@example.com"],
  ["A", "log_client_address=198.51.100.23"],
  ["A", "client_address=198.51.100.23"],
  ["A", "sasl_method=PLAIN"],
  ["A", "sasl_username=info@alice.example"],
  ["O", "x@example.org"],
  ["R", "x@example.org"],
  ["M", ""],
  ["N", "Received: from vm (client [198.51.100.23])"],
  ["N", "\tby web1.example.net (Postfix) with SMTP id 5CE9F228424"],
  ["N", "From: <bob@example.com>"],
  ["N", ""],
  ["N", "La de da de da 1."],
  ["X", ""],
  ["E", ""],
];

/** As it wrote it for `sendmail -t`. */
const BY_SENDMAIL: readonly Record[] = [
  SIZES,
  ["T", "1795522973 123456"],
  ["A", "create_time=1795522973"],
  ["A", "rewrite_context=local"],
  ["F", "Alice"],
  ["S", "alice@web1.example.net"],
  ["M", ""],
  ["N", "Received: by web1.example.net (Postfix, from userid 2001)"],
  ["N", "\tid A6CB72280D5; Tue, 24 Nov 2026 12:22:53 +0000 (UTC)"],
  ["N", "X-PHP-Originating-Script: 2001:mailer.php"],
  ["N", "To: r@example.org"],
  ["N", ""],
  ["X", ""],
  ["R", "r@example.org"],
  ["E", ""],
];

suite("queue files of Postfix", () => {
  test("parsePostfixMessage() tells mailbox and client of a message that came by SMTP", () => {
    assert.deepEqual(parse(BY_SMTP), {
      receivedUnixMs: 1_795_522_974_000,
      sender: "bob@example.com",
      account: null,
      uid: null,
      mailbox: "info@alice.example",
      client: "198.51.100.23",
      script: null,
      recipients: 1,
      isFrozen: false,
      isCut: false,
    });
  });

  test("parsePostfixMessage() tells account and script of a message of this host, and how many it is for", () => {
    const { account, uid, script, recipients } = parse(BY_SENDMAIL);
    assert.deepEqual(
      { account, uid, script, recipients },
      { account: "uid 2001", uid: 2001, script: "2001:mailer.php", recipients: 1 },
    );
  });

  test("parsePostfixMessage() tells by the owner whose a message in maildrop is", () => {
    const fresh = BY_SENDMAIL.filter(
      ([type, text]) => type !== "C" && !text.startsWith("Received") && !text.startsWith("\t"),
    );
    assert.deepEqual(
      [parse(fresh, "maildrop", 2001).account, parse(fresh, "maildrop", null).account],
      ["uid 2001", null],
    );
  });

  test("parsePostfixMessage() tells a bounce, and what is on hold", () => {
    const bounce = BY_SMTP.map((one): Record => (one[0] === "S" ? ["S", ""] : one));
    assert.deepEqual([parse(bounce).sender, parse(bounce, "hold").isFrozen], ["", true]);
  });

  test("parsePostfixMessage() reads records longer than 127 bytes", () => {
    const long: readonly Record[] = [["A", `x=${"y".repeat(1000)}`], ...BY_SMTP];
    assert.equal(parse(long).sender, "bob@example.com");
  });
});

suite("queue files that were made to deceive", () => {
  test("parsePostfixMessage() takes no account from a header below Postfix's own, nor from an SMTP client", () => {
    const forged: Record = ["N", "Received: by web1.example.net (Postfix, from userid 0)"];
    const begin = BY_SMTP.findIndex(([type]) => type === "M") + 1;
    assert.equal(parse(BY_SMTP.toSpliced(begin, 0, forged)).account, null);
    const own = BY_SENDMAIL.findIndex(([, text]) => text.startsWith("X-PHP"));
    assert.equal(parse(BY_SENDMAIL.toSpliced(own, 0, forged)).account, "uid 2001");
  });

  test("parsePostfixMessage() takes no script from the body or from an SMTP client", () => {
    const script: Record = ["N", "X-PHP-Script: bob.example/x.php for 192.0.2.1"];
    const end = BY_SENDMAIL.findIndex(([type, text]) => type === "N" && text === "") + 1;
    const plain = BY_SENDMAIL.filter(([, text]) => !text.startsWith("X-PHP"));
    assert.equal(parse(plain.toSpliced(end - 1, 0, script)).script, null);
    assert.equal(parse(BY_SMTP.toSpliced(13, 0, script)).script, null);
  });

  for (const [what, bytes] of [
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("hello\n")],
    ["NULs", Buffer.alloc(4096)],
    ["a length without end", Buffer.from([0x53, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ["a record longer than the file", Buffer.from([0x53, 0x7f, 0x61])],
  ] as const) {
    test(`parsePostfixMessage() gives null for ${what}`, () =>
      assert.equal(parsePostfixMessage(bytes, { queue: "deferred", ownerUid: 0 }), null));
  }

  test("parsePostfixMessage() takes a beginning of any length", () => {
    const whole = file(BY_SMTP);
    for (let length = 0; length <= whole.length; length++) {
      const message = parsePostfixMessage(whole.subarray(0, length), { queue: "active", ownerUid: 0 });
      assert.ok(message === null || message.account === null);
    }
  });

  test("parsePostfixMessage() takes any bytes in place of any part", () => {
    const files = fc.constantFrom(file(BY_SMTP), file(BY_SENDMAIL));
    fc.assert(
      fc.property(files, fc.nat(600), fc.nat(200), fc.uint8Array({ maxLength: 200 }), (whole, at, cut, bytes) => {
        const changed = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + cut)]);
        const message = parsePostfixMessage(changed, { queue: "deferred", ownerUid: 0 });
        if (message === null) return;
        for (const one of [message.sender, message.account, message.mailbox, message.script])
          assert.ok(one === null || one.length <= 200);
        assert.ok(Number.isSafeInteger(message.recipients) && (message.uid ?? 0) >= 0);
      }),
      { numRuns: 2000 },
    );
  });
});
