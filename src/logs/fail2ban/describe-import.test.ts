import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigTree } from "./config/config-tree.ts";
import { describeImport } from "./describe-import.ts";
import { formatImport } from "./format-import.ts";
import { readJails } from "./read-jails.ts";

const FILES: Readonly<Record<string, string>> = {
  "/f/jail.conf": `
[DEFAULT]
bantime = 10m
findtime = 1h
maxretry = 5
filter = %(__name__)s[mode=%(mode)s]
mode = normal
banaction = iptables-multiport
action_ = %(banaction)s[port="%(port)s", protocol="tcp"]
action = %(action_)s
[web]
port = http,https
logpath = /var/log/web/*.log
          /var/log/syslog tail
[off]
logpath = /var/log/x
[broken]
logpath = /var/log/x
[lost]
logpath = /var/log/x
[ring]
logpath = %(logpath)s
`,
  "/f/jail.local": `
[DEFAULT]
ignoreip = 127.0.0.1/8 ::1 10.1.2.3/8 office.example.com
[web]
enabled = true
mode = hard
maxretry = 3
bantime = -1
bantime.increment = true
bantime.formula = ban.Time * 3
bantime.maxtime = 5w
ignorecommand = /bin/check <ip>
action = %(action_)s
         mail-whois[name=web, dest="root"]
[broken]
enabled = true
[lost]
enabled = true
filter = nowhere
[ring]
enabled = true
`,
  "/etc/services": "http 80/tcp www\nhttps 443/tcp\n",
  "/f/filter.d/web.conf": `
[Definition]
failregex = <mdre-<mode>>
mdre-normal = ^never <HOST>$
mdre-hard = ^denied <HOST>$
            ^(?:|x)*xalso <HOST>
            probe by <HOST>
ignoreregex =
`,
  "/f/filter.d/broken.conf": "[Definition]\nfailregex = (?L)^<HOST>\n",
  "/f/filter.d/ring.conf": "[Definition]\nfailregex = ^<HOST>\n",
};
const TREE: ConfigTree = {
  read: (path) => FILES[path],
  names: (folder) =>
    Object.keys(FILES)
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1)),
};

test("readJails() reads what is enabled, and one that cannot be read keeps no other from it", () => {
  const { jails, refused, disabled } = readJails(TREE, { folder: "/f" });
  assert.deepEqual(
    jails.map(({ name }) => name),
    ["web"],
  );
  assert.equal(disabled, 1);
  assert.deepEqual(
    refused.map(({ name }) => name),
    ["broken", "lost", "ring"],
  );
  const [broken, lost, ring] = refused.map(({ reason }) => reason);
  assert.match(broken ?? "", /its failregex is refused: the flag "L" depends on the locale/);
  assert.match(lost ?? "", /it is not in "\/f\/filter\.d"/);
  assert.match(ring ?? "", /10 levels deep/);
});

test("readJails() gives limits, logs, ports and networks of a jail", () => {
  const [web] = readJails(TREE, { folder: "/f" }).jails;
  assert.ok(web);
  assert.deepEqual(web.source, {
    name: "fail2ban:web",
    kind: "file",
    paths: ["/var/log/web/*.log", "/var/log/syslog"],
    format: "plain",
    isForgeable: true,
  });
  assert.deepEqual([web.maxRetry, web.findSeconds, web.banSeconds], [3, 3600, null]);
  assert.deepEqual(web.increment, {
    factor: 1,
    multipliers: null,
    maxSeconds: 3_024_000,
    randomSeconds: 0,
    overAllJails: false,
  });
  assert.deepEqual(web.ignore, ["127.0.0.0/8", "::1/128", "10.0.0.0/8"]);
  assert.deepEqual(
    [web.ports, web.blockPorts],
    [
      ["http", "https"],
      [80, 443],
    ],
  );
  assert.deepEqual(JSON.parse(JSON.stringify(web)), web);
});

/** An action, and the ports that a block keeps to; none: all. */
for (const [action, expected] of [
  ['iptables-multiport[name=a, port="%(port)s", protocol=tcp]', [80, 1234]],
  ["iptables-multiport", [80, 1234]],
  ['nftables[type=multiport, port="http"]', [80]],
  ["firewallcmd-ipset[port=1:3]", [1, 2, 3]],
  ['iptables[port=https]\n mail[name=x]\n nftables[port="%(port)s"]', [80, 443, 1234]],
  ["iptables-allports[name=a]", []],
  ["nftables[type=allports]", []],
  ["firewallcmd-ipset[actiontype=<allports>]", []],
  ['iptables[port="%(port)s"]\n route', []],
  ["ufw[port=http]", []],
  ["mail[port=http]", []],
  ["iptables[port=telnet]", "not known"],
  ["iptables[port=1000:2000]", "not known"],
  ["iptables[port=http", [80, 1234]],
] as const) {
  test(`readJails() has a jail with the action ${JSON.stringify(action)} block ${expected.length === 0 ? "all ports" : expected}`, () => {
    const files = { ...FILES, "/f/jail.local": `[web]\nenabled = true\nport = http,1234\naction = ${action}\n` };
    const tree: ConfigTree = { ...TREE, read: (path) => (files as Record<string, string>)[path] };
    const [web] = readJails(tree, { folder: "/f" }).jails;
    assert.deepEqual(web?.blockPorts, expected === "not known" ? [] : expected);
    const isTold = web?.notTaken.some((what) => what.endsWith("blocks drop what is sent to any port"));
    assert.equal(isTold, expected === "not known");
  });
}

test("describeImport() says what is not taken over and why, with file and line of each refused expression", () => {
  const [web] = describeImport(TREE, "/f").jails;
  assert.ok(web);
  assert.deepEqual([...web.notTaken].sort(), [
    'action "mail-whois" is never run',
    "bantime.formula is code and never run: each block lasts twice as long as the last",
    'ignorecommand "/bin/check <ip>" is never run',
    'ignoreip "office.example.com" is no address and no network: names are never looked up',
  ]);
  assert.deepEqual(
    web.refusedRegexes.map(({ file, line, pattern }) => [file, line, pattern]),
    [["/f/filter.d/web.conf", 3, "^(?:|x)*xalso <HOST>"]],
  );
  assert.deepEqual(
    web.unanchored.map(({ pattern }) => pattern),
    ["probe by <HOST>"],
  );
});

test("formatImport() is text for people, and the snippet is in it", () => {
  const report = describeImport(TREE, "/f");
  const text = formatImport(report);
  assert.match(text, /^\/f: 1 jail is taken over, 3 refused, 1 not enabled\n/);
  assert.match(text, /\n {2}drops what is sent to ports 80, 443\n/);
  assert.match(text, /blocks after 3 in 1 h, for ever, then twice as long each time, at most 35 d/);
  assert.match(text, /refused: \/f\/filter\.d\/web\.conf:3: a repeat may have an empty round/);
  assert.ok(text.endsWith(report.snippet));
  assert.match(
    report.snippet,
    /jails: \["web"\]\nblocks:\n {2}allow: \["127\.0\.0\.0\/8", "::1\/128", "10\.0\.0\.0\/8"\]\n$/,
  );
});
