/** The shipped list of files that matter. Data only. */

/** One pattern and how its files are treated. */
export interface WatchedFiles {
  readonly pattern: string;
  /** Content never leaves the sentry: metadata and digest only. */
  readonly secret: boolean;
}

const PLAIN = [
  "/etc/passwd",
  "/etc/group",
  "/etc/sudoers",
  "/etc/sudoers.d/*",
  "/etc/ssh/sshd_config",
  "/etc/ssh/sshd_config.d/*",
  "/etc/pam.d/*",
  "/etc/security/*",
  "/etc/crontab",
  "/etc/cron.d/*",
  "/etc/cron.hourly/*",
  "/etc/cron.daily/*",
  "/etc/cron.weekly/*",
  "/etc/cron.monthly/*",
  "/etc/anacrontab",
  "/var/spool/cron/*",
  "/var/spool/cron/crontabs/*",
  "/etc/ld.so.preload",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d/*",
  "/etc/hosts",
  "/etc/hosts.allow",
  "/etc/hosts.deny",
  "/etc/resolv.conf",
  "/etc/nsswitch.conf",
  "/etc/profile",
  "/etc/profile.d/*",
  "/etc/bash.bashrc",
  "/etc/environment",
  "/etc/rc.local",
  "/etc/securetty",
  "/etc/shells",
  "/etc/login.defs",
  "/etc/modules",
  "/etc/modules-load.d/*",
  "/etc/sysctl.conf",
  "/etc/sysctl.d/*",
  "/etc/apt/sources.list",
  "/etc/apt/sources.list.d/*",
  "/etc/apt/apt.conf.d/*",
  "/etc/systemd/system/**",
  "/usr/lib/systemd/system-generators/*",
  "/root/.ssh/authorized_keys",
  "/root/.ssh/authorized_keys2",
  "/root/.ssh/config",
  "/root/.ssh/rc",
  "/root/.bashrc",
  "/root/.bash_profile",
  "/root/.bash_login",
  "/root/.bash_logout",
  "/root/.profile",
  "/root/.zshrc",
  "/root/.forward",
  "/root/.rhosts",
  "/root/.k5login",
];

/** Privilege files of the panels, below `panelPrefix`. */
const PANEL_PLAIN = [
  "/var/cpanel/resellers",
  "/var/cpanel/acllists/*",
  "/var/cpanel/hooks.yaml",
  "/usr/local/cpanel/scripts/pre*",
  "/usr/local/cpanel/scripts/post*",
  "/etc/trueuserowners",
  "/usr/local/directadmin/data/admin/*.list",
  "/usr/local/directadmin/conf/directadmin.conf",
  "/etc/webmin/webmin.acl",
  "/etc/psa/psa.conf",
];

const SECRET = ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-"];

/**
 * The shipped list.
 * @param panelPrefix folder that the panels' trees lie under, `""` for the real host
 */
export function shippedFiles(panelPrefix: string): WatchedFiles[] {
  return [
    ...PLAIN.map((pattern) => ({ pattern, secret: false })),
    ...PANEL_PLAIN.map((pattern) => ({ pattern: `${panelPrefix}${pattern}`, secret: false })),
    ...SECRET.map((pattern) => ({ pattern, secret: true })),
  ];
}
