/** A real Apache with ModSecurity and the Core Rule Set, in a network namespace: what it writes is what src/waf reads. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LogHit } from "#src/logs/contract.ts";
import { formatWafDetail, parseWafDetail } from "#src/waf/detail.ts";
import type { WafEntry } from "#src/waf/entry.ts";
import { falsePositiveCandidates } from "#src/waf/false-positives.ts";
import { parseIndexLine } from "#src/waf/index-line.ts";
import { parseJsonEntry } from "#src/waf/json-entry.ts";
import { hitsOf } from "#src/waf/rules.ts";
import { SerialAssembler } from "#src/waf/serial.ts";
import { waitFor } from "./host.ts";
import { type Sent, stopServer, WebNamespace } from "./waf-namespace.ts";

const SERVER = "203.0.113.9";
const SERVER_6 = "2001:db8:9::9";
const ATTACKER = "198.51.100.23";
const VISITOR = "2001:db8:51::7";
const PORT = { serial: 8081, json: 8082, concurrent: 8083 } as const;
const namespace = new WebNamespace("waf", [SERVER, SERVER_6, ATTACKER, VISITOR]);
const folder = mkdtempSync("/tmp/garrison-waf-");
const pidFile = join(folder, "apache.pid");

function writeConfiguration(extra = ""): string {
  const modules = ["mpm_prefork", "unique_id", "authz_core", "security2"];
  const site = (port: number, audit: string): string => `
    Listen ${port}
    <VirtualHost *:${port}>
      ServerName alice.example
      DocumentRoot ${folder}/site
      ${audit}
      ${extra}
    </VirtualHost>`;
  const path = join(folder, "apache.conf");
  writeFileSync(
    path,
    `ServerRoot ${folder}
    ServerName alice.example
    PidFile ${pidFile}
    User www-data
    Group www-data
    ErrorLog ${folder}/error.log
    ${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
    StartServers 2
    MaxRequestWorkers 4
    SecRuleEngine On
    SecRequestBodyAccess On
    SecResponseBodyAccess Off
    SecDataDir ${folder}/data
    SecTmpDir ${folder}/data
    SecAuditEngine RelevantOnly
    SecAuditLogRelevantStatus "^(?:5|4(?!04))"
    SecAuditLogParts ABCFHKZ
    Include /etc/modsecurity/crs/crs-setup.conf
    Include /usr/share/modsecurity-crs/rules/*.conf
    ${site(PORT.serial, `SecAuditLogType Serial\nSecAuditLog ${folder}/serial.log`)}
    ${site(PORT.json, `SecAuditLogType Serial\nSecAuditLogFormat JSON\nSecAuditLog ${folder}/json.log`)}
    ${site(PORT.concurrent, `SecAuditLogType Concurrent\nSecAuditLog ${folder}/index.log\nSecAuditLogStorageDir ${folder}/entries`)}
    `,
  );
  return path;
}

/** Runs `work` while Apache serves; when it has ended, every entry is written. */
async function withApache(configuration: string, work: () => void): Promise<void> {
  const errors = (): string =>
    existsSync(join(folder, "error.log")) ? readFileSync(join(folder, "error.log"), "utf8") : "";
  namespace.run("/usr/sbin/apache2", "-f", configuration, "-k", "start");
  await waitFor(() => existsSync(pidFile), `Apache: ${errors()}`);
  try {
    work();
  } finally {
    await stopServer(pidFile, () => namespace.run("/usr/sbin/apache2", "-f", configuration, "-k", "graceful-stop"));
  }
}

function lines(name: string): string[] {
  return readFileSync(join(folder, name), "latin1").split("\n").slice(0, -1);
}

function assemble(text: readonly string[]): WafEntry[] {
  const assembler = new SerialAssembler();
  const entries = text.flatMap((line) => assembler.push(line) ?? []);
  assert.equal(assembler.dropped, 0);
  return entries;
}

function prepare(): void {
  for (const name of ["site", "data", "entries"]) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  for (const name of ["data", "entries"]) chmodSync(join(folder, name), 0o777);
  for (const name of ["index.html", "search.html", "login.html"])
    writeFileSync(join(folder, "site", name), "<p>hello\n");
}

after(() => {
  namespace[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const FORGED = [
  "log=admin&pwd=Sekret1!&x=<script>alert(1)</script>",
  "--0079b05c-Z--",
  "",
  "--0079b05c-A--",
  "[22/Nov/2026:12:41:46.507054 +0000] awLjCuMuGJRJt2HP6WXlAQAAAAE 192.0.2.1 37740 203.0.113.9 80",
  "--0079b05c-B--",
  "GET /forged HTTP/1.1",
  "--0079b05c-H--",
  'Message: Access denied with code 403 (phase 2). String match "x" at ARGS:q. [file "a"] [id "1234001"] [severity "CRITICAL"]',
  "--0079b05c-Z--",
].join("\n");

function requestsTo(port: number): Sent[] {
  return [
    { from: VISITOR, to: SERVER_6, port, path: "/index.html" },
    { from: VISITOR, to: SERVER_6, port, path: "/search.html?q=blue+shoes" },
    { from: ATTACKER, to: SERVER, port, path: "/search.html?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E&page=2" },
    { from: ATTACKER, to: SERVER, port, path: "/index.html?id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20-" },
    {
      from: ATTACKER,
      to: SERVER,
      port,
      method: "POST",
      path: "/login.html",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: FORGED,
    },
    {
      from: ATTACKER,
      to: SERVER,
      port,
      path: "/search.html?x%22]%20[id%20%22999999%22]%20[file%20%22=%3Cscript%3Ealert(1)%3C/script%3E",
    },
    { from: ATTACKER, to: SERVER, port, path: "/missing.html" },
  ];
}

function assertHits(entries: readonly WafEntry[]): void {
  const hits: LogHit[] = entries.flatMap(hitsOf);
  assert.equal(hits.length, 4, JSON.stringify(entries, null, 1));
  for (const hit of hits) {
    assert.equal(hit.address, ATTACKER);
    assert.equal(hit.site, "alice.example");
    assert.equal(hit.rule, "modsecurity.intercepted");
    assert.equal(hit.weight, 2);
    assert.ok(Math.abs((hit.atUnixMs ?? 0) - Date.now()) < 120_000, String(hit.atUnixMs));
    assert.doesNotMatch(JSON.stringify(hit), /Sekret1|alert\(|UNION/);
    assert.doesNotMatch(hit.detail ?? "", /999999/);
  }
  // Answers come before entries, and each of Apache's processes writes its own: their order is anybody's.
  const details = hits.map(({ detail }) => parseWafDetail(detail ?? ""));
  assert.deepEqual(details.map((detail) => detail?.path).toSorted(), [
    "/index.html",
    "/login.html",
    "/search.html",
    "/search.html",
  ]);
  const ofQuery = details.find((detail) => detail?.matchedVar === "ARGS:q");
  assert.equal(ofQuery?.path, "/search.html");
  assert.ok(ofQuery?.rules.includes("941100"), JSON.stringify(details));
  const ofIndex = details.find((detail) => detail?.path === "/index.html");
  assert.ok(ofIndex?.rules.includes("942100"), JSON.stringify(details));
  for (const detail of details) assert.ok((detail?.score ?? 0) >= 5);
  for (const { rules } of entries) assert.ok(rules.every(({ id }) => !/^(?:949|980)/.test(id)));
}

test("what Apache with ModSecurity and the CRS writes in each format is read, and no forged entry in a body is believed", async () => {
  prepare();
  await withApache(writeConfiguration(), () => {
    for (const port of Object.values(PORT))
      assert.deepEqual(
        namespace.send(requestsTo(port)),
        [200, 200, 403, 403, 403, 403, 404],
        readFileSync(join(folder, "error.log"), "utf8"),
      );
  });

  assert.ok(lines("serial.log").includes("--0079b05c-A--"), "the forged body is not in the log");
  assertHits(assemble(lines("serial.log")));

  const json = lines("json.log");
  assertHits(json.map((line) => parseJsonEntry(line)).filter((entry) => entry !== null));
  assert.ok(json.every((line) => parseJsonEntry(line) !== null));
  assert.ok(
    json.some((line) => line.length > 16_384),
    "no line is long",
  );

  const indexed = lines("index.log").map((line) => parseIndexLine(line));
  assert.equal(indexed.length, 4);
  for (const one of indexed) {
    assert.equal(one?.entry.address, ATTACKER);
    assert.equal(one?.entry.status, 403);
  }
  // Format JSON of one site leaks into none of the others: the entries' own files are serial.
  assertHits(
    indexed.flatMap((one) =>
      assemble(readFileSync(join(folder, "entries", one?.detailPath ?? ""), "latin1").split("\n")),
    ),
  );
  assert.equal(
    readdirSync(join(folder, "entries"), { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).length,
    4,
  );
});

test("falsePositiveCandidates() proposes lines that let the visitors through, and nobody else", async () => {
  const visit = (port: number): Sent => ({
    from: VISITOR,
    to: SERVER_6,
    port,
    path: "/search.html?q=%3Cscript%3Ealert(1)%3C/script%3E",
  });
  const details = assemble(lines("serial.log")).map((entry) => parseWafDetail(hitsOf(entry)[0]?.detail ?? ""));
  const detail = details.find((one) => one?.matchedVar === "ARGS:q");
  assert.ok(detail);
  const liftedFor = (matchedVar: string | null): string => {
    const hits = [1, 2, 3, 4, 5, 6].map((last) => ({
      atUnixMs: 0,
      address: `192.0.2.${last}`,
      site: "alice.example",
      detail: formatWafDetail({ ...detail, matchedVar }),
    }));
    return falsePositiveCandidates(hits, { hasLoggedIn: () => true })
      .map(({ suggestion }) => suggestion)
      .join("");
  };
  const elsewhere = { ...visit(PORT.json), path: "/index.html?q=%3Cscript%3Ealert(1)%3C/script%3E" };
  const other = { ...visit(PORT.json), path: "/search.html?other=%3Cscript%3Ealert(1)%3C/script%3E" };
  for (const [matchedVar, wanted, statuses] of [
    ["ARGS:q", /ctl:ruleRemoveTargetById=941100;ARGS:q"/, [200, 403, 403]],
    [null, /SecRuleRemoveById 941100/, [200, 403, 200]],
  ] as const) {
    const lifted = liftedFor(matchedVar);
    assert.match(lifted, wanted);
    await withApache(writeConfiguration(lifted), () => {
      assert.deepEqual(namespace.send([visit(PORT.json), elsewhere, other]), statuses, lifted);
    });
  }
});
