/** Failed logins at MySQL, MariaDB and PostgreSQL. A name is printed as it was sent: the host is taken from behind it. */
import type { RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";
import { viaSyslog } from "./via-syslog.ts";

const DENIED = String.raw`\[(?:Warning|Note|ERROR)\] (?:\[MY-\d+\] \[Server\] )?Access denied for user '(?<user>.*)'@'${ADDRESS}'(?: \(using password: (?:YES|NO)\))?$`;

/** Rules of MySQL's and MariaDB's error log. */
export const MYSQL: RuleFile = {
  service: "mysql",
  sentence: "Failed logins in the error log of MySQL 5.5 to 8 and MariaDB 5 to 11.",
  sources: ["mysql"],
  format: "plain",
  rules: [
    {
      name: "access-denied",
      sentence: "A password or account was wrong.",
      outcome: "failure",
      pattern: String.raw`^(?:\d{6}|\d{4}-\d\d-\d\d)[T ] ?\d{1,2}:\d\d:\d\d(?:\.\d+Z?)?(?: \d+)? ${DENIED}`,
      samples: [
        {
          line: "2026-11-22T12:41:46.398440Z 89 [Note] [MY-010926] [Server] Access denied for user 'test'@'198.51.100.23' (using password: YES)",
          hit: { address: "198.51.100.23", user: "test" },
        },
        {
          line: "2026-11-22  8:25:38 139845235329792 [Warning] Access denied for user 'x'@'192.0.2.66' (using password: YES)'@'198.51.100.23' (using password: YES)",
          hit: { address: "198.51.100.23", user: "x'@'192.0.2.66' (using password: YES)" },
        },
        {
          line: "130324 17:56:13 [Warning] Access denied for user 'root'@'198.51.100.23' (using password: NO)",
          hit: { address: "198.51.100.23", user: "root" },
        },
      ],
    },
  ],
};

/** The same rules for a server that tells syslog or the journal, as Debian's MariaDB does. */
export const MYSQL_SYSLOG: RuleFile = viaSyslog(MYSQL, {
  service: "mysql-syslog",
  sources: ["messages", "journal"],
  programs: ["mariadbd", "mysqld"],
});

/**
 * Rules of PostgreSQL. Its line of a wrong password names no address unless `log_line_prefix` says `%h`, with which it stands before
 * all that a client writes.
 */
export const POSTGRESQL: RuleFile = {
  service: "postgresql",
  sentence: "Failed logins in the log of PostgreSQL 10 to 18, with or without the client (%h, %r) in log_line_prefix.",
  sources: ["postgresql"],
  format: "plain",
  rules: [
    {
      name: "auth-failed",
      sentence: "A password or account was wrong.",
      outcome: "failure",
      pattern: String.raw`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z][A-Z\d+-]* (?:\[\d+(?:-\d+)?\] )?(?:${ADDRESS}(?:\(\d+\))? )?(?:(?<kept>[^ "]+@[^ "]+) )?FATAL:  (?:password|Peer|Ident|PAM|LDAP|SCRAM) authentication failed for user "(?<user>.*)"$`,
      literal: " authentication failed for user ",
      samples: [
        {
          line: '2026-11-22 12:41:46.123 UTC [12] 198.51.100.23(40222) FATAL:  password authentication failed for user "postgres"',
          hit: { address: "198.51.100.23", user: "postgres" },
        },
        {
          line: '2026-11-22 12:41:46.123 CET [12] root@shop FATAL:  password authentication failed for user "root"',
          hit: { user: "root" },
        },
      ],
    },
    {
      name: "no-entry",
      sentence: "pg_hba.conf has no place for this client.",
      outcome: "probe",
      pattern: String.raw`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z][A-Z\d+-]* (?:\[\d+(?:-\d+)?\] )?(?:(?<kept>[^ "]+@[^ "]+) )?FATAL:  no pg_hba\.conf entry for (?:replication connection from )?host "${ADDRESS}", user .*$`,
      samples: [
        {
          line: '2026-11-22 12:41:46.123 UTC [12] postgres@postgres FATAL:  no pg_hba.conf entry for host "198.51.100.23", user "postgres", database "postgres", no encryption',
          hit: { address: "198.51.100.23" },
        },
      ],
    },
  ],
};

/** Rules of Microsoft SQL Server on Linux, by the journal: its own log is UTF-16. */
export const MSSQL: RuleFile = {
  service: "mssql",
  sentence: "Failed logins at SQL Server 2017 to 2022.",
  sources: ["messages", "journal"],
  format: "syslog",
  programs: ["sqlservr"],
  rules: [
    {
      name: "login-failed",
      sentence: "A password or account was wrong, or the handshake was broken.",
      outcome: "failure",
      pattern: String.raw`^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ )?Logon +(?:Login failed(?: for user '(?<user>.*)')?\. .*|Length specified in network packet payload did not match .*) \[CLIENT: ${ADDRESS}\]$`,
      samples: [
        {
          line: "Nov 22 12:41:05 web1 sqlservr[9]: 2026-11-22 12:41:05.54 Logon       Login failed for user 'sa'. Reason: Password did not match that for the login provided. [CLIENT: 198.51.100.23]",
          hit: { address: "198.51.100.23", user: "sa" },
        },
      ],
    },
  ],
};
