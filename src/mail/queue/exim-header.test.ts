import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parseEximHeader } from "./exim-header.ts";
import type { QueuedMessage } from "./message.ts";

/** As Exim 4.96 wrote them, but for names and addresses. */
const LOCAL = `1xV6sx-00006m-0v-H
alice 2001 2001
<alice@web1.example.net>
1795351295 0
-received_time_usec .285154
-received_time_complete 1795351295.285284
-ident alice
-received_protocol local
-body_linecount 1
-max_received_linelength 77
-auth_id alice
-auth_sender alice@web1.example.net
-allow_unqualified_recipient
-allow_unqualified_sender
-local
-tls_resumption A
XX
1
r2@grey.example.org

186P Received: from alice by web1.example.net with local (Exim 4.96)
	(envelope-from <alice@web1.example.net>)
	id 1xV6sx-00006m-0v
	for r2@grey.example.org;
	Sun, 22 Nov 2026 12:41:35 +0000
024T To: r2@grey.example.org
017  Subject: hello 2
078  X-PHP-Script: alice.example/wp-content/plugins/x/mailer.php for 198.51.100.23
049I Message-Id: <E1xV6sx-00006m-0v@web1.example.net>
029F From: alice@web1.example.net
038  Date: Sun, 22 Nov 2026 12:41:35 +0000
`;

const AUTHENTICATED = `1xV6sx-00007l-1X-H
Debian-exim 102 105
<info@alice.example>
1795351295 0
--helo_name DESKTOP-1
-host_address [198.51.100.23]:37109
-host_auth dovecot_login
-interface_address [203.0.113.9]:587
-received_protocol esmtpa
--auth_id info@alice.example
NN v2@good.example.org
2
v1@grey.example.org
v2@good.example.org

044T To: v1@grey.example.org,v2@good.example.org
`;

const FROZEN = `1xV6sy-000082-0p-H
Debian-exim 102 105
<spam@evil.example>
1795351296 0
-host_address [2001:db8::77]:54531
-received_protocol esmtp
-frozen 1795351298
XX
1
alice@web1.example.net

`;

const BOUNCE = `16VDhn-000000001bo-D342-H
Debian-exim 102 105
<>
1795351295 0
-ident Debian-exim
-received_protocol local
-localerror
XX
1
nosuch@dead.example.org

045  X-Failed-Recipients: nobody@good.example.org
`;

function parse(text: string): QueuedMessage | null {
  return parseEximHeader(Buffer.from(text, "latin1"));
}

/** A local message with more options, and with other headers. */
function withText(options: string, headers = ""): QueuedMessage {
  const [before = "", behind = ""] = LOCAL.split("-local\n");
  const [envelope = ""] = behind.split("\n\n");
  const message = parse(`${before}${options}-local\n${envelope}\n\n${headers}`);
  assert.ok(message !== null);
  return message;
}

function header(text: string, letter = " "): string {
  return `${String(text.length + 1).padStart(3, "0")}${letter} ${text}\n`;
}

suite("header files of Exim", () => {
  test("parseEximHeader() tells account, script and time of a message of this host", () => {
    assert.deepEqual(parse(LOCAL), {
      receivedUnixMs: 1_795_351_295_000,
      sender: "alice@web1.example.net",
      account: "alice",
      uid: 2001,
      mailbox: null,
      client: null,
      script: "alice.example/wp-content/plugins/x/mailer.php",
      recipients: 1,
      isFrozen: false,
      isCut: false,
    });
  });

  test("parseEximHeader() tells mailbox and client of an authenticated message, whose account is Exim's own", () => {
    const { account, uid, mailbox, client, script, recipients } = parse(AUTHENTICATED) ?? assert.fail();
    assert.deepEqual(
      { account, uid, mailbox, client, script, recipients },
      {
        account: null,
        uid: null,
        mailbox: "info@alice.example",
        client: "198.51.100.23",
        script: null,
        recipients: 2,
      },
    );
  });

  test("parseEximHeader() tells that a message is frozen, and its client by IPv6", () => {
    const { isFrozen, client } = parse(FROZEN) ?? assert.fail();
    assert.deepEqual([isFrozen, client], [true, "2001:db8::77"]);
  });

  test("parseEximHeader() tells a bounce, which nobody of this host has sent, also by an id of Exim 4.97", () => {
    const { sender, account, recipients } = parse(BOUNCE) ?? assert.fail();
    assert.deepEqual([sender, account, recipients], ["", null, 1]);
  });

  test("parseEximHeader() passes over the addresses that are done with", () => {
    const tree = "YY b@x.example\nNY a@x.example\nNN aa@x.example\nNN c@x.example\n";
    assert.equal(parse(AUTHENTICATED.replace("NN v2@good.example.org\n", tree))?.recipients, 2);
  });

  test("parseEximHeader() reads options as 4.94 and later write them: tainted, quoted", () => {
    assert.equal(parse(AUTHENTICATED.replace("--auth_id ", "--(mysql)auth_id "))?.mailbox, "info@alice.example");
    assert.equal(parse(AUTHENTICATED.replace("[198.51.100.23]:37109", "198.51.100.23.37109"))?.client, "198.51.100.23");
  });

  test("parseEximHeader() prefers the header that tells a folder, and takes no header that was exchanged", () => {
    const origin = header("X-PHP-Originating-Script: 2001:mailer.php");
    assert.equal(withText("", origin).script, "2001:mailer.php");
    assert.equal(
      withText("", origin + header("X-Source-Dir: alice.example:/public_html/blog")).script,
      "alice.example:/public_html/blog",
    );
    assert.equal(withText("", header("X-Source-Dir: a.example:/x", "*") + origin).script, "2001:mailer.php");
    assert.equal(withText("", header(`Subject: ${"x".repeat(1200)}`) + origin).script, "2001:mailer.php");
  });
});

suite("header files that were made to deceive", () => {
  test("parseEximHeader() takes no option out of the value of an ACL variable", () => {
    const value = "x\n-frozen 1\n-host_address [192.0.2.1]:1\n--auth_id root";
    for (const name of ["-aclm _x", "--aclm _x", "-aclc 0", "-acl 10"]) {
      const { isFrozen, client, account } = withText(`${name} ${value.length}\n${value}\n`);
      assert.deepEqual([isFrozen, client, account], [false, null, "alice"], name);
    }
  });

  test("parseEximHeader() takes no script out of another header, nor from an SMTP client", () => {
    const fold = "Subject: x\n078  X-PHP-Script: bob.example/x.php\n\tX-Source-Dir: bob.example:/x";
    assert.equal(withText("", header(fold)).script, null);
    assert.equal(parse(`${AUTHENTICATED}${header("X-PHP-Script: bob.example/x.php for 192.0.2.1")}`)?.script, null);
  });

  test("parseEximHeader() takes no account out of a sender or an authenticated name", () => {
    assert.equal(withText("-auth_id root\n-ident root\n").account, "alice");
    assert.equal(parse(LOCAL.replace("<alice@web1.example.net>\n", "<root 0 0\n>\n")), null);
  });

  test("parseEximHeader() takes names only as long as they are shown, as text", () => {
    const { script } = withText("", header(`X-PHP-Script: ${"\xff\x1b".repeat(5000)}`));
    assert.ok((script?.length ?? 0) <= 200);
    assert.equal(withText("", header("X-PHP-Script: caf\xc3\xa9.example/x.php for 1")).script, "café.example/x.php");
  });

  for (const [what, text] of [
    ["another file", "1xV6sx-00006m-0v-D\nhello\n"],
    ["nothing", ""],
    ["an end within the first lines", LOCAL.slice(0, 40)],
    ["no owner", LOCAL.replace("alice 2001 2001", "alice")],
    ["a sender without <>", LOCAL.replace("<alice@web1.example.net>\n", "alice\n")],
    ["a time that is none", LOCAL.replace("1795351295 0", "9".repeat(40))],
    ["NULs behind a crash", "\0".repeat(4096)],
  ] as const) {
    test(`parseEximHeader() gives null for ${what}`, () => assert.equal(parse(text), null));
  }

  test("parseEximHeader() takes a beginning of any length, and says that it was cut rather than name another account", () => {
    for (const [text, account] of [
      [LOCAL, "alice"],
      [AUTHENTICATED, null],
    ] as const)
      for (let length = 0; length <= text.length; length++) {
        const message = parse(text.slice(0, length));
        assert.ok(message === null || message.account === account || (message.account === null && message.isCut));
      }
  });

  test("parseEximHeader() takes any bytes in place of any part", () => {
    const texts = fc.constantFrom(LOCAL, AUTHENTICATED, FROZEN, BOUNCE);
    fc.assert(
      fc.property(texts, fc.nat(1000), fc.nat(300), fc.uint8Array({ maxLength: 300 }), (text, at, cut, bytes) => {
        const whole = Buffer.concat([Buffer.from(text.slice(0, at)), bytes, Buffer.from(text.slice(at + cut))]);
        const message = parseEximHeader(whole);
        if (message === null) return;
        for (const one of [message.sender, message.account, message.mailbox, message.script])
          assert.ok(one === null || one.length <= 200);
        assert.ok(Number.isSafeInteger(message.recipients) && (message.uid ?? 0) >= 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("parseEximHeader() needs no longer for a file that was made to be slow", () => {
    const head = `${LOCAL.split("\n").slice(0, 4).join("\n")}\n`;
    for (const filling of ["-", "-aclm x 1\n", "YY a\n", "100  x\n", "1\n", "999999999  ", "X-PHP-Script: "]) {
      const bytes = Buffer.from(`${head}${filling.repeat(16_384 / filling.length)}`);
      for (let run = 0; run < 50; run++) assert.ok(parseEximHeader(bytes) !== undefined);
    }
  });
});
