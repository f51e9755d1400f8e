/**
 * Error logs of Apache and nginx. Apache puts the client before the message and escapes what he wrote. nginx does neither: only lines
 * are read that have no quotes but its own, so that the number of quotes tells the true place. That holds within a line; but nginx
 * also writes the line ends of a decoded path, so that a client can write lines of his own: the source is forgeable. A wrong password
 * counts little here, as the access log has it in a form that nobody can forge.
 */
import type { RuleFile } from "../rule.ts";
import { ADDRESS_TEXT } from "./fragments.ts";

const IPV4 = String.raw`(?:\d{1,3}\.){3}\d{1,3}`;
/**
 * `[core:error] [pid 1:tid 2] [client ADDRESS:PORT] ` of 2.4, `[error] [client ADDRESS] ` of 2.2. Of an IPv6 address with a port behind
 * it without brackets the last word is the port.
 */
const CLIENT = String.raw`^(?:\[\w*:\w+\] \[pid \d+(?::tid \d+)?\] (?:\[\w+ \w+\] )?\[(?:client|remote) (?:\[(?<address>${ADDRESS_TEXT})\]|(?<address>${ADDRESS_TEXT})):\d+\]|\[\w+\] \[client (?<address>${IPV4}|[\da-fA-F:]+)\]) `;

const START = "[Sun Nov 22 12:41:46.505757 2026] ";

/** Rules of Apache's error log. */
export const APACHE_ERROR: RuleFile = {
  service: "apache",
  sentence: "Failed logins in the error log of Apache 2.2 and 2.4.",
  sources: ["apache-error"],
  format: "apache-error",
  rules: [
    {
      name: "auth-failed",
      sentence:
        "A password or user of Basic or Digest authentication was wrong: the access log's 401 says the same, and counts for it.",
      outcome: "failure",
      weight: 0.2,
      pattern: String.raw`${CLIENT}(?:AH\d+: )?(?:Digest: )?(?:user (?<user>.*)(?:: authentication failure for "[^"]*": Password Mismatch|: password mismatch: .*|' in realm .* not found: .*| not found(?:: .*)?)|client used wrong authentication scheme: .*)$`,
      samples: [
        {
          line: `${START}[auth_basic:error] [pid 635:tid 635] [client 198.51.100.23:37740] AH01617: user alice: authentication failure for "/secret/": Password Mismatch`,
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: `${START}[auth_basic:error] [pid 635:tid 635] [client 2001:db8::1:37740] AH01618: user bob not found: /secret/, referer: https://example.org/`,
          hit: { address: "2001:db8::1", user: "bob" },
        },
        {
          line: "[Wed Jul 17 22:18:52 2013] [error] [client 198.51.100.23] user x not found: [client 192.0.2.66] user y not found: /",
          hit: { address: "198.51.100.23", user: "x not found: [client 192.0.2.66] user y" },
        },
        {
          line: `${START}[auth_digest:error] [pid 635:tid 635] [client 198.51.100.23:37740] AH01792: user alice: password mismatch: /digest/`,
          hit: { address: "198.51.100.23", user: "alice" },
        },
      ],
    },
    {
      name: "digest-forged",
      sentence: "A Digest login was not of the form that a browser gives it.",
      outcome: "failure",
      pattern: String.raw`${CLIENT}(?:AH\d+: )?(?:Digest: )?(?:invalid qop .* received: .*|invalid nonce .* received - .*|realm mismatch - got .*|unknown algorithm .* received: .*)$`,
      samples: [
        {
          line: `${START}[auth_digest:error] [pid 635:tid 635] [client 198.51.100.23:37740] AH01777: invalid nonce 59QJ received - user attempted time travel`,
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "denied",
      sentence: "A request for what the configuration closes to everybody, or to this client.",
      outcome: "probe",
      weight: 0.5,
      pattern: String.raw`${CLIENT}(?:AH\d+: )?(?:client denied by server configuration: (?<detail>.*)|Authorization of user .* to access .* failed, reason: .*|user .*: authorization failure for .*)$`,
      samples: [
        {
          line: `${START}[authz_core:error] [pid 635:tid 635] [client 198.51.100.23:44271] AH01630: client denied by server configuration: /home/alice/public_html/.htaccess`,
          hit: { address: "198.51.100.23", detail: "/home/alice/public_html/.htaccess" },
        },
      ],
    },
    {
      name: "wrong-host",
      sentence: "The host of TLS and that of HTTP differ, or one is missing: a scanner.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`${CLIENT}(?:AH\d+: )?(?:Hostname .* provided via SNI(?:, but no hostname provided in HTTP request| and hostname .* provided via HTTP .*)|No hostname was provided via SNI for a name based virtual host.*)$`,
      samples: [
        {
          line: `${START}[ssl:error] [pid 6586] [client 198.51.100.23:58028] AH02033: No hostname was provided via SNI for a name based virtual host`,
          hit: { address: "198.51.100.23" },
        },
      ],
    },
  ],
};

/** ModSecurity's lines in Apache's error log, where no audit log is read. */
export const MODSECURITY_ERROR: RuleFile = {
  service: "modsecurity",
  sentence: "Requests that ModSecurity 2 refused, in Apache's error log.",
  sources: ["apache-error"],
  format: "apache-error",
  rules: [
    {
      name: "blocked",
      sentence:
        "A request was refused. Of the Core Rule Set that is one line (949110), however many rules it broke; its echo (980130) and the warnings before it say the same.",
      outcome: "probe",
      weight: 2,
      pattern: String.raw`${CLIENT}\[client (?<keptAgain>[\da-fA-F:.]+)\] ModSecurity: Access denied with code \d{3} \(phase \d\)\. .*? \[id "(?<keptId>(?<detail>\d+))"\] .*$`,
      literal: "ModSecurity: Access denied with code ",
      samples: [
        {
          line: `${START}[security2:error] [pid 635:tid 635] [client 198.51.100.23:37790] [client 198.51.100.23] ModSecurity: Access denied with code 403 (phase 2). Operator GE matched 5 at TX:anomaly_score. [file "/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf"] [line "94"] [id "949110"] [msg "Inbound Anomaly Score Exceeded (Total Score: 5)"] [severity "CRITICAL"] [hostname "alice.example"] [uri "/nope"] [unique_id "awLjCuMuGJRJt2HP6WXlAgAAAAE"]`,
          hit: { address: "198.51.100.23", detail: "949110" },
        },
        {
          line: `${START}[security2:error] [pid 635:tid 635] [client 198.51.100.23:37790] [client 198.51.100.23] ModSecurity: Warning. Operator GE matched 5 at TX:inbound_anomaly_score. [file "x"] [line "92"] [id "980130"] [msg "Inbound Anomaly Score Exceeded"]`,
          hit: null,
        },
      ],
    },
  ],
};

const NGINX_TAIL = `, client: (?<address>${ADDRESS_TEXT}), server: (?<keptServer>[^",]*)(?:, request: "[A-Z]+ [^"]*")?(?:, upstream: "[^" ]*")?(?:, host: "[^" ]*")?(?:, referrer: "[^" ]*")?$`;

/** Rules of nginx's error log. */
export const NGINX_ERROR: RuleFile = {
  service: "nginx",
  sentence: "Failed logins and broken TLS in the error log of nginx 1.",
  sources: ["nginx-error"],
  format: "nginx-error",
  rules: [
    {
      name: "auth-failed",
      sentence:
        "A password or user of Basic authentication was wrong: the access log's 401 says the same, and counts for it.",
      outcome: "failure",
      weight: 0.2,
      pattern: String.raw`^\[error\] \d+#\d+: \*\d+ user "(?<user>[^"]*)"(?:: password mismatch| was not found in "(?<keptFile>[^",:]*)")${NGINX_TAIL}`,
      samples: [
        // Debian 12: nginx 1.22.1
        {
          line: '2026/11/24 12:43:15 [error] 28655#28655: *1 user "alice": password mismatch, client: 198.51.100.23, server: , request: "GET /admin HTTP/1.1", host: "web1.example.net"',
          hit: { address: "198.51.100.23", user: "alice" },
        },
        {
          line: '2026/11/22 12:41:46 [error] 2865#0: *66647 user "xyz": password mismatch, client: 198.51.100.23, server: www.example.com, request: "GET / HTTP/1.1", host: "www.example.com"',
          hit: { address: "198.51.100.23", user: "xyz" },
        },
        {
          line: '2026/11/22 12:41:46 [error] 2865#0: *66647 user "a b" was not found in "/var/www/.htpasswd", client: 2001:db8::1, server: , request: "GET / HTTP/1.1", host: "h", referrer: "https://example.org/"',
          hit: { address: "2001:db8::1", user: "a b" },
        },
        {
          line: '2026/11/22 12:41:46 [error] 2865#0: *3 user "x": password mismatch, client: 192.0.2.66, server: s, request: "GET / HTTP/1.1", host: "h"": password mismatch, client: 198.51.100.23, server: s, request: "GET / HTTP/1.1", host: "h"',
          hit: null,
        },
      ],
    },
    {
      name: "no-tls",
      sentence: "Something that speaks no TLS, or a broken one, talked to a port of TLS.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`^\[crit\] \d+#\d+: \*\d+ SSL_(?:do_handshake|read|write)\(\) failed \((?<kept>[^"]*)\) while (?<keptWhile>[\w ]+)${NGINX_TAIL}`,
      samples: [
        {
          line: "2026/11/22 12:41:46 [crit] 76952#76952: *2454307 SSL_do_handshake() failed (SSL: error:1408F0C6:SSL routines:ssl3_get_record:packet length too long) while SSL handshaking, client: 198.51.100.23, server: 0.0.0.0:443",
          hit: { address: "198.51.100.23" },
        },
      ],
    },
  ],
};
