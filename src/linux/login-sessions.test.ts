import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { formatNetwork } from "#src/lib/ip-network.ts";
import { type LoginSession, parseLogindSession, parseUtmp, readLoginSessions } from "./login-sessions.ts";
import { folderOf } from "./temp-folder.mts";

// As systemd 252 writes it.
const LOGIND = `# This is private data. Do not parse.
UID=0
USER=root
ACTIVE=1
IS_DISPLAY=0
STATE=active
REMOTE=1
TYPE=tty
CLASS=user
SCOPE=session-12.scope
REMOTE_HOST=192.0.2.44
SERVICE=sshd
LEADER=4711
AUDIT=12
REALTIME=1700000000000000
`;

function shown(sessions: readonly LoginSession[]): string[] {
  return sessions.map(({ pid, from }) => `${pid} ${formatNetwork(from)}`);
}

/** A record of utmp(5). */
function utmp(type: number, pid: number, host: string, address: readonly number[]): Buffer {
  const record = Buffer.alloc(384);
  record.writeUInt16LE(type, 0);
  record.writeInt32LE(pid, 4);
  record.write("root", 44);
  record.write(host, 76);
  record.set(address, 348);
  return record;
}

test("parseLogindSession() gives who is logged in from another machine", () => {
  assert.deepEqual(shown([parseLogindSession(LOGIND)!]), ["4711 192.0.2.44/32"]);
  assert.equal(parseLogindSession(LOGIND.replace("REMOTE_HOST=192.0.2.44\n", "")), undefined);
  assert.equal(parseLogindSession(LOGIND.replace("192.0.2.44", "0.0.0.0/0")), undefined);
  assert.equal(parseLogindSession(LOGIND.replace("4711", "-1")), undefined);
});

test("parseUtmp() gives logins by their address, or by a host that is one", () => {
  const v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
  const bytes = Buffer.concat([
    utmp(7, 100, "client.example.net", [192, 0, 2, 5]),
    utmp(7, 101, "2001:db8::7", v6),
    utmp(7, 102, "198.51.100.9", []),
    utmp(7, 103, "tmux(4711).%0", []),
    utmp(8, 104, "192.0.2.6", [192, 0, 2, 6]),
    Buffer.alloc(100, 7),
  ]);
  assert.deepEqual(shown(parseUtmp(bytes)), ["100 192.0.2.5/32", "101 2001:db8::7/128", "102 198.51.100.9/32"]);
});

test("parseUtmp() and parseLogindSession() take any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 800 }), (bytes) => parseUtmp(Buffer.from(bytes)).length <= 2));
  fc.assert(fc.property(fc.string(), (text) => parseLogindSession(`REMOTE_HOST=${text}`) === undefined));
});

test("readLoginSessions() reads both, and takes what is missing for none", (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, "sessions"));
  writeFileSync(join(folder, "sessions/12"), LOGIND);
  writeFileSync(join(folder, "sessions/.hidden"), LOGIND);
  writeFileSync(join(folder, "utmp"), utmp(7, 100, "", [192, 0, 2, 5]));
  assert.deepEqual(shown(readLoginSessions(join(folder, "sessions"), join(folder, "utmp"))), [
    "4711 192.0.2.44/32",
    "100 192.0.2.5/32",
  ]);
  assert.deepEqual(readLoginSessions(join(folder, "none"), join(folder, "none")), []);
});
