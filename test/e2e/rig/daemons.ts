/** The real daemons, from Debian's packages: with Debian's configuration, and what must differ from it in a test. */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

// Debian's packages that cannot be installed beside the others, as tools/test.mjs unpacks them.
const UNPACKED = join(import.meta.dirname, "../../../node_modules/.debian");

/** The password of every user of the server. */
export const PASSWORD = "right horse";
/** Users of the server besides root. */
export const USERS = ["alice", "bob", "carol"];

// crypt(3) of PASSWORD; few rounds, for a test proves nothing about them.
const HASH =
  "$6$rounds=1000$garrisonrig$AEHxH7x9KPxp9o8GG6BqjpVGjUv/Pg2uowcjEwPWvVdtyPW/3R6uwWN4BMYABMLkaI7Hd/Hk4VGNNPja9XxKw.";

/** A daemon, and how it is had. */
export interface Daemon {
  /** Stays in the foreground. */
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Listens there once it is ready. Two of a kind have not the same. */
  readonly port: number;
  /** Files of the server's own tree, by path. */
  readonly files: Readonly<Record<string, string>>;
}

const EXIM = `
primary_hostname = web1.example.net
domainlist local_domains = example.net
acl_smtp_rcpt = acl_check_rcpt
auth_advertise_hosts = *
tls_advertise_hosts =
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_certificate_verified +tls_peerdn
begin acl
acl_check_rcpt:
  accept authenticated = *
  accept domains = +local_domains
  deny message = relay not permitted
begin routers
nowhere:
  driver = redirect
  data = :blackhole:
begin authenticators
plain_server:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and {{inlist{$auth2}{${USERS.join(":")}}} {eq{$auth3}{${PASSWORD}}}}}
  server_set_id = $auth2
login_server:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Username:: : Password::"
  server_condition = \${if and {{inlist{$auth1}{${USERS.join(":")}}} {eq{$auth2}{${PASSWORD}}}}}
  server_set_id = $auth1
`;

const DOVECOT = `
disable_plaintext_auth = no
# Attempts are at once, not after 2 s and ever more.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
  }
}
`;

// Debian's own but for where it lies, and that its logins are Dovecot's.
const POSTFIX = `
compatibility_level = 3.6
command_directory = ${UNPACKED}/usr/sbin
daemon_directory = ${UNPACKED}/usr/lib/postfix/sbin
shlib_directory = ${UNPACKED}/usr/lib/postfix
meta_directory = /etc/postfix
queue_directory = /var/spool/postfix
data_directory = /var/spool/postfix/data
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH
mail_owner = postfix
setgid_group = postdrop
myhostname = web1.example.net
mydestination = example.net, localhost
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps =
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
`;

const POSTFIX_SERVICES = `
587      inet  n - n - - smtpd
anvil    unix  - - n - 1 anvil
rewrite  unix  - - n - - trivial-rewrite
proxymap unix  - - n - - proxymap
tlsmgr   unix  - - n 1000? 1 tlsmgr
`;

const PROFTPD = `
ServerName web1
ServerType standalone
Port 2122
UseIPv6 on
User nobody
Group nogroup
AuthOrder mod_auth_pam.c* mod_auth_unix.c
SystemLog /var/log/proftpd/proftpd.log
TransferLog /var/log/proftpd/xferlog
ScoreboardFile /run/proftpd.scoreboard
PidFile /run/proftpd.pid
# It would keep how long logins took, where the host does.
DelayEngine off
`;

const FTP_PAM = `
auth required pam_listfile.so item=user sense=deny file=/etc/ftpusers onerr=succeed
@include common-auth
@include common-account
@include common-session-noninteractive
`;

const NGINX = `
server {
  listen 8080 default_server;
  listen [::]:8080 default_server;
  root /var/www/html;
  location /admin {
    auth_basic "Admin";
    auth_basic_user_file /etc/nginx/rig.htpasswd;
  }
}
`;

const NGINX_FOLDERS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  .map((kind) => `${kind}_temp_path /run/nginx-${kind};\n`)
  .join("");

const APACHE = `
ServerName web1.example.net
ScriptAlias /wp-login.php /var/www/wp-login.php
<Directory /var/www>
  Require all granted
</Directory>
<Location /admin>
  AuthType Basic
  AuthName "Admin"
  AuthUserFile /etc/apache2/rig.htpasswd
  Require valid-user
</Location>
`;

// As WordPress does: 302 to whoever gave the right password, 200 and the form again to the others.
const WORDPRESS = `#!/bin/sh
read -r body
case $body in
  *pwd=right+horse*) printf 'Status: 302 Found\\r\\nLocation: /wp-admin/\\r\\n\\r\\n' ;;
  *) printf 'Content-Type: text/html\\r\\n\\r\\n<form id="loginform" method="post"></form>\\n' ;;
esac
`;

const APACHE_DAEMON: Daemon = {
  words: ["/usr/sbin/apache2", "-DFOREGROUND"],
  environment: {
    APACHE_RUN_USER: "www-data",
    APACHE_RUN_GROUP: "www-data",
    APACHE_PID_FILE: "/run/apache2/apache2.pid",
    APACHE_RUN_DIR: "/run/apache2",
    APACHE_LOCK_DIR: "/run/lock/apache2",
    APACHE_LOG_DIR: "/var/log/apache2",
  },
  port: 80,
  files: {
    "/etc/apache2/conf-enabled/rig.conf": APACHE,
    "/etc/apache2/mods-enabled/rig-cgid.load": "LoadModule cgid_module /usr/lib/apache2/modules/mod_cgid.so\n",
    "/etc/apache2/mods-enabled/rig-cgid.conf": `ScriptSock \${APACHE_RUN_DIR}/cgisock\n`,
    "/etc/apache2/rig.htpasswd": USERS.map((user) => `${user}:${HASH}\n`).join(""),
    "/var/www/wp-login.php": WORDPRESS,
    "/var/www/html/index.html": "<h1>web1</h1>\n",
  },
};

/** By the name that tests use. */
export const DAEMONS = {
  sshd: {
    words: ["/usr/sbin/sshd", "-D"],
    port: 22,
    files: { "/etc/ssh/sshd_config.d/rig.conf": "PermitRootLogin yes\n" },
  },
  exim: { words: ["/usr/sbin/exim4", "-bdf", "-q30m"], port: 25, files: { "/etc/exim4/exim4.conf": EXIM } },
  dovecot: {
    words: ["/usr/sbin/dovecot", "-F"],
    port: 143,
    files: { "/etc/dovecot/local.conf": DOVECOT, "/etc/dovecot/conf.d/10-ssl.conf": "ssl = no\n" },
  },
  vsftpd: { words: ["/usr/sbin/vsftpd", "/etc/vsftpd.conf", "-odelay_failed_login=0"], port: 21, files: {} },
  /** Logins go by Dovecot, which is to be started too. */
  postfix: {
    words: [`${UNPACKED}/usr/lib/postfix/sbin/master`, "-c", "/etc/postfix"],
    environment: { LD_LIBRARY_PATH: `${UNPACKED}/usr/lib/postfix` },
    port: 587,
    files: { "/etc/postfix/main.cf": POSTFIX, "/etc/postfix/master.cf": POSTFIX_SERVICES },
  },
  /** With the options that Debian's start script makes of its configuration, which stays in the background. */
  pureftpd: {
    words: [
      `${UNPACKED}/usr/sbin/pure-ftpd`,
      ...["-l", "pam", "-E", "-u", "1000", "-O", "clf:/var/log/pure-ftpd/transfer.log", "-S", "2121"],
    ],
    port: 2121,
    files: { "/etc/pam.d/pure-ftpd": FTP_PAM },
  },
  proftpd: {
    words: [`${UNPACKED}/usr/sbin/proftpd`, "--nodaemon", "--quiet", "--config", "/etc/proftpd/proftpd.conf"],
    port: 2122,
    files: { "/etc/proftpd/proftpd.conf": PROFTPD, "/etc/pam.d/proftpd": FTP_PAM },
  },
  apache: APACHE_DAEMON,
  nginx: {
    words: ["/usr/sbin/nginx", "-g", "daemon off;"],
    port: 8080,
    files: {
      "/etc/nginx/sites-enabled/default": NGINX,
      "/etc/nginx/conf.d/rig.conf": NGINX_FOLDERS,
      "/etc/nginx/rig.htpasswd": USERS.map((user) => `${user}:${HASH}\n`).join(""),
      "/var/www/html/index.html": "<h1>web1</h1>\n",
      "/var/www/html/admin": "<h1>admin</h1>\n",
    },
  },
  /** Apache with ModSecurity's recommended configuration (detection only, serial audit log) and the core rule set. */
  modsecurity: {
    ...APACHE_DAEMON,
    files: {
      ...APACHE_DAEMON.files,
      "/etc/modsecurity/rig.conf": "Include /etc/modsecurity/modsecurity.conf-recommended\n",
    },
  },
} satisfies Record<string, Daemon>;

/** Name of a daemon. */
export type DaemonName = keyof typeof DAEMONS;

/** Reads /dev/log and writes /var/log/auth.log and so on, by Debian's own rules. */
export const RSYSLOGD = ["/usr/sbin/rsyslogd", "-n", "-iNONE"];

/**
 * Reads /dev/log, adds what it knows of the sender, keeps it in /var/log/journal and gives the text to rsyslogd. It has no say in the
 * kernel's audit, which is the host's.
 */
export const JOURNALD = ["setpriv", "--bounding-set=-audit_control,-audit_read", "/lib/systemd/systemd-journald"];

/** Prepares a server for journald as systemd would, which is not there. */
export function writeJournalFiles(root: string): void {
  for (const folder of ["/run/systemd/journal", "/var/log/journal"]) mkdirSync(join(root, folder), { recursive: true });
  // Neither the kernel's log nor its audit, which are the host's.
  writeOwn(root, "/etc/systemd/journald.conf", "[Journal]\nForwardToSyslog=yes\nReadKMsg=no\nAudit=\n");
  writeOwn(root, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  // Says that /var is mounted: the journal need not be kept in /run.
  writeOwn(root, "/run/systemd/journal/flushed", "");
  symlinkSync("/run/systemd/journal/dev-log", join(root, "/dev/log"));
  const socket = 'SysSock.Name="/run/systemd/journal/syslog"';
  edit(root, "/etc/rsyslog.conf", (text) => text.replace('load="imuxsock"', `load="imuxsock" ${socket}`));
}

/** Writes what every server has: its users, its names, and rules for its logs. `root` leads to the server's tree. */
export function writeServerFiles(root: string): void {
  const ids = USERS.map((user, index) => ({ user, id: 2001 + index }));
  const add = (line: (one: { user: string; id: number }) => string) => (text: string) => text + ids.map(line).join("");
  edit(
    root,
    "/etc/passwd",
    add(({ user, id }) => `${user}:x:${id}:${id}::/home/${user}:/bin/bash\n`),
  );
  edit(
    root,
    "/etc/group",
    add(({ user, id }) => `${user}:x:${id}:\n`),
  );
  // As Debian's package adds them; server-tree.sh has their folders.
  edit(root, "/etc/passwd", (text) => `${text}postfix:x:2101:2101::/var/spool/postfix:/usr/sbin/nologin\n`);
  edit(root, "/etc/group", (text) => `${text}postfix:x:2101:\npostdrop:x:2102:\n`);
  edit(root, "/etc/shadow", (text) => text.replace(/^root:[^:]*:/m, () => `root:${HASH}:`));
  edit(
    root,
    "/etc/shadow",
    add(({ user }) => `${user}:${HASH}:20000:0:99999:7:::\n`),
  );
  for (const { user, id } of ids) {
    mkdirSync(join(root, "/home", user));
    chownSync(join(root, "/home", user), id, id);
  }
  // imklog would take the kernel's messages from the host.
  edit(root, "/etc/rsyslog.conf", (text) => text.replace(/^.*imklog.*\n/m, ""));
  edit(root, "/etc/pam.d/common-auth", (text) => text.replace("pam_unix.so nullok", "pam_unix.so nullok nodelay"));
  writeOwn(root, "/etc/hostname", "web1\n");
  writeOwn(root, "/etc/hosts", "127.0.0.1 localhost\n203.0.113.9 web1.example.net web1\n");
  writeOwn(root, "/etc/resolv.conf", "");
}

/** Writes the files of a daemon. A text that begins with `#!` may be run. */
export function writeDaemonFiles(root: string, { files }: Pick<Daemon, "files">): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeOwn(root, path, text);
    if (text.startsWith("#!")) chmodSync(join(root, path), 0o755);
  }
}

function edit(root: string, path: string, change: (text: string) => string): void {
  writeOwn(root, path, change(readFileSync(join(root, path), "utf8")));
}

/** Writes a file of the server. A link in its place is taken away first: seen from here, an absolute one leads into the host. */
function writeOwn(root: string, path: string, text: string): void {
  const place = join(root, path);
  if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(place);
  writeFileSync(place, text);
}
