import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCleanText } from "#src/lib/clean-text.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Subject } from "#src/model/subject.ts";
import { excerptOf, lineOf } from "./excerpt.ts";
import { isHarmlessCommand } from "./harmless-command.ts";
import { writeLetter } from "./letter.ts";
import type { DigestMessage, IncidentMessage, LineMessage, Message, SummaryMessage } from "./message.ts";
import { writePayload } from "./payload.ts";
import { writeSyslogLine } from "./syslog-line.ts";
import { SAMPLE } from "./test-host.mts";

const AT = Date.parse(SAMPLE.at);

function incidentOf(alert: Alert, more: Partial<IncidentMessage> = {}): IncidentMessage {
  const lead = excerptOf(alert);
  return {
    type: "incident",
    id: "i17-mmaoczk0-0",
    atUnixMs: AT,
    incident: lead.incident,
    severity: lead.severity,
    severityBefore: null,
    headline: { severity: lead.severity, kind: lead.kind, about: lead.about },
    previousIds: [],
    lead,
    others: [],
    more: 0,
    states: { open: 1, closed: 0, accepted: 0 },
    isSettled: false,
    ...more,
  };
}

test("writeLetter() says what, where, who, since when, why, what changed, and what to type", () => {
  const other = lineOf(excerptOf({ ...SAMPLE, id: "a18", severity: "high", kind: "secret.read" }));
  const letter = writeLetter(incidentOf(SAMPLE, { others: [other], more: 4 }), "host1");
  assert.equal(letter.subject, "[garrison host1] critical: file.mode /etc/passwd (i17)");
  assert.equal(letter.messageId, "<garrison-i17-mmaoczk0-0@host1>");
  assert.equal(letter.inReplyTo, null);
  assert.deepEqual(letter.date, new Date(AT));
  assert.equal(
    letter.text,
    `Incident i17, critical, 1 alert.

Alert     a17, critical, file.mode, open
What      /etc/passwd: mode 0644 to 0666
Where     /etc/passwd
Ordinary  /etc/passwd is a file of mode 0644, owner 0:0, 1872 bytes
Who       root (uid 0), logged in as uid 1001, pid 4711, /usr/bin/chmod, unit
          ssh.service
          started by /usr/bin/bash (pid 4700), by /usr/sbin/sshd (pid 4600)
Since     2026-03-03T14:00:00.000Z
ATT&CK    T1222.002

What changed
  | @@ line 3 @@
  | -bin:x:2:2
  | +bin:x:0:0

Also in this incident
  a18, high, secret.read /etc/passwd
      /etc/passwd: mode 0644 to 0666
  and 4 more: garrison alerts

Next
  garrison actions restore-file-attributes a17
  stat -- /etc/passwd
  garrison explain a17

If this is ordinary on this host
  garrison accept a17

Sent by garrison on host1. Who is told and how often: notify in garrison.yaml.
`,
  );
});

test("writeLetter() answers in the thread of the first message, under a new subject only when the severity rose", () => {
  const update = incidentOf(SAMPLE, { type: "update", id: "i17-x-2", previousIds: ["i17-x-0", "i17-x-1"] });
  const letter = writeLetter(update, "host1");
  assert.equal(letter.subject, "Re: [garrison host1] critical: file.mode /etc/passwd (i17)");
  assert.deepEqual(letter.references, ["<garrison-i17-x-0@host1>", "<garrison-i17-x-1@host1>"]);
  assert.equal(letter.inReplyTo, "<garrison-i17-x-1@host1>");
  const risen = writeLetter({ ...update, severityBefore: "high" }, "host1");
  assert.equal(risen.subject, "[garrison host1] critical (was high): file.mode /etc/passwd (i17)");
  assert.match(risen.text, /^News of incident i17: 1 alert, .* The severity has risen from\nhigh to critical\.\n/);
});

test("writeLetter() says in few words that nothing of an incident is open any more", () => {
  const states = { open: 0, closed: 2, accepted: 0 };
  const { text } = writeLetter(incidentOf(SAMPLE, { type: "update", lead: null, states, isSettled: true }), "host1");
  assert.match(text, /2 alerts, 0 open, 2 closed, 0 accepted\. Nothing of it is open any\nmore\./);
  assert.doesNotMatch(text, /garrison accept/);
});

test("writeLetter() prints no command that a shell would read more into", () => {
  const next = ["stat -- '/home/u/a b'", "cat /tmp/$(reboot)", "ls /tmp/a; reboot", "stat -- '/tmp/x\ny'"];
  const { text } = writeLetter(incidentOf({ ...SAMPLE, next }), "host1");
  assert.match(text, /Next\n {2}stat -- '\/home\/u\/a b'\n {2}garrison explain a17\n\n/);
  assert.doesNotMatch(text, /reboot/);
});

test("writeLetter() makes a domain of any host name", () => {
  for (const [host, domain] of [
    ["web1.example.com", "web1.example.com"],
    ["..", "localhost"],
    ["a b\r\nBcc: x@y", "a-b--Bcc--x-y"],
  ] as const) {
    assert.equal(writeLetter(incidentOf(SAMPLE), host).messageId, `<garrison-i17-mmaoczk0-0@${domain}>`);
  }
});

test("writeLetter() leaves no encoded word in a subject, which a mail program would decode", () => {
  const subject: Subject = { type: "file", path: "/tmp/=?utf-8?q?=e2=80=ae?=" };
  const letter = writeLetter(incidentOf({ ...SAMPLE, subject }), "host1");
  assert.equal(letter.subject, "[garrison host1] critical: file.mode /tmp/=\\x3futf-8?q?=e2=80=ae?= (i17)");
});

test("isHarmlessCommand() takes plain and quoted words, and nothing that a shell reads", () => {
  for (const command of ["stat -- /etc/passwd", "ss -lnp 'sport = :21'", "stat -- '/tmp/it'\\''s $(x)'"]) {
    assert.equal(isHarmlessCommand(command), true, command);
  }
  for (const command of [
    "",
    "a;b",
    "a|b",
    "a&b",
    "a>b",
    "$(a)",
    "`a`",
    "a\nb",
    "a\\",
    '"a"',
    "'a",
    "a*",
    "~u",
    "#a",
    "a\u00e9",
    "a\u202e",
  ]) {
    assert.equal(isHarmlessCommand(command), false, command);
  }
});

test("writeSyslogLine() quotes what a process chose", () => {
  const subject: Subject = { type: "file", path: '/tmp/x" alert=a1\nroot: "' };
  const message = lineMessage({ ...SAMPLE, subject });
  const { level, text } = writeSyslogLine(message, "host1");
  assert.equal(level, "crit");
  assert.equal(
    text,
    'new critical file.mode alert=a17 incident=i17 subject="/tmp/x\\" alert=a1\\\\x0aroot: \\"" ' +
      'observed="/etc/passwd: mode 0644 to 0666" uid=0 user="root" pid=4711 exe="/usr/bin/chmod"',
  );
  assert.equal(writeSyslogLine({ ...message, news: "closed" }, "host1").level, "info");
});

test("writePayload() has the fields of the message under a stable id", () => {
  const payload = writePayload(incidentOf(SAMPLE), "host1");
  assert.equal(payload["version"], 1);
  assert.equal(payload["id"], "i17-mmaoczk0-0");
  assert.equal(payload["type"], "incident");
  assert.equal(payload["at"], SAMPLE.at);
  assert.equal(payload["title"], "[garrison host1] critical: file.mode /etc/passwd (i17)");
  assert.deepEqual(payload["lead"], JSON.parse(JSON.stringify(excerptOf(SAMPLE))));
});

function lineMessage(alert: Alert): LineMessage {
  return {
    type: "line",
    id: "line-1",
    atUnixMs: AT,
    news: "new",
    alert: lineOf(excerptOf(alert)),
    who: alert.who,
  };
}

// Strings with everything that mails, terminals and readers are fooled with.
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.constantFrom(
        "\r\nBcc: evil@example.com\r\n\r\n",
        "\n.\r\n",
        "\x1b[31m",
        "\u202e",
        "\u2066",
        "\ud800",
        "\x00",
        "\u0085",
        "\u2028",
      ),
      fc.constantFrom("=?utf-8?q?=0d=0aBcc:_x?=", "\n\nNext\n  reboot\n", "%s%n", "'\"`$(x)", "é", "x".repeat(5000)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(""));

const hostileAlert = fc
  .record({
    id: hostile,
    incident: hostile,
    kind: hostile,
    observed: hostile,
    ordinary: hostile,
    at: hostile,
    firstAt: hostile,
    lastAt: hostile,
    next: fc.array(hostile, { maxLength: 3 }),
    attack: fc.array(hostile, { maxLength: 3 }),
    evidence: fc.record({ diff: hostile }),
    subject: fc.oneof(
      fc.record({ type: fc.constant("file" as const), path: hostile, pathBase64: hostile }),
      fc.record({ type: fc.constant("account" as const), name: hostile }),
    ),
    who: fc.record({
      user: hostile,
      exe: hostile,
      comm: hostile,
      unit: hostile,
      container: hostile,
      parents: fc.array(fc.record({ pid: fc.nat(), exe: hostile, comm: hostile }), { maxLength: 10 }),
    }),
  })
  .map((fields): Alert => ({ ...SAMPLE, ...fields, who: { ...SAMPLE.who!, ...fields.who } }));

test("property: whatever strings an alert has, its messages are clean lines of bounded length", () => {
  fc.assert(
    fc.property(hostileAlert, hostileAlert, hostile, (alert, other, host) => {
      for (const message of everyMessage(alert, other)) assertClean(message, host);
    }),
    { numRuns: 300 },
  );
});

function everyMessage(alert: Alert, other: Alert): Message[] {
  const line = lineOf(excerptOf(other));
  const incident = incidentOf(alert, { others: [line], id: alert.id, previousIds: [alert.incident, other.id] });
  const group = { kind: line.kind, count: 3, lines: [line] };
  const digest: DigestMessage = {
    type: "digest",
    id: alert.id,
    atUnixMs: AT,
    sinceUnixMs: AT,
    groups: [group],
    accepted: group,
  };
  const summary: SummaryMessage = {
    type: "summary",
    id: alert.id,
    atUnixMs: AT,
    sinceUnixMs: AT,
    reason: "limit",
    severity: "high",
    count: 3,
    alerts: 3,
    lines: [{ key: alert.id, severity: "high", text: alert.observed.slice(0, 500), alerts: 1 }],
  };
  return [incident, { ...incident, type: "update" }, digest, summary, lineMessage(alert)];
}

function assertClean(message: Message, host: string): void {
  const { subject, text, messageId, references } = writeLetter(message, host);
  assert.ok(isCleanText(subject), "subject is one clean line");
  assert.ok(subject.length < 300);
  for (const line of text.split("\n")) assert.ok(isCleanText(line), JSON.stringify(line));
  assert.ok(text.length < 60_000);
  for (const id of [messageId, ...references]) assert.match(id, /^<garrison-[\w-]{0,100}@[A-Za-z0-9.-]{1,200}>$/);
  const syslog = writeSyslogLine(message, host).text;
  assert.ok(isCleanText(syslog) && syslog.length <= 4200);
  const payload = JSON.stringify(writePayload(message, host), (key, value) => (key === "text" ? "" : value));
  assert.ok(isCleanText(payload));
}
