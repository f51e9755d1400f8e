/** Which rule files there are and where their lines stand, so that only those are loaded whose logs are there. */
import type { RuleFile } from "../rule.ts";

/** A rule file that is loaded when it is asked for. */
export interface LazyRuleFile {
  readonly service: string;
  /** As in the file itself. */
  readonly sources: readonly string[];
  load(): Promise<RuleFile>;
}

/** Garrison's own rule files. */
export const RULE_FILES: readonly LazyRuleFile[] = [
  { service: "sshd", sources: ["auth", "journal"], load: async () => (await import("./sshd.ts")).SSHD },
  { service: "pam", sources: ["auth", "journal"], load: async () => (await import("./pam.ts")).PAM },
  { service: "sudo", sources: ["auth", "journal"], load: async () => (await import("./sudo.ts")).SUDO },
  { service: "su", sources: ["auth", "journal"], load: async () => (await import("./sudo.ts")).SU },
  { service: "exim", sources: ["exim-main"], load: async () => (await import("./exim.ts")).EXIM },
  { service: "dovecot", sources: ["mail", "journal"], load: async () => (await import("./dovecot.ts")).DOVECOT },
  { service: "postfix", sources: ["mail", "journal"], load: async () => (await import("./postfix.ts")).POSTFIX },
  { service: "pure-ftpd", sources: ["messages", "journal"], load: async () => (await import("./ftp.ts")).PURE_FTPD },
  {
    service: "proftpd",
    sources: ["messages", "proftpd", "journal"],
    load: async () => (await import("./ftp.ts")).PROFTPD,
  },
  { service: "vsftpd", sources: ["vsftpd"], load: async () => (await import("./ftp.ts")).VSFTPD },
  {
    service: "vsftpd-syslog",
    sources: ["messages", "journal"],
    load: async () => (await import("./ftp.ts")).VSFTPD_SYSLOG,
  },
  {
    service: "web",
    sources: ["apache-access", "nginx-access", "domlogs"],
    load: async () => (await import("./web.ts")).WEB,
  },
  { service: "apache", sources: ["apache-error"], load: async () => (await import("./web-errors.ts")).APACHE_ERROR },
  {
    service: "modsecurity",
    sources: ["apache-error"],
    load: async () => (await import("./web-errors.ts")).MODSECURITY_ERROR,
  },
  { service: "nginx", sources: ["nginx-error"], load: async () => (await import("./web-errors.ts")).NGINX_ERROR },
  {
    service: "cpanel",
    sources: ["cpanel-login", "cpanel-session"],
    load: async () => (await import("./panels.ts")).CPANEL,
  },
  {
    service: "directadmin",
    sources: ["directadmin-login"],
    load: async () => (await import("./panels.ts")).DIRECTADMIN,
  },
  { service: "plesk", sources: ["plesk-panel"], load: async () => (await import("./panels.ts")).PLESK },
  { service: "webmin", sources: ["auth", "journal"], load: async () => (await import("./panels.ts")).WEBMIN },
  { service: "mysql", sources: ["mysql"], load: async () => (await import("./databases.ts")).MYSQL },
  { service: "postgresql", sources: ["postgresql"], load: async () => (await import("./databases.ts")).POSTGRESQL },
  {
    service: "mysql-syslog",
    sources: ["messages", "journal"],
    load: async () => (await import("./databases.ts")).MYSQL_SYSLOG,
  },
  { service: "mssql", sources: ["messages", "journal"], load: async () => (await import("./databases.ts")).MSSQL },
  { service: "exim-syslog", sources: ["mail", "journal"], load: async () => (await import("./exim.ts")).EXIM_SYSLOG },
  {
    service: "dovecot-login",
    sources: ["mail", "journal"],
    load: async () => (await import("./dovecot.ts")).DOVECOT_LOGIN,
  },
  { service: "ftpd", sources: ["messages", "journal"], load: async () => (await import("./others.ts")).FTPD },
  { service: "uw-imap", sources: ["mail", "auth", "journal"], load: async () => (await import("./others.ts")).UW_IMAP },
  {
    service: "pfsense",
    sources: ["messages", "auth", "journal"],
    load: async () => (await import("./others.ts")).PFSENSE,
  },
  { service: "sshguard", sources: ["auth", "journal"], load: async () => (await import("./others.ts")).SSHGUARD },
  { service: "dropbear", sources: ["auth", "journal"], load: async () => (await import("./others.ts")).DROPBEAR },
  { service: "courier", sources: ["mail", "journal"], load: async () => (await import("./others.ts")).COURIER },
  { service: "cyrus", sources: ["mail", "journal"], load: async () => (await import("./others.ts")).CYRUS },
  { service: "opensmtpd", sources: ["mail", "journal"], load: async () => (await import("./others.ts")).OPENSMTPD },
  { service: "sendmail", sources: ["mail", "journal"], load: async () => (await import("./others.ts")).SENDMAIL },
  { service: "gitea", sources: ["gitea", "auth", "journal"], load: async () => (await import("./others.ts")).GITEA },
  {
    service: "proxmox",
    sources: ["auth", "journal", "messages"],
    load: async () => (await import("./others.ts")).PROXMOX,
  },
  {
    service: "openvpn",
    sources: ["auth", "journal", "messages"],
    load: async () => (await import("./others.ts")).OPENVPN,
  },
  { service: "named", sources: ["messages", "journal"], load: async () => (await import("./others.ts")).NAMED },
];

/** Loads the rule files whose lines stand in one of these sources. */
export function loadRuleFiles(sources: ReadonlySet<string>): Promise<readonly RuleFile[]> {
  return Promise.all(
    RULE_FILES.filter((file) => file.sources.some((one) => sources.has(one))).map(({ load }) => load()),
  );
}
