import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { isSipBegin, parseSip } from "./parse-sip.ts";

const BODY = [
  "v=0",
  "o=- 1 1 IN IP4 192.0.2.1",
  "s=-",
  "c=IN IP4 192.0.2.1",
  "t=0 0",
  "m=audio 49170 RTP/AVP 0",
  "m=video 51372 RTP/SAVPF 99",
  "c=IN IP6 2001:DB8::5",
  "a=rtcp:53020 IN IP6 2001:db8::5",
  "m=application 9000 TCP/MSRP *",
  "m=audio 0 RTP/AVP 0",
];

function message(first: string, head: string, body: readonly string[] = BODY): string {
  return `${first}\r\nVia: SIP/2.0/UDP x\r\n${head}\r\nCSeq: 1 INVITE\r\n\r\n${body.join("\r\n")}\r\n`;
}

suite("parseSip()", () => {
  test("parseSip() reads the call, who speaks, and where RTP and RTCP are wanted", () => {
    const media = [
      { address: "192.0.2.1", port: 49_170 },
      { address: "192.0.2.1", port: 49_171 },
      { address: "2001:db8::5", port: 51_372 },
      { address: "2001:db8::5", port: 53_020 },
    ];
    assert.deepEqual(parseSip(message("INVITE sip:bob@example.net SIP/2.0", "Call-ID: a@b")), {
      callId: "a@b",
      isRequest: true,
      media,
    });
    assert.deepEqual(parseSip(message("SIP/2.0 183 Session Progress", "i:a@b")), {
      callId: "a@b",
      isRequest: false,
      media,
    });
  });

  test("parseSip() takes no refusal, no message without a call, and no port that cannot be", () => {
    assert.equal(parseSip(message("SIP/2.0 486 Busy Here", "Call-ID: a")), null);
    assert.equal(parseSip(message("INVITE sip:bob@example.net SIP/2.0", "Subject: a")), null);
    assert.equal(parseSip(message("INVITE sip:bob@example.net SIP/2.0", `Call-ID: ${"a".repeat(257)}`)), null);
    const odd = [
      "c=IN IP4 example.net",
      "m=audio 1000 RTP/AVP 0",
      "c=IN IP4 192.0.2.1",
      "m=audio 99999 RTP/AVP 0",
      "a=rtcp:0",
    ];
    const first = { address: "192.0.2.1", port: 1000 };
    assert.deepEqual(parseSip(message("ACK sip:x SIP/2.0", "Call-ID: a", odd))?.media, [
      first,
      { ...first, port: 1001 },
    ]);
    const many = Array.from({ length: 50 }, (_, index) => `m=audio ${2000 + index * 2} RTP/AVP 0`);
    assert.equal(
      parseSip(message("ACK sip:x SIP/2.0", "Call-ID: a", ["c=IN IP4 192.0.2.1", ...many]))?.media.length,
      16,
    );
  });

  test("parseSip() and isSipBegin() take any text", () => {
    const part = fc.constantFrom(
      "INVITE sip:",
      "SIP/2.0 200 ",
      "\r\n",
      "Call-ID: ",
      "c=IN IP4 192.0.2.1",
      "m=audio 4000 RTP",
      "a=rtcp:1",
      "\0",
      "x",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 40 }), (parts) => {
        const bytes = Buffer.from(parts.join(""), "latin1");
        const found = parseSip(bytes.toString("latin1"));
        assert.ok(found === null || found.media.length <= 16);
        assert.equal(typeof isSipBegin(bytes, 0, bytes.length), "boolean");
      }),
    );
  });
});
