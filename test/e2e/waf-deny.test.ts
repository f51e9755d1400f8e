/** A real Apache and a real nginx behind a proxy: the lines and files of src/blocks/web deny the client, never the proxy. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { renderApacheMap } from "#src/blocks/web/apache-map.ts";
import { renderNginxGeo } from "#src/blocks/web/nginx-geo.ts";
import { apacheSnippet, nginxSnippet } from "#src/blocks/web/snippets.ts";
import { waitFor } from "./host.ts";
import { type Sent, stopServer, WebNamespace } from "./waf-namespace.ts";

const SERVER = "203.0.113.9";
const PROXY = "203.0.113.1";
const DENIED = "198.51.100.77";
const VISITOR = "198.51.100.78";
const namespace = new WebNamespace("deny", [SERVER, PROXY, DENIED, VISITOR]);
const folder = mkdtempSync("/tmp/garrison-deny-");
chmodSync(folder, 0o755);
mkdirSync(join(folder, "site"));
writeFileSync(join(folder, "site/index.html"), "hello\n");
after(() => {
  namespace[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const BLOCKS = [`${DENIED}/32`, "192.0.2.0/24", "2001:db8:51:7::/64", "2001:db8::/64"];

/** What each client gets, by its address and the X-Forwarded-For that reaches the server. */
const CASES: readonly (readonly [from: string, forwarded: string | null, status: number])[] = [
  [PROXY, VISITOR, 200],
  [PROXY, DENIED, 403],
  [PROXY, "192.0.2.200", 403],
  [PROXY, "192.0.3.200", 200],
  // What stands before the last hop is the client's own word.
  [PROXY, `${DENIED}, ${VISITOR}`, 200],
  [PROXY, `${VISITOR}, ${DENIED}`, 403],
  [PROXY, "2001:db8:51:7::99", 403],
  [PROXY, "2001:DB8:51:7:1:2:3:4", 403],
  [PROXY, "2001:db8:51:8::99", 200],
  [PROXY, "2001:db8::99", 403],
  [PROXY, "2001:db8:0:1::99", 200],
  [PROXY, null, 200],
  // Nobody but the proxy is believed.
  [VISITOR, DENIED, 200],
  [DENIED, VISITOR, 403],
];

function statusesAt(port: number): number[] {
  const requests = CASES.map(([from, forwarded]): Sent => {
    return {
      from,
      to: SERVER,
      port,
      path: "/index.html",
      headers: forwarded === null ? {} : { "x-forwarded-for": forwarded },
    };
  });
  return namespace.send(requests);
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

test("Apache denies whom the map names, and follows the map without a reload", async () => {
  const map = join(folder, "deny.map");
  const configuration = join(folder, "apache.conf");
  const pidFile = join(folder, "apache.pid");
  const log = join(folder, "apache.log");
  const modules = ["mpm_prefork", "authz_core", "remoteip", "rewrite"];
  writeFileSync(
    configuration,
    `ServerRoot ${folder}
    ServerName alice.example
    PidFile ${pidFile}
    ErrorLog ${log}
    User www-data
    Group www-data
    ${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
    StartServers 1
    Listen ${SERVER}:8084
    <VirtualHost *:8084>
      DocumentRoot ${folder}/site
      ${apacheSnippet({ file: map, proxies: [PROXY] })}
    </VirtualHost>`,
  );
  replaceFile(map, renderApacheMap(BLOCKS).text);
  namespace.run("/usr/sbin/apache2", "-f", configuration, "-k", "start");
  await waitFor(() => existsSync(pidFile), "Apache");
  try {
    assert.deepEqual(
      statusesAt(8084),
      CASES.map(([, , status]) => status),
      readFileSync(log, "utf8"),
    );
    replaceFile(map, renderApacheMap([`${VISITOR}/32`]).text);
    assert.deepEqual(statusesAt(8084).slice(0, 3), [403, 200, 200]);
  } finally {
    await stopServer(pidFile, () => namespace.run("/usr/sbin/apache2", "-f", configuration, "-k", "stop"));
  }
});

test("nginx denies whom the geo file names", async () => {
  const geo = join(folder, "deny.geo");
  const configuration = join(folder, "nginx.conf");
  const pidFile = join(folder, "nginx.pid");
  const snippet = nginxSnippet({ file: geo, proxies: [PROXY] });
  const inServer = /^# (if \(\$garrison_denied\).*)$/m.exec(snippet)?.[1] ?? "";
  writeFileSync(
    configuration,
    `pid ${pidFile};
    user www-data;
    worker_processes 1;
    error_log ${folder}/nginx.log;
    events { worker_connections 64; }
    http {
      access_log off;
      ${snippet}
      server {
        listen ${SERVER}:8085;
        root ${folder}/site;
        ${inServer}
      }
    }`,
  );
  replaceFile(geo, renderNginxGeo(BLOCKS).text);
  const nginx = (...words: string[]): string =>
    namespace.run("/usr/sbin/nginx", "-e", `${folder}/nginx.log`, "-c", configuration, ...words);
  nginx();
  await waitFor(() => existsSync(pidFile), "nginx");
  try {
    assert.deepEqual(
      statusesAt(8085),
      CASES.map(([, , status]) => status),
      readFileSync(join(folder, "nginx.log"), "utf8"),
    );
  } finally {
    await stopServer(pidFile, () => nginx("-s", "stop"));
  }
});
