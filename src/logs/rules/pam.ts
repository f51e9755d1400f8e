/**
 * PAM's own lines, for services that have no rules here. Those of sshd, Dovecot, FTP servers, su and sudo say the same as a line of the
 * service itself, and pure-ftpd's names the server's own host: they are left out. `ruser` and `user` are a stranger's text on both
 * sides of the address; no name with `=` in it is read, so that the number of equal signs tells the true place.
 */
import type { RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";

/** Rules of PAM modules that write `authentication failure`. */
export const PAM: RuleFile = {
  service: "pam",
  sentence: "Failed logins that pam_unix and its like report for login, cockpit, vsftpd's neighbours and others.",
  sources: ["auth", "journal"],
  format: "syslog",
  rules: [
    {
      name: "failed",
      sentence: "PAM refused a password.",
      outcome: "failure",
      pattern: String.raw`^pam_\w+\((?!sshd|dovecot|pure-ftpd|vsftpd|proftpd|su|sudo|cron)[\w.-]+:auth\): authentication failure; logname=[\w.-]* uid=\d+ euid=\d+ tty=[\w/:.-]* ruser=[^=]* rhost=${ADDRESS}(?:\s+user=(?<user>[^=]*?))?\s*$`,
      literal: "authentication failure;",
      samples: [
        {
          line: "Nov 22 12:41:02 web1 cockpit-session[180]: pam_unix(cockpit:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=198.51.100.23  user=jeff",
          hit: { address: "198.51.100.23", user: "jeff" },
        },
        {
          line: "Nov 22 12:41:02 web1 saslauthd[180]: pam_unix(smtp:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=2001:db8::1 ",
          hit: { address: "2001:db8::1" },
        },
        {
          line: "Nov 22 12:41:02 web1 sshd[180]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.23  user=alice",
          hit: null,
        },
        {
          line: "Nov 22 12:42:12 web1 pure-ftpd: pam_unix(pure-ftpd:auth): authentication failure; logname= uid=0 euid=0 tty=pure-ftpd ruser=alice rhost=203.0.113.9  user=alice",
          hit: null,
        },
      ],
    },
  ],
};
