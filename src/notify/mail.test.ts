import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { isCleanText } from "#src/lib/clean-text.ts";
import { errorText } from "#src/lib/errors.ts";
import { openMail } from "./mail.ts";
import type { TestMessage } from "./message.ts";
import type { MailOptions, NotifyOptions } from "./options.ts";
import { HOUR, MINUTE, SAMPLE, START, TestHost } from "./test-host.mts";
import { isRefusal } from "./transport.ts";

const TEST_MESSAGE: TestMessage = { type: "test", id: "test-1", atUnixMs: START };

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
}

/** A real SMTP server on loopback that keeps what it gets. */
class Mailbox implements AsyncDisposable {
  readonly mails: Mail[] = [];
  readonly #server: SMTPServer;

  constructor(options: SMTPServerOptions = {}) {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      closeTimeout: 100,
      onData: (stream, { envelope: { mailFrom, rcptTo } }, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const from = mailFrom === false ? "" : mailFrom.address;
          this.mails.push({
            from,
            to: rcptTo.map(({ address }) => address),
            raw: Buffer.concat(chunks).toString("utf8"),
          });
          done();
        });
      },
      ...options,
    });
    this.#server.on("error", () => {});
  }

  async open(port = 0): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(port, "127.0.0.1", resolve);
    await promise;
    return (this.#server.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(resolve);
    await promise;
  }
}

/** A host that mails to a real SMTP server. */
class Host extends TestHost {
  constructor(port: number, options: Partial<NotifyOptions> = {}) {
    super({ mail: mailOptions(port), syslog: false, ...options });
  }
}

function mailOptions(port: number, more: Partial<MailOptions> = {}): MailOptions {
  return {
    from: "garrison@host1",
    to: ["root@localhost"],
    host: "127.0.0.1",
    port,
    security: "none",
    user: null,
    password: null,
    ...more,
  };
}

/** Headers by lower-case name, unfolded and decoded (RFC 2047), in order; text decoded (RFC 2045). */
function parseMail(mail: Mail | undefined): {
  headers: readonly (readonly [string, string])[];
  header: (name: string) => string;
  text: string;
} {
  assert.ok(mail !== undefined, "a mail has arrived");
  const gap = mail.raw.indexOf("\r\n\r\n");
  const headers = mail.raw
    .slice(0, gap)
    .replace(/\r\n[ \t]+/g, " ")
    .split("\r\n")
    .map(
      (line) =>
        [line.slice(0, line.indexOf(":")).toLowerCase(), decodeWords(line.slice(line.indexOf(":") + 2))] as const,
    );
  const header = (name: string): string => headers.find(([one]) => one === name)?.[1] ?? "";
  const body = mail.raw.slice(gap + 4);
  const encoding = header("content-transfer-encoding");
  const text =
    encoding === "quoted-printable"
      ? decodeQuoted(body.replace(/=\r\n/g, ""))
      : encoding === "base64"
        ? Buffer.from(body, "base64").toString()
        : body;
  return { headers, header, text: text.replaceAll("\r\n", "\n") };
}

function decodeWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?UTF-8\?([QB])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
      kind.toUpperCase() === "B" ? Buffer.from(word, "base64").toString() : decodeQuoted(word.replaceAll("_", " ")),
    );
}

function decodeQuoted(text: string): string {
  return Buffer.from(
    text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString();
}

test("Notifier mails one cause once, with headers that no autoresponder answers", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  host.tell("new", { id: "a1" });
  host.tell("new", { id: "a2", severity: "high", kind: "file.content" });
  for (let count = 2; count < 50; count++) host.tell("update", { id: "a1", count });
  await host.pass(HOUR);
  assert.equal(mailbox.mails.length, 1);
  const { header, text } = parseMail(mailbox.mails[0]);
  assert.deepEqual(mailbox.mails[0]?.to, ["root@localhost"]);
  assert.equal(mailbox.mails[0]?.from, "garrison@host1");
  assert.equal(header("subject"), "[garrison host1] critical: file.mode /etc/passwd (i17)");
  assert.equal(header("from"), "garrison host1 <garrison@host1>");
  assert.equal(header("auto-submitted"), "auto-generated");
  assert.equal(header("precedence"), "bulk");
  assert.equal(Date.parse(header("date")), START + 2000);
  assert.match(header("content-type"), /^text\/plain; charset=utf-8/i);
  assert.match(text, /^Who {7}root \(uid 0\), logged in as uid 1001, pid 4711/m);
  assert.match(text, /^ {2}garrison accept a1$/m);
  assert.match(text, /^ {2}a2, high, file\.content \/etc\/passwd$/m);
});

test("Notifier mails updates into the thread of the first mail", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  host.tell("new", { id: "a1" });
  await host.pass(MINUTE);
  host.tell("new", { id: "a2" });
  await host.pass(HOUR);
  host.tell("closed", { id: "a1", state: "closed" });
  host.tell("closed", { id: "a2", state: "closed" });
  await host.pass(HOUR);
  const [first, second, third] = mailbox.mails.map((mail) => parseMail(mail));
  assert.equal(mailbox.mails.length, 3);
  const root = first!.header("message-id");
  assert.match(root, /^<garrison-i17-[0-9a-z]+-0@host1>$/);
  assert.equal(first!.header("references"), "");
  assert.equal(second!.header("in-reply-to"), root);
  assert.equal(second!.header("references"), root);
  assert.equal(third!.header("references"), `${root} ${second!.header("message-id")}`);
  assert.equal(third!.header("subject"), `Re: ${first!.header("subject")}`);
  assert.match(third!.text, /Nothing of it is open any\s+more/);
});

test("Notifier mails lesser alerts in one digest", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  for (let alert = 0; alert < 12; alert++)
    host.tell("new", { id: `a${alert}`, incident: `i${alert}`, severity: "low" });
  await host.pass(23 * HOUR);
  assert.equal(mailbox.mails.length, 0);
  await host.pass(49 * HOUR);
  assert.equal(mailbox.mails.length, 1);
  const { header, text } = parseMail(mailbox.mails[0]);
  assert.equal(header("subject"), "[garrison host1] digest: 12 alerts of 1 kind");
  assert.match(text, /^file\.mode \(12\)$/m);
});

test("Notifier mails no more than maxPerHour, then one summary", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open(), { maxPerHour: 3 });
  for (let alert = 0; alert < 15; alert++) host.tell("new", { id: `a${alert}`, incident: `i${alert}` });
  await host.pass(50 * MINUTE);
  assert.equal(mailbox.mails.length, 3);
  await host.pass(HOUR);
  assert.equal(mailbox.mails.length, 4);
  assert.equal(
    parseMail(mailbox.mails[3]).header("subject"),
    "[garrison host1] critical: 12 more incidents, run garrison alerts",
  );
});

test("Notifier never mails a drill", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  host.tell("new", { drill: "files" });
  host.tell("closed", { drill: "files" });
  await host.pass(48 * HOUR);
  assert.equal(mailbox.mails.length, 0);
});

test("Notifier keeps mails while the server is down, says so once, and sends them when it is back", async () => {
  const port = await portOfClosedServer();
  const host = new Host(port);
  host.tell("new", {});
  await host.pass(10 * MINUTE);
  const down = host.notifier.status()[0]!;
  assert.equal(down.isFailing, true);
  assert.equal(down.queued, 1);
  assert.match(down.lastFailure ?? "", /^Cannot deliver message to smtp 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
  assert.deepEqual(host.errors, ["notices cannot be delivered"]);
  await using mailbox = new Mailbox();
  await mailbox.open(port);
  await host.pass(30 * MINUTE);
  assert.equal(mailbox.mails.length, 1);
  const up = host.notifier.status()[0]!;
  assert.deepEqual([up.isFailing, up.queued], [false, 0]);
  assert.ok(up.lastSuccessUnixMs !== null);
});

test("Notifier mails nothing twice after kill -9 with its saved state, and nothing is lost", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  host.tell("new", { id: "a1" });
  host.restart();
  await host.pass(MINUTE);
  assert.equal(mailbox.mails.length, 1, "what waited to be grouped is mailed by the next process");
  host.tell("new", { id: "a2", incident: "i2", severity: "low" });
  host.restart();
  host.tell("new", { id: "a1" });
  host.tell("new", { id: "a2", incident: "i2", severity: "low" });
  await host.pass(HOUR);
  host.restart();
  await host.pass(48 * HOUR);
  const subjects = mailbox.mails.map((mail) => parseMail(mail).header("subject"));
  assert.deepEqual(subjects, [
    "[garrison host1] critical: file.mode /etc/passwd (i17)",
    "[garrison host1] digest: 1 alert of 1 kind",
  ]);
});

test("Notifier repeats a mail under the same Message-ID when it was killed before it could save that it is sent", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  host.tell("new", {});
  const before = host.saved;
  await host.pass(MINUTE);
  host.saved = before;
  host.restart();
  host.nowUnixMs = START;
  await host.pass(MINUTE);
  const [first, second] = mailbox.mails.map((mail) => parseMail(mail).header("message-id"));
  assert.equal(mailbox.mails.length, 2);
  assert.equal(first, second);
});

test("Notifier.test() mails what is clearly a test, past the limit", async () => {
  await using mailbox = new Mailbox();
  const host = new Host(await mailbox.open());
  const [result] = await host.notifier.test();
  assert.equal(result?.channel, "mail");
  assert.equal(result?.ok, true);
  assert.match(result?.detail ?? "", /^250/);
  assert.equal(
    parseMail(mailbox.mails[0]).header("subject"),
    "[garrison host1] test: this is a test, nothing has happened",
  );
});

test("openMail() requires the encryption that is configured: no STARTTLS, no mail", async () => {
  await using mailbox = new Mailbox();
  const send = openMail(mailOptions(await mailbox.open(), { security: "starttls" }), "host1");
  await assert.rejects(send(TEST_MESSAGE, new AbortController().signal), { code: "GARRISON_DELIVERY_FAILED" });
  assert.equal(mailbox.mails.length, 0);
});

test("openMail() does not trust a certificate that nobody signed", async () => {
  await using mailbox = new Mailbox({ disabledCommands: [], logger: false });
  const send = openMail(mailOptions(await mailbox.open(), { security: "starttls" }), "host1");
  await assert.rejects(send(TEST_MESSAGE, new AbortController().signal), (error) =>
    /certificate/.test(errorText(error)),
  );
  assert.equal(mailbox.mails.length, 0);
});

test("openMail() logs in, and tells who was refused", async () => {
  await using mailbox = new Mailbox({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === "u" && password === "p" ? done(null, { user: "u" }) : done(new Error("no")),
    onRcptTo: ({ address }, _session, done) => done(address.startsWith("gone") ? new Error("no such user") : null),
  });
  const port = await mailbox.open();
  const to = ["root@localhost", "gone@localhost"];
  const send = openMail(mailOptions(port, { user: "u", password: "p", to }), "host1");
  assert.match(await send(TEST_MESSAGE, new AbortController().signal), /^250 .*, refused: gone@localhost$/);
  assert.deepEqual(mailbox.mails[0]?.to, ["root@localhost"]);
});

test("openMail() knows a refusal for good from one that may pass", async () => {
  for (const [responseCode, isForGood] of [
    [554, true],
    [451, false],
  ] as const) {
    await using mailbox = new Mailbox({
      onMailFrom: (_address, _session, done) => done(Object.assign(new Error("no"), { responseCode })),
    });
    const send = openMail(mailOptions(await mailbox.open()), "host1");
    const error = await send(TEST_MESSAGE, new AbortController().signal).catch((reason: unknown) => reason);
    assert.ok(error instanceof Error);
    assert.equal(isRefusal(error), isForGood);
  }
});

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.constantFrom(
        "\r\nBcc: evil@example.com\r\n\r\n",
        "\r\n.\r\n",
        "\x1b]0;x\x07",
        "\u202e",
        "\ud800",
        "\0",
        "\u2028",
        "é",
        ", ",
      ),
      fc.constantFrom("=?utf-8?q?=0d=0aBcc:_x?=", "\n.\nMAIL FROM:<x@y>\n", "x".repeat(2000)),
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join(""));

test("property: no name makes a header, a recipient, a second mail or a control character", async () => {
  await using mailbox = new Mailbox();
  const port = await mailbox.open();
  await fc.assert(
    fc.asyncProperty(hostile, hostile, hostile, async (path, observed, exe) => {
      mailbox.mails.splice(0);
      const host = new Host(port);
      const who = { ...SAMPLE.who!, exe, user: exe };
      host.tell("new", {
        subject: { type: "file", path },
        observed,
        ordinary: observed,
        kind: path,
        evidence: { diff: observed },
        who,
      });
      await host.pass(MINUTE);
      assert.equal(mailbox.mails.length, 1);
      assert.deepEqual(mailbox.mails[0]?.to, ["root@localhost"]);
      const { headers, header, text } = parseMail(mailbox.mails[0]);
      assert.deepEqual(headers.map(([name]) => name).toSorted(), HEADER_NAMES);
      assert.ok(isCleanText(header("subject")), JSON.stringify(header("subject")));
      for (const line of text.split("\n")) assert.ok(isCleanText(line), JSON.stringify(line));
    }),
    { numRuns: 40 },
  );
});

const HEADER_NAMES = [
  "auto-submitted",
  "content-transfer-encoding",
  "content-type",
  "date",
  "from",
  "message-id",
  "mime-version",
  "precedence",
  "subject",
  "to",
  "x-auto-response-suppress",
];

async function portOfClosedServer(): Promise<number> {
  await using mailbox = new Mailbox();
  return await mailbox.open();
}
