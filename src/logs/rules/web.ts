/**
 * Access logs of Apache, nginx and LiteSpeed: common, combined, vhost_combined. The client's address stands first, so that nothing he
 * writes can move it; the site before it is the server's own name for itself (%v). A 404 alone says nothing and is not counted.
 */
import type { Rule, RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";

const SOURCES = ["apache-access", "nginx-access", "domlogs"];

/** Site, address, who, when: up to the quote before the request. */
const START = String.raw`^(?:(?<keptSite>(?<site>[\w.-]+)):\d+ )?${ADDRESS} .*? \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "`;
/** What may follow within the quotes, where they and backslashes are escaped. */
const REST = String.raw`(?:[^"\\]|\\.)*`;
const METHOD = "(?:GET|POST|HEAD|PUT|OPTIONS|PROPFIND|DELETE|PATCH) ";
/** Status, and all that follows. */
const END = String.raw`" \d{3} .*$`;

const LINE_START = '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "';
const LINE_END = ' HTTP/1.1" 404 476 "-" "Mozilla/5.0"';

/** A rule for paths: `path` stands somewhere in the request's target, before its end. */
function probe(
  rule: Pick<Rule, "name" | "sentence" | "weight"> & {
    path: string;
    targets: readonly string[];
    innocent?: readonly string[];
  },
): Rule {
  const { name, sentence, weight = 5, path, targets, innocent = [] } = rule;
  return {
    name,
    sentence,
    outcome: "probe",
    weight,
    pattern: `${START}${METHOD}(?<detail>(?:[^"\\\\ ]|\\\\.)*(?:${path})${REST})${END}`,
    flags: "i",
    samples: [
      ...targets.map((target) => ({
        line: `${LINE_START}GET ${target}${LINE_END}`,
        hit: { address: "198.51.100.23", detail: `${target} HTTP/1.1` },
      })),
      ...innocent.map((target) => ({ line: `${LINE_START}GET ${target}${LINE_END}`, hit: null })),
    ],
  };
}

/** Rules for requests that nobody sends by mistake, and for logins of web applications. */
export const WEB: RuleFile = {
  service: "web",
  sentence: "Probes and logins of WordPress, Joomla and phpMyAdmin in access logs.",
  sources: SOURCES,
  format: "access",
  rules: [
    probe({
      name: "secrets",
      sentence: "A request for files with passwords or keys, or for the store of a version control system.",
      path: String.raw`/\.env(?:\.[a-z]{1,12})?[ ?]|/\.(?:git|svn|hg)/|/\.aws/|/\.ssh/|/\.htpasswd|/id_(?:rsa|ed25519)\b|/sftp-config\.json|/\.vscode/sftp\.json|/wp-config\.(?:php[.~_-]|bak|old|txt|save|inc)|/configuration\.php[.~_-]|/config\.php\.(?:bak|old|save|swp)|/\.(?:docker|kube)/config|/(?:dump|backup|database|db)\.sql\b`,
      targets: [
        "/.env",
        "/app/.env.production",
        "/.git/config",
        "/wp-config.php.bak",
        "/.aws/credentials",
        "/dump.sql",
      ],
      innocent: ["/.well-known/acme-challenge/x", "/.github-logo.png", "/wp-config-guide"],
    }),
    probe({
      name: "traversal",
      sentence: "A request that climbs out of the site's folder, or names a file of the system.",
      path: String.raw`(?:\.\.|%2e%2e|\.%2e|%2e\.|%252e%252e)(?:/|%2f|%5c|%252f|\\\\)(?:\.\.|%2e%2e|\.%2e|%2e\.|%252e%252e)|/etc/(?:passwd|shadow)|%2fetc%2fpasswd|/proc/self/|win\.ini|boot\.ini`,
      targets: [
        "/x?f=../../etc/passwd",
        "/cgi-bin/.%2e/.%2e/bin/sh",
        "/?p=%2e%2e%2f%2e%2e%2fx",
        "/x?f=/proc/self/environ",
      ],
      innocent: ["/a/../b", "/docs/passwd"],
    }),
    probe({
      name: "shell",
      sentence: "A request for a known hole that runs commands, or for a shell that an earlier attacker may have left.",
      path: String.raw`/eval-stdin\.php|\$\{jndi:|%24%7bjndi|invokefunction|/_ignition/execute-solution|/boaform/|/GponForm/|/HNAP1|/shell\?cd|/cgi-bin/luci/;|/setup\.cgi\?next_file|allow_url_include|auto_prepend_file|/(?:c99|r57|wso\d?|alfa(?:cgiapi)?|b374k|indoxploit|marijuana|priv8|adminer-shell)\.php|/actuator/gateway/|/solr/admin/cores\?|/jenkins/script|/owa/auth/x\.js`,
      targets: [
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
        `/?x=\${jndi:ldap://192.0.2.66/a}`,
        "/index.php?s=/Index/think/app/invokefunction",
        "/wso.php",
        "/boaform/admin/formLogin",
      ],
      innocent: ["/shell-stations", "/wsod.php"],
    }),
    probe({
      name: "injection",
      sentence: "A request that carries SQL where none belongs.",
      path: String.raw`union(?:\+|%20|/\*.{0,8}\*/)+(?:all(?:\+|%20)+)?select|information_schema|(?:sleep|benchmark|pg_sleep|waitfor)(?:\(|%28|%20delay)|xp_cmdshell|load_file(?:\(|%28)`,
      targets: ["/?id=1+UNION+ALL+SELECT+1,2", "/?id=1%20and%20sleep(5)", "/?q=information_schema.tables"],
      innocent: ["/union-select-committee", "/sleep"],
    }),
    {
      name: "scanner",
      sentence: "A program that looks for holes and says so.",
      outcome: "probe",
      weight: 5,
      pattern: String.raw`${START}${REST}" \d{3} (?:\d+|-) "${REST}" "(?<detail>(?:[^"\\]|\\.)*(?:sqlmap|nikto|nmap scripting engine|masscan|wpscan|nuclei|dirbuster|gobuster|feroxbuster|acunetix|nessus|openvas|zgrab|l9explore|hydra|havij|jorgee)(?:[^"\\]|\\.)*)".*$`,
      flags: "i",
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET /nope HTTP/1.1" 403 479 "http://ref.example/\\"quoted" "sqlmap/1.5 \\"x\\""',
          hit: { address: "198.51.100.23", detail: 'sqlmap/1.5 \\"x\\"' },
        },
        {
          line: 'alice.example:80 2001:db8::1 - - [22/Nov/2026:12:41:46 +0000] "GET / HTTP/1.1" 200 - "-" "Mozilla/5.00 (Nikto/2.1.6)"',
          hit: { address: "2001:db8::1", site: "alice.example", detail: "Mozilla/5.00 (Nikto/2.1.6)" },
        },
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET /how-to-use-sqlmap HTTP/1.1" 200 479 "-" "Mozilla/5.0"',
          hit: null,
        },
      ],
    },
    {
      name: "login-failed",
      sentence:
        "A login of WordPress, Joomla or phpMyAdmin was answered with its form again: a redirect would have meant that it worked. The redirect itself is no proof, as WordPress sends one to strangers too (action=postpass).",
      outcome: "failure",
      pattern: String.raw`${START}POST (?<detail>[^" ?]*(?:/wp-login\.php|/administrator/(?:index\.php)?|/(?:phpmyadmin|pma|myadmin)/(?:index\.php)?(?:\?route=/)?|/typo3/(?:index\.php)?\?loginProvider=\d+|/contao/login\?[^ "]*))(?: HTTP/[\d.]+)?" 200 .*$`,
      flags: "i",
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /blog/wp-login.php HTTP/1.1" 200 2571 "-" "Mozilla/5.0"',
          hit: { address: "198.51.100.23", detail: "/blog/wp-login.php" },
        },
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /phpmyadmin/index.php?route=/ HTTP/1.1" 200 2571 "-" "Mozilla/5.0"',
          hit: { address: "198.51.100.23", detail: "/phpmyadmin/index.php?route=/" },
        },
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /wp-login.php HTTP/1.1" 302 - "-" "Mozilla/5.0"',
          hit: null,
        },
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /administrator/index.php?option=com_ajax HTTP/1.1" 200 5 "-" "M"',
          hit: null,
        },
      ],
    },
    {
      name: "unauthorized",
      sentence: "A login sent by POST, without a user's name in the log, was answered with 401.",
      outcome: "failure",
      pattern: String.raw`^(?:(?<keptSite>(?<site>[\w.-]+)):\d+ )?${ADDRESS} [^ ]+ - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "POST (?<detail>[^" ]*(?:login|signin|sign-in|/auth)[^" ]*)(?: HTTP/[\d.]+)?" 401 .*$`,
      flags: "i",
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /webmail/?_task=login HTTP/2.0" 401 5456 "https://www.example.com/" "Mozilla/5.0" (2.681)',
          hit: { address: "198.51.100.23", detail: "/webmail/?_task=login" },
        },
      ],
    },
    {
      name: "wrong-password",
      sentence: "A request with a user's name (Basic or Digest) was answered with 401.",
      outcome: "failure",
      pattern: String.raw`^(?:(?<keptSite>(?<site>[\w.-]+)):\d+ )?${ADDRESS} [^ ]+ (?!-? \[)(?<user>.*) \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "${REST}" 401 .*$`,
      literal: '" 401 ',
      samples: [
        // Debian 12: nginx 1.22.1
        {
          line: '2001:db8:bad::23 - no such user [24/Nov/2026:12:43:16 +0000] "GET /admin HTTP/1.1" 401 179 "-" "-"',
          hit: { address: "2001:db8:bad::23", user: "no such user" },
        },
        {
          line: '198.51.100.23 - bob [22/Nov/2026:12:41:46 +0000] "GET /admin/ HTTP/1.1" 401 188 "-" "Mozilla/5.0"',
          hit: { address: "198.51.100.23", user: "bob" },
        },
        {
          line: '198.51.100.23 - x [22/Nov/2026:12:41:46 +0000] \\"GET [22/Nov/2026:12:41:46 +0000] "GET /admin/ HTTP/1.1" 401 188',
          hit: { address: "198.51.100.23", user: 'x [22/Nov/2026:12:41:46 +0000] \\"GET' },
        },
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET /admin/ HTTP/1.1" 401 188 "-" "Mozilla/5.0"',
          hit: null,
        },
      ],
    },
    {
      name: "challenged",
      sentence:
        "A request without a user's name was answered with 401: browsers ask so once before they log in, scanners only.",
      outcome: "probe",
      weight: 0.1,
      pattern: String.raw`^(?:(?<keptSite>(?<site>[\w.-]+)):\d+ )?${ADDRESS} [^ ]+ - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "(?!POST [^" ]*(?:login|signin|sign-in|/auth))${REST}" 401 (?:\d+|-)(?: "${REST}".*)?$`,
      literal: '" 401 ',
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET / HTTP/1.1" 401 314 "-" "Mozilla/5.0"',
          hit: { address: "198.51.100.23" },
        },
      ],
    },
    {
      name: "hung-up-on",
      sentence: "nginx was told to hang up on this request (444).",
      outcome: "probe",
      pattern: `${START}(?<detail>${REST})" 444 .*$`,
      literal: '" 444 ',
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET /LICENSE.txt HTTP/2.0" 444 0 "-" "curl/7.74.0"',
          hit: { address: "198.51.100.23", detail: "GET /LICENSE.txt HTTP/2.0" },
        },
      ],
    },
    {
      name: "xmlrpc",
      sentence: "A call of WordPress's XML-RPC, by which passwords are tried by the hundred. Jetpack calls it too.",
      outcome: "probe",
      weight: 0.2,
      pattern: String.raw`${START}POST (?<detail>[^" ?]*/xmlrpc\.php)[^"]*" (?:2\d\d|3\d\d|401|5\d\d) .*$`,
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /xmlrpc.php HTTP/1.1" 200 403 "-" "Mozilla/5.0"',
          hit: { address: "198.51.100.23", detail: "/xmlrpc.php" },
        },
      ],
    },
    {
      name: "no-such-login",
      sentence: "Somebody looked for the login of an application that is not here, or is closed to him.",
      outcome: "probe",
      pattern: String.raw`${START}${METHOD}(?<detail>[^" ]*(?:/wp-login\.php|/xmlrpc\.php|/wp-admin/|/administrator/(?:index\.php)?|/phpmyadmin|/pma/|/adminer|/roundcube)[^" ]*)(?: HTTP/[\d.]+)?" (?:403|404|405|410) (?:\d+|-)(?: .*)?$`,
      flags: "i",
      samples: [
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "POST /xmlrpc.php HTTP/1.1" 404 476 "-" "Mozilla/5.0"',
          hit: { address: "198.51.100.23", detail: "/xmlrpc.php" },
        },
        {
          line: '2001:db8::1 - - [22/Nov/2026:12:41:46 +0000] "GET /roundcube HTTP/2.0" 404 -',
          hit: { address: "2001:db8::1", detail: "/roundcube" },
        },
        {
          line: '198.51.100.23 - - [22/Nov/2026:12:41:46 +0000] "GET /nope HTTP/1.1" 404 476 "-" "Mozilla/5.0"',
          hit: null,
        },
      ],
    },
  ],
};
