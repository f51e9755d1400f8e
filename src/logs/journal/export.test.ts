import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JournalExport, MAX_MESSAGE_BYTES } from "./export.ts";

// journalctl of systemd 252.39 (Debian 12), shortened.
const FIRST = [
  "__CURSOR=s=5df69a76607a4d718c794cc19ad5fc0a;i=1;b=fedcba9876543210fedcba9876543210;m=6fa0b7b8;t=660dcca11eda6;x=26ef87ecd76d8408",
  "__REALTIME_TIMESTAMP=1795351259508134",
  "__MONOTONIC_TIMESTAMP=1872803768",
  "_BOOT_ID=fedcba9876543210fedcba9876543210",
  "SYSLOG_IDENTIFIER=sshd-session",
  "_TRANSPORT=syslog",
  "MESSAGE=Failed password for invalid user admin from 203.0.113.7 port 51514 ssh2",
  "_PID=87",
  "_UID=0",
  "_GID=0",
  "_COMM=sshd-session",
  "_EXE=/usr/lib/openssh/sshd-session",
  "_SYSTEMD_UNIT=ssh.service",
  "_HOSTNAME=web1.example.net",
  "",
  "",
].join("\n");
const FIRST_CURSOR =
  "s=5df69a76607a4d718c794cc19ad5fc0a;i=1;b=fedcba9876543210fedcba9876543210;m=6fa0b7b8;t=660dcca11eda6;x=26ef87ecd76d8408";
const HEAD = "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795351259508173\n";

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

function binary(name: string, value: Buffer, size = BigInt(value.length)): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(size);
  return Buffer.concat([latin1(`${name}\n`), length, value, latin1("\n")]);
}

test("JournalExport gives message, program, time and trusted fields of an entry that sshd-session wrote", () => {
  assert.deepEqual(new JournalExport().push(latin1(FIRST)), [
    {
      cursor: FIRST_CURSOR,
      message: "Failed password for invalid user admin from 203.0.113.7 port 51514 ssh2",
      trusted: {
        _TRANSPORT: "syslog",
        _PID: "87",
        _UID: "0",
        _GID: "0",
        _COMM: "sshd-session",
        _EXE: "/usr/lib/openssh/sshd-session",
        _SYSTEMD_UNIT: "ssh.service",
      },
      program: "sshd-session",
      atUnixMs: 1795351259508,
      endOffset: FIRST.length,
      isCut: false,
    },
  ]);
});

test("JournalExport keeps a message with newlines whole: what looks like fields in it is none", () => {
  const message = latin1("x\n_UID=0\n\n__CURSOR=s=9\nMESSAGE=Accepted\n\0\xff");
  const [entry, ...more] = new JournalExport().push(
    Buffer.concat([latin1(`${HEAD}_UID=1000\n`), binary("MESSAGE", message), latin1("\n")]),
  );
  assert.deepEqual(more, []);
  assert.deepEqual([entry?.message, entry?.trusted], [message.toString("latin1"), { _UID: "1000" }]);
});

test("JournalExport takes the first of a field that a client gave twice, and no trusted field of another name", () => {
  const [entry] = new JournalExport().push(latin1(`${HEAD}MESSAGE=one\nMESSAGE=two\nUID=0\n_FOO=1\n\n`));
  assert.deepEqual([entry?.message, entry?.trusted, entry?.program], ["one", {}, ""]);
});

test("JournalExport cuts a long message and says so, and does not hold what it does not keep", () => {
  const long = Buffer.alloc(MAX_MESSAGE_BYTES + 1, "m");
  const bytes = Buffer.concat([
    latin1(HEAD),
    binary("COREDUMP", Buffer.alloc(3 << 20)),
    binary("MESSAGE", long),
    latin1("\n"),
  ]);
  const [entry] = new JournalExport().push(bytes);
  assert.deepEqual([entry?.message.length, entry?.isCut], [MAX_MESSAGE_BYTES, true]);
  const [exact] = new JournalExport().push(
    Buffer.concat([latin1(HEAD), binary("MESSAGE", long.subarray(1)), latin1("\n")]),
  );
  assert.deepEqual([exact?.message.length, exact?.isCut], [MAX_MESSAGE_BYTES, false]);
});

test("JournalExport refuses what journalctl does not write", () => {
  const wrong: Readonly<Record<string, Buffer>> = {
    "a name in small letters": latin1("message=x\n"),
    "a field without a name": latin1("=x\n"),
    "a long name": latin1(`${"A".repeat(65)}=x\n`),
    "data beyond all bounds": binary("MESSAGE", latin1("x"), 1n << 63n),
    "data without a newline behind it": Buffer.concat([binary("MESSAGE", latin1("x")).subarray(0, -1), latin1("y")]),
    "an entry without a cursor": latin1("__REALTIME_TIMESTAMP=1\nMESSAGE=x\n\n"),
    "an entry without a time": latin1("__CURSOR=s=1\n\n"),
    "a cursor that is an option": latin1("__CURSOR=--directory=/root\n__REALTIME_TIMESTAMP=1\n\n"),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    assert.throws(() => new JournalExport().push(bytes), { code: "GARRISON_JOURNAL_MALFORMED" }, what);
  }
});

test("JournalExport gives the same entries however the stream is cut", () => {
  const entry = fc
    .record({
      message: fc.uint8Array({ maxLength: 200 }),
      isBinary: fc.boolean(),
      other: fc.uint8Array({ maxLength: 50 }),
    })
    .map(({ message, isBinary, other }) => {
      const plain = Buffer.from(message.filter((byte) => byte !== 10));
      const field = isBinary
        ? binary("MESSAGE", Buffer.from(message))
        : Buffer.concat([latin1("MESSAGE="), plain, latin1("\n")]);
      const expected = (isBinary ? Buffer.from(message) : plain).toString("latin1");
      return {
        bytes: Buffer.concat([latin1(HEAD), binary("OTHER", Buffer.from(other)), field, latin1("\n")]),
        expected,
      };
    });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), fc.integer({ min: 1, max: 97 }), (entries, size) => {
      const stream = Buffer.concat(entries.map(({ bytes }) => bytes));
      const parser = new JournalExport();
      const found = [];
      for (let at = 0; at < stream.length; at += size) found.push(...parser.push(stream.subarray(at, at + size)));
      assert.deepEqual(
        found.map(({ message }) => message),
        entries.map(({ expected }) => expected),
      );
      assert.equal(found.at(-1)?.endOffset ?? 0, stream.length);
    }),
  );
});

test("JournalExport takes any bytes: entries, or GARRISON_JOURNAL_MALFORMED", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map(Buffer.from),
    fc.constantFrom(FIRST, HEAD, "MESSAGE\n", "MESSAGE=", "\n", "\n\n").map(latin1),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
      const parser = new JournalExport();
      try {
        for (const one of parts) for (const { cursor } of parser.push(one)) assert.match(cursor, /^[0-9a-z=;]+$/);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "GARRISON_JOURNAL_MALFORMED");
      }
    }),
  );
});
