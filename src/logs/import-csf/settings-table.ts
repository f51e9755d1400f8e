/** Every setting of csf.conf, and what becomes of it. Names of csf 15.10 (433 of them) and of its versions for each panel. */

/**
 * `taken`: what the import gives depends on it. `other`: Garrison does this, with settings or learning of its own. `not`: Garrison
 * does not do this.
 */
export type CsfFate = "taken" | "other" | "not";

/** A group of settings with one fate. */
interface Row {
  readonly fate: CsfFate;
  readonly why: string;
  readonly names: string;
}

const ROWS: readonly Row[] = [
  { fate: "taken", why: "while it is on, CSF blocks nothing for long: mode observe", names: "TESTING" },
  {
    fate: "taken",
    why: "points of the policy, of the service's own where it differs",
    names:
      "LF_TRIGGER LF_SSHD LF_FTPD LF_SMTPAUTH LF_EXIMSYNTAX LF_POP3D LF_IMAPD LF_HTACCESS LF_CPANEL LF_MODSEC LF_BIND LF_WEBMIN LF_APACHE_404 LF_APACHE_403 LF_APACHE_401",
  },
  {
    fate: "taken",
    why: "how long the first block lasts; a block for ever by rule becomes one of the longest duration",
    names:
      "LF_TRIGGER_PERM LF_SSHD_PERM LF_FTPD_PERM LF_SMTPAUTH_PERM LF_EXIMSYNTAX_PERM LF_POP3D_PERM LF_IMAPD_PERM LF_HTACCESS_PERM LF_CPANEL_PERM LF_MODSEC_PERM LF_BIND_PERM LF_WEBMIN_PERM LF_APACHE_404_PERM LF_APACHE_403_PERM LF_APACHE_401_PERM",
  },
  { fate: "taken", why: "time in which the points must come together", names: "LF_INTERVAL" },
  {
    fate: "taken",
    why: "how fast blocks of repeat offenders grow",
    names: "LF_PERMBLOCK LF_PERMBLOCK_INTERVAL LF_PERMBLOCK_COUNT",
  },
  {
    fate: "taken",
    why: "blocks of whole networks; only class C, a /24",
    names: "LF_NETBLOCK LF_NETBLOCK_INTERVAL LF_NETBLOCK_COUNT LF_NETBLOCK_CLASS LF_NETBLOCK_IPV6",
  },
  {
    fate: "taken",
    why: "shown as ports that should listen; Garrison closes no port",
    names: "TCP_IN TCP_OUT UDP_IN UDP_OUT TCP6_IN TCP6_OUT UDP6_IN UDP6_OUT",
  },
  {
    fate: "taken",
    why: "allowed addresses are never blocked in Garrison, whichever of the two files they come from",
    names: "IGNORE_ALLOW",
  },
  { fate: "taken", why: "a list from a URL", names: "GLOBAL_DENY" },
  {
    fate: "other",
    why: "blocks lie in hash sets of the kernel that hold a million: nothing has to be rotated out",
    names:
      "DENY_IP_LIMIT DENY_TEMP_IP_LIMIT LF_IPSET LF_IPSET_HASHSIZE LF_IPSET_MAXELEM FASTSTART WAITLOCK WAITLOCK_TIMEOUT SAFECHAINUPDATE LF_REPEATBLOCK",
  },
  {
    fate: "other",
    why: "attacks of many addresses on one account, and of one address on many accounts, are found without a setting",
    names:
      "LF_DISTATTACK LF_DISTATTACK_UNIQ LF_DISTFTP LF_DISTFTP_UNIQ LF_DISTFTP_PERM LF_DISTFTP_ALERT LF_DISTSMTP LF_DISTSMTP_UNIQ LF_DISTSMTP_PERM LF_DISTSMTP_ALERT LF_DIST_INTERVAL",
  },
  {
    fate: "other",
    why: "alerts have channels, grouping and a budget of their own under notify",
    names:
      "LF_ALERT_TO LF_ALERT_FROM LF_ALERT_SMTP LF_EMAIL_ALERT LF_TEMP_EMAIL_ALERT LF_PERMBLOCK_ALERT LF_NETBLOCK_ALERT LT_EMAIL_ALERT CT_EMAIL_ALERT PS_EMAIL_ALERT PT_USERKILL_ALERT SYSLOG",
  },
  {
    fate: "other",
    why: "logins are learnt, and those that are not ordinary are alerts",
    names:
      "LF_SSH_EMAIL_ALERT LF_SU_EMAIL_ALERT LF_SUDO_EMAIL_ALERT LF_WEBMIN_EMAIL_ALERT LF_CONSOLE_EMAIL_ALERT LF_CPANEL_ALERT LF_CPANEL_ALERT_USERS",
  },
  {
    fate: "other",
    why: "log files are sources of their own, found by globs",
    names:
      "HTACCESS_LOG MODSEC_LOG SSHD_LOG SU_LOG SUDO_LOG FTPD_LOG SMTPAUTH_LOG SMTPRELAY_LOG POP3D_LOG IMAPD_LOG CPANEL_LOG CPANEL_ACCESSLOG SCRIPT_LOG IPTABLES_LOG SUHOSIN_LOG BIND_LOG SYSLOG_LOG WEBMIN_LOG",
  },
  {
    fate: "not",
    why: "patterns of regex.custom.pm are code: write them as rules",
    names:
      "CUSTOM1_LOG CUSTOM2_LOG CUSTOM3_LOG CUSTOM4_LOG CUSTOM5_LOG CUSTOM6_LOG CUSTOM7_LOG CUSTOM8_LOG CUSTOM9_LOG",
  },
  {
    fate: "other",
    why: "lines that ordinary users can write are marked as forgeable, and checked against the journal",
    names: "RESTRICT_SYSLOG RESTRICT_SYSLOG_GROUP SYSLOG_CHECK",
  },
  {
    fate: "other",
    why: "logs are read to the end however fast they grow",
    names: "LF_PARSE LOGFLOOD_ALERT LF_FLUSH LF_DAEMON LF_CSF LFDSTART",
  },
  {
    fate: "other",
    why: "files and accounts are watched by their sensors, which learn what is ordinary",
    names:
      "LF_DIRWATCH LF_DIRWATCH_DISABLE LF_DIRWATCH_FILE LF_INTEGRITY LF_EXPLOIT LF_EXPLOIT_IGNORE AT_ALERT AT_INTERVAL AT_NEW AT_OLD AT_PASSWD AT_UID AT_GID AT_DIR AT_SHELL",
  },
  {
    fate: "other",
    why: "cut-off of live connections, and reading of the whole log, need no setting",
    names: "USE_CONNTRACK LF_SPI IPV6_SPI LF_BLOCKINONLY PACKET_FILTER",
  },
  {
    fate: "not",
    why: "Garrison blocks who attacks, and closes or opens no port: keep or write the rules that do",
    names:
      "LF_SELECT DROP DROP_OUT DROP_LOGGING DROP_IP_LOGGING DROP_OUT_LOGGING DROP_UID_LOGGING DROP_ONLYRES DROP_NOLOG DROP_PF_LOGGING CONNLIMIT CONNLIMIT_LOGGING PORTFLOOD UDPFLOOD UDPFLOOD_LIMIT UDPFLOOD_BURST UDPFLOOD_ALLOWUSER UDPFLOOD_LOGGING SYNFLOOD SYNFLOOD_RATE SYNFLOOD_BURST ICMP_IN ICMP_IN_RATE ICMP_OUT ICMP_OUT_RATE ICMP_TIMESTAMPDROP IPV6 IPV6_ICMP_STRICT ETH_DEVICE ETH6_DEVICE ETH_DEVICE_SKIP USE_FTPHELPER DNS_STRICT DNS_STRICT_NS PORTKNOCKING PORTKNOCKING_LOG PORTKNOCKING_ALERT DOCKER DOCKER_DEVICE DOCKER_NETWORK4 DOCKER_NETWORK6",
  },
  {
    fate: "not",
    why: "ports of one service alone are blocked by hand, with garrison block --port",
    names:
      "PORTS_pop3d PORTS_imapd PORTS_htpasswd PORTS_mod_security PORTS_mod_qos PORTS_symlink PORTS_suhosin PORTS_cxs PORTS_bind PORTS_ftpd PORTS_webmin PORTS_cpanel PORTS_smtpauth PORTS_eximsyntax PORTS_sshd",
  },
  {
    fate: "not",
    why: "countries are not told from addresses: no such data comes with Garrison",
    names:
      "CC_SRC CC_DENY CC_ALLOW CC_ALLOW_FILTER CC_ALLOW_PORTS CC_ALLOW_PORTS_TCP CC_ALLOW_PORTS_UDP CC_DENY_PORTS CC_DENY_PORTS_TCP CC_DENY_PORTS_UDP CC_IGNORE CC_ALLOW_SMTPAUTH CC_MESSENGER_ALLOW CC_MESSENGER_DENY CC_DROP_CIDR CC_LOOKUPS CC6_LOOKUPS CC_INTERVAL MM_LICENSE_KEY LF_LOOKUPS",
  },
  {
    fate: "not",
    why: "names are not looked up: an address behind a name may be anybody's next",
    names: "DYNDNS DYNDNS_IGNORE GLOBAL_DYNDNS GLOBAL_DYNDNS_INTERVAL GLOBAL_DYNDNS_IGNORE",
  },
  {
    fate: "not",
    why: "who is never blocked stands in the configuration alone, not at a URL",
    names: "GLOBAL_ALLOW GLOBAL_IGNORE",
  },
  { fate: "taken", why: "how often GLOBAL_DENY is fetched", names: "LF_GLOBAL" },
  { fate: "not", why: "lists skip no network interface", names: "LF_BOGON_SKIP" },
  { fate: "not", why: "lists are fetched over https by Garrison itself, without a proxy", names: "URLGET URLPROXY" },
  {
    fate: "not",
    why: "no rule for these yet",
    names:
      "LF_SUHOSIN LF_SUHOSIN_PERM LF_CXS LF_CXS_PERM LF_QOS LF_QOS_PERM LF_SYMLINK LF_SYMLINK_PERM LF_APACHE_ERRPORT",
  },
  {
    fate: "not",
    why: "successful logins of a mail account are not limited",
    names: "LT_POP3D LT_IMAPD LT_SKIPPERMBLOCK",
  },
  {
    fate: "not",
    why: "mail sent by scripts and relays is not counted yet",
    names:
      "LF_SCRIPT_ALERT LF_SCRIPT_LIMIT LF_SCRIPT_PERM LF_QUEUE_ALERT LF_QUEUE_INTERVAL RT_RELAY_ALERT RT_RELAY_LIMIT RT_RELAY_BLOCK RT_AUTHRELAY_ALERT RT_AUTHRELAY_LIMIT RT_AUTHRELAY_BLOCK RT_POPRELAY_ALERT RT_POPRELAY_LIMIT RT_POPRELAY_BLOCK RT_LOCALRELAY_ALERT RT_LOCALRELAY_LIMIT RT_LOCALHOSTRELAY_ALERT RT_LOCALHOSTRELAY_LIMIT RELAYHOSTS SMTP_BLOCK SMTP_ALLOWLOCAL SMTP_REDIRECT SMTP_PORTS SMTP_ALLOWUSER SMTP_ALLOWGROUP SMTPAUTH_RESTRICT",
  },
  {
    fate: "not",
    why: "connections, port scans and load are not counted yet",
    names:
      "CT_LIMIT CT_INTERVAL CT_PERMANENT CT_BLOCK_TIME CT_SKIP_TIME_WAIT CT_STATES CT_PORTS CT_SUBNET_LIMIT PS_INTERVAL PS_LIMIT PS_PORTS PS_DIVERSITY PS_PERMANENT PS_BLOCK_TIME UID_INTERVAL UID_LIMIT UID_PORTS PT_LOAD PT_LOAD_AVG PT_LOAD_LEVEL PT_LOAD_SKIP PT_APACHESTATUS",
  },
  {
    fate: "not",
    why: "no process is judged by its age or size, and none is killed",
    names:
      "PT_LIMIT PT_INTERVAL PT_SKIP_HTTP PT_ALL_USERS PT_DELETED PT_USERPROC PT_USERMEM PT_USERRSS PT_USERTIME PT_USERKILL PT_FORKBOMB PT_SSHDKILL PT_SSHDHUNG LF_MODSECIPDB_ALERT LF_MODSECIPDB_FILE",
  },
  {
    fate: "not",
    why: "no program is started by what a log says",
    names:
      "BLOCK_REPORT UNBLOCK_REPORT LF_CPANEL_ALERT_ACTION LF_SCRIPT_ACTION LF_DIST_ACTION RT_ACTION PT_DELETED_ACTION PT_USER_ACTION PT_LOAD_ACTION X_ARF X_ARF_FROM X_ARF_TO X_ARF_ABUSE",
  },
  {
    fate: "not",
    why: "nothing is told to a CDN: clients behind one are blocked at the web server",
    names: "CF_ENABLE CF_CPANEL CF_BLOCK CF_TEMP",
  },
  {
    fate: "not",
    why: "blocked clients get no page",
    names:
      "MESSENGER MESSENGER_TEMP MESSENGER_PERM MESSENGER_USER MESSENGER_HTTPS_CONF MESSENGER_HTTPS_KEY MESSENGER_HTTPS_CRT MESSENGER_HTTPS MESSENGER_HTTPS_IN MESSENGER_HTML MESSENGER_HTML_IN MESSENGER_TEXT MESSENGER_TEXT_IN MESSENGER_RATE MESSENGER_BURST MESSENGER_CHILDREN MESSENGER_HTTPS_SKIPMAIL MESSENGERV2 MESSENGERV3 MESSENGERV3LOCATION MESSENGERV3RESTART MESSENGERV3TEST MESSENGERV3HTTPS_CONF MESSENGERV3WEBSERVER MESSENGERV3PERMS MESSENGERV3GROUP MESSENGERV3PHPHANDLER RECAPTCHA_SITEKEY RECAPTCHA_SECRET RECAPTCHA_ALERT RECAPTCHA_NAT",
  },
  {
    fate: "not",
    why: "hosts do not order each other to block",
    names:
      "CLUSTER_SENDTO CLUSTER_RECVFROM CLUSTER_MASTER CLUSTER_NAT CLUSTER_LOCALADDR CLUSTER_PORT CLUSTER_KEY CLUSTER_BLOCK CLUSTER_CONFIG CLUSTER_CHILDREN",
  },
  {
    fate: "not",
    why: "reports and graphs of CSF's own",
    names:
      "LOGSCANNER LOGSCANNER_INTERVAL LOGSCANNER_STYLE LOGSCANNER_EMPTY LOGSCANNER_LINES ST_ENABLE ST_IPTABLES ST_LOOKUP ST_SYSTEM ST_SYSTEM_MAXDAYS ST_MYSQL ST_MYSQL_USER ST_MYSQL_PASS ST_MYSQL_HOST ST_APACHE ST_DISKW ST_DISKW_FREQ ST_DISKW_DD",
  },
  {
    fate: "not",
    why: "of CSF's own web page and program",
    names:
      "TESTING_INTERVAL RESTRICT_UI AUTO_UPDATES LFD_PROCESS_BIND SPONSOR_LICENSE SPONSOR_RELEASE_INSIDERS SPONSOR_ICON_ANIM SPONSOR_ICON_HIDE VERBOSE STYLE_CUSTOM STYLE_MOBILE UI UI_PORT UI_IP UI_USER UI_PASS UI_BLOCK_PRIVATE_NET UI_RETRY_SHOW_REMAINING UI_WEBMIN_SHOW_BUTTON_CONFIG UI_TIMEOUT UI_CHILDREN UI_RETRY UI_BAN UI_ALLOW UI_BLOCK UI_ALERT UI_CIPHER UI_SSL_VERSION UI_CXS UI_CSE UI_CSP_ENABLED UI_CSP_ADVANCED_ENABLED UI_CSP_ADVANCED_RULE UI_LOGS_REFRESH_TIME UI_LOGS_START_PAUSED DEBUG",
  },
  {
    fate: "not",
    why: "Garrison starts none of these programs",
    names:
      "IPTABLES IPTABLES_SAVE IPTABLES_RESTORE IP6TABLES IP6TABLES_SAVE IP6TABLES_RESTORE MODPROBE IFCONFIG SENDMAIL PS VMSTAT NETSTAT LS MD5SUM TAR CHATTR UNZIP GUNZIP DD TAIL GREP ZGREP IPSET SYSTEMCTL HOST IP CURL WGET",
  },
];

/** What becomes of a setting. */
export interface CsfSettingFate {
  readonly fate: CsfFate;
  readonly why: string;
}

const FATES: ReadonlyMap<string, CsfSettingFate> = new Map(
  ROWS.flatMap(({ fate, why, names }) => names.split(" ").map((name) => [name, { fate, why }] as const)),
);

/** `null` for a name that is not known. */
export function fateOf(name: string): CsfSettingFate | null {
  return FATES.get(name) ?? null;
}

/** Every name that is known. */
export function knownSettings(): readonly string[] {
  return [...FATES.keys()];
}

const SECRETS = new Set([
  "CLUSTER_KEY",
  "UI_PASS",
  "ST_MYSQL_PASS",
  "RECAPTCHA_SECRET",
  "MM_LICENSE_KEY",
  "SPONSOR_LICENSE",
  "PORTKNOCKING",
]);

/** Whether the value of a setting must not be shown. */
export function isSecretSetting(name: string): boolean {
  return SECRETS.has(name) || /PASS|SECRET|_KEY$|LICENSE/.test(name);
}

/** Files of CSF that are not taken over, and why. */
export const OTHER_FILES: Readonly<Record<string, string>> = {
  "csf.rignore": "names are not looked up: add the addresses of these clients to blocks.allow",
  "csf.dyndns": "names are not looked up: an address behind a name may be anybody's next",
  "csf.cloudflare": "nothing is told to a CDN",
  "csf.redirect": "packets are not redirected",
  "csf.sips": "addresses of the host itself are not blocked for the outside",
  "csf.smtpauth": "Exim keeps its own list of who may log in",
  "csf.uidignore": "outgoing packets of users are not filtered",
  "csf.pignore": "no process is judged by its age or size",
  "csf.fignore": "files are watched by their sensors: see sensors.files",
  "csf.dirwatch": "files are watched by their sensors: see sensors.files",
  "csf.suignore": "logins are learnt",
  "csf.signore": "mail sent by scripts is not counted yet",
  "csf.mignore": "mail sent by relays is not counted yet",
  "csf.logignore": "log lines are judged by rules",
  "csf.logfiles": "log files are sources of their own",
  "csf.syslogs": "log files are sources of their own",
  "csf.syslogusers": "lines that ordinary users can write are marked as forgeable",
  "csf.rblconf": "the host's own addresses are not looked up in lists",
  "csf.resellers": "resellers may not unblock",
};
