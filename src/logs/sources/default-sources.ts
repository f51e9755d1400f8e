/**
 * Where the logs are that our own rules read, on Debian, RHEL, cPanel, DirectAdmin and Plesk. A path that is not there costs nothing: it is
 * looked for again.
 *
 * No path lies below a home, such as cPanel's `/home/USER/logs` and `/home/USER/access-logs`: what a customer can write, or replace by a
 * link, he can make say what he likes of whom he likes. The same lines stand in the server's own folders.
 */
import type { LogSource } from "../contract.ts";

/** Sources whose lines come through syslog(3), which takes them from everybody. */
const SYSLOG = [
  file("auth", "syslog", ["/var/log/auth.log", "/var/log/secure"], true),
  file("mail", "syslog", ["/var/log/mail.log", "/var/log/maillog"], true),
  // FTP servers, BIND, OpenVPN and others that have no log of their own.
  file("messages", "syslog", ["/var/log/syslog", "/var/log/messages", "/var/log/daemon.log"], true),
  { name: "journal", kind: "journal", paths: [], format: "syslog", isForgeable: true },
] as const satisfies readonly LogSource[];

const MAIL_AND_FTP = [
  file("exim-main", "exim", [
    "/var/log/exim4/mainlog",
    "/var/log/exim_mainlog",
    "/var/log/exim/mainlog",
    "/var/log/exim/main.log",
  ]),
  file("vsftpd", "plain", ["/var/log/vsftpd.log"]),
  file("proftpd", "syslog", ["/var/log/proftpd/proftpd.log"]),
];

const WEB = [
  file("apache-access", "access", [
    "/var/log/apache2/*access.log",
    "/var/log/apache2/access_log",
    "/var/log/httpd/*access_log",
    "/var/log/httpd/domains/*.log",
  ]),
  // A customer's program under mod_php or as plain CGI inherits the error log as its stderr, and writes whole lines into it.
  file(
    "apache-error",
    "apache-error",
    [
      "/var/log/apache2/*error.log",
      "/var/log/apache2/error_log",
      "/var/log/httpd/*error_log",
      "/var/log/httpd/domains/*.error.log",
      "/var/www/vhosts/system/*/logs/error_log",
    ],
    true,
  ),
  file("nginx-access", "access", ["/var/log/nginx/*access.log", "/var/log/nginx/*access_log"]),
  // nginx writes the path of a request decoded, line ends too (tried with 1.22.1): anybody on the net can write whole lines of it.
  file("nginx-error", "nginx-error", ["/var/log/nginx/*error.log", "/var/log/nginx/*error_log"], true),
  file("domlogs", "access", [
    "/var/log/apache2/domlogs/*",
    "/usr/local/apache/domlogs/*",
    "/var/www/vhosts/system/*/logs/*access_log",
    "/var/www/vhosts/system/*/logs/*access_ssl_log",
  ]),
  file("modsecurity", "modsecurity", [
    "/var/log/apache2/modsec_audit.log",
    "/var/log/httpd/modsec_audit.log",
    "/var/log/nginx/modsec_audit.log",
    "/var/log/modsec_audit.log",
  ]),
];

const PANELS_AND_DATABASES = [
  file("cpanel-login", "cpanel", ["/usr/local/cpanel/logs/login_log"]),
  file("cpanel-session", "cpanel", ["/usr/local/cpanel/logs/session_log"]),
  file("directadmin-login", "plain", ["/var/log/directadmin/login.log"]),
  file("plesk-panel", "plain", ["/var/log/plesk/panel.log"]),
  // Names stand there as they were sent. That no line can be ended within one was not proven: taken for forgeable.
  file(
    "mysql",
    "plain",
    [
      "/var/log/mysql/error.log",
      "/var/log/mysql/mysql.err",
      "/var/log/mysqld.log",
      "/var/log/mysql/mysqld.log",
      "/var/log/mariadb/mariadb.log",
      "/var/lib/mysql/*.err",
    ],
    true,
  ),
  file("postgresql", "plain", [
    "/var/log/postgresql/*.log",
    "/var/lib/pgsql/data/log/*.log",
    "/var/lib/pgsql/*/data/log/*.log",
  ]),
  file("gitea", "syslog", ["/var/log/gitea/gitea.log", "/var/lib/gitea/log/gitea.log"]),
];

/** The sources that are read unless the configuration says otherwise. Names are unique; rules name them. */
export function defaultSources(): readonly LogSource[] {
  return [...SYSLOG, ...MAIL_AND_FTP, ...WEB, ...PANELS_AND_DATABASES];
}

function file(name: string, format: LogSource["format"], paths: readonly string[], isForgeable = false): LogSource {
  return { name, kind: "file", paths, format, isForgeable };
}
