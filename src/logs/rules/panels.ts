/** Logins of hosting panels: cPanel, DirectAdmin, Plesk, Webmin. */
import type { RuleFile } from "../rule.ts";
import { ADDRESS } from "./fragments.ts";

// 11.x wrote an access line; later versions time, level and service first. Both put the client before what he says.
const CPANEL_START = String.raw`^(?:info \[[\w.-]+\] ${ADDRESS} - |${ADDRESS} - )`;

/** Rules of cPanel's login_log and session_log. */
export const CPANEL: RuleFile = {
  service: "cpanel",
  sentence: "Logins at cPanel, WHM and webmail. cphulkd.log is not read: it says again what login_log says.",
  sources: ["cpanel-login", "cpanel-session"],
  format: "cpanel",
  rules: [
    {
      name: "login-failed",
      sentence: "A password or account was wrong. A login without a name comes from port scanners.",
      outcome: "failure",
      pattern: String.raw`${CPANEL_START}(?<user>.*?) (?:\[[\d/: +-]+\] )?"(?:GET|POST|-)[^"]*" FAILED LOGIN (?<detail>\w+)(?:: .*)?$`,
      literal: " FAILED LOGIN ",
      samples: [
        {
          line: '192.0.2.20 - user [07/10/2013:18:43:00 -0000] "POST /login/?login_only=1 HTTP/1.1" FAILED LOGIN whostmgrd: user password hash is missing from system (user probably does not exist)',
          hit: { address: "192.0.2.20", user: "user", detail: "whostmgrd" },
        },
        {
          line: '[2017-01-25 06:01:10 -0500] info [cpsrvd] 198.51.100.19 - test "POST /login/?login_only=1 HTTP/1.1" FAILED LOGIN cpaneld: invalid cpanel user test (loadcpdata failed)',
          hit: { address: "198.51.100.19", user: "test", detail: "cpaneld" },
        },
      ],
    },
    {
      name: "login",
      sentence: "A login that worked; written only if the host is set to.",
      outcome: "success",
      pattern: String.raw`${CPANEL_START}(?<user>[^ ]+)(?: \(possessor: [^)]*\))? (?:\[[\d/: +-]+\] )?(?:"[^"]*"|-) SUCCESS LOGIN (?<detail>\w+)$`,
      literal: " SUCCESS LOGIN ",
      samples: [
        {
          line: "[2017-01-25 06:01:10 -0500] info [cpsrvd] 198.51.100.19 - info@alice.example (possessor: reseller) - SUCCESS LOGIN webmaild",
          hit: { address: "198.51.100.19", user: "info@alice.example", detail: "webmaild" },
        },
      ],
    },
    {
      name: "session",
      sentence:
        "A session began. One that root or a reseller opens for an account (possessed), or the API, is no login of the account.",
      outcome: "success",
      pattern: String.raw`^info \[[\w.-]+\] ${ADDRESS} NEW (?<user>[^ :]+):\S+ (?=.*\bmethod=handle_form_login\b)(?=.*\bpossessed=0\b).*app=(?<detail>\w+),.*$`,
      literal: " NEW ",
      samples: [
        {
          line: "[2015-10-29 09:27:35 -0500] info [cpsrvd] 198.51.100.14 NEW root:tvf32S0e address=198.51.100.14,app=whostmgrd,creator=root,method=handle_form_login,path=form,possessed=0",
          hit: { address: "198.51.100.14", user: "root", detail: "whostmgrd" },
        },
        {
          line: "[2015-10-29 09:27:35 -0500] info [cpaneld] 198.51.100.14 NEW alice:tvf32S0e address=198.51.100.14,app=cpaneld,creator=root,method=create_user_session,path=form,possessed=1",
          hit: null,
        },
      ],
    },
  ],
};

/** Rules of DirectAdmin's login.log. */
export const DIRECTADMIN: RuleFile = {
  service: "directadmin",
  sentence: "Logins at DirectAdmin 1.",
  sources: ["directadmin-login"],
  format: "plain",
  rules: [
    {
      name: "login-failed",
      sentence: "A password or account was wrong.",
      outcome: "failure",
      pattern: String.raw`^\d{4}:\d\d:\d\d-\d\d:\d\d:\d\d: '${ADDRESS}' \d+ failed login attempts?\. (?:Account|Invalid account) '(?<user>.*?)'(?: via '.*')?$`,
      samples: [
        {
          line: "2014:07:02-13:07:40: '198.51.100.23' 13 failed login attempts. Account 'admin'",
          hit: { address: "198.51.100.23", user: "admin" },
        },
        {
          line: "2014:07:02-13:29:38: '198.51.100.23' 2 failed login attempts. Account 'user' via 'admin'",
          hit: { address: "198.51.100.23", user: "user" },
        },
        {
          line: "2014:07:02-13:07:50: '198.51.100.23' 5 failed login attempt. Invalid account 'user%2Ename'",
          hit: { address: "198.51.100.23", user: "user%2Ename" },
        },
      ],
    },
    {
      name: "login",
      sentence: "A login that worked.",
      outcome: "success",
      pattern: String.raw`^\d{4}:\d\d:\d\d-\d\d:\d\d:\d\d: '${ADDRESS}' successful login to '(?<user>[^']*)' after \d+ attempts?.*$`,
      samples: [
        {
          line: "2014:07:02-13:08:14: '198.51.100.23' successful login to 'nobody' after 1 attempts",
          hit: { address: "198.51.100.23", user: "nobody" },
        },
      ],
    },
  ],
};

/** Rules of Plesk's panel.log. */
export const PLESK: RuleFile = {
  service: "plesk",
  sentence: "Failed logins at Plesk Obsidian.",
  sources: ["plesk-panel"],
  format: "plain",
  rules: [
    {
      name: "login-failed",
      sentence: "A password or account was wrong.",
      outcome: "failure",
      pattern: String.raw`^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?\]? (?:[\w:]+ )?(?:ERR|WARN|INFO) \[(?:panel|\d+)\] (?:\[Action Log\] )?Failed login attempt with login '(?<user>.*)' from IP ${ADDRESS}$`,
      samples: [
        {
          line: "2024-02-22 10:15:03 ERR [panel] [Action Log] Failed login attempt with login 'admin' from IP 198.51.100.23",
          hit: { address: "198.51.100.23", user: "admin" },
        },
        {
          line: "[2024-02-22 10:15:03.123] 1234:65d71f ERR [panel] [Action Log] Failed login attempt with login 'x' from IP 192.0.2.66' from IP 198.51.100.23",
          hit: { address: "198.51.100.23", user: "x' from IP 192.0.2.66" },
        },
      ],
    },
  ],
};

/** Rules of Webmin and Usermin. */
export const WEBMIN: RuleFile = {
  service: "webmin",
  sentence: "Logins at Webmin and Usermin.",
  sources: ["auth", "journal"],
  format: "syslog",
  programs: ["webmin", "usermin"],
  rules: [
    {
      name: "login-failed",
      sentence: "A password or account was wrong.",
      outcome: "failure",
      pattern: `^(?:Invalid|Non-existent) login as (?<user>.*) from ${ADDRESS} ?$`,
      samples: [
        {
          line: "Dec 13 08:15:18 web1 webmin[25875]: Invalid login as root from 198.51.100.23 ",
          hit: { address: "198.51.100.23", user: "root" },
        },
        {
          line: "Dec 13 08:15:18 web1 webmin[25875]: Non-existent login as x from 192.0.2.66 from 198.51.100.23",
          hit: { address: "198.51.100.23", user: "x from 192.0.2.66" },
        },
      ],
    },
    {
      name: "login",
      sentence: "A login that worked.",
      outcome: "success",
      pattern: `^Successful login as (?<user>.*) from ${ADDRESS} ?$`,
      samples: [
        {
          line: "Dec 13 08:15:18 web1 webmin[25875]: Successful login as root from 198.51.100.23",
          hit: { address: "198.51.100.23", user: "root" },
        },
      ],
    },
  ],
};
