/** sudo and su. Both are used by people who are on the host already: there is no address, the account is what counts. */
import type { RuleFile } from "../rule.ts";

/** Rules of sudo. Its line begins with the caller; what he wanted to run stands at the end. */
export const SUDO: RuleFile = {
  service: "sudo",
  sentence: "Refused calls of sudo 1.8 and 1.9.",
  sources: ["auth", "journal"],
  format: "syslog",
  programs: ["sudo"],
  rules: [
    {
      name: "wrong-password",
      sentence: "An account did not know its own password.",
      outcome: "failure",
      pattern: String.raw`^(?<kept>(?<user>[^\s:]+)) : \d+ incorrect password attempts? ; .*$`,
      samples: [
        {
          line: "Nov 22 12:41:18 web1 sudo:      bob : 3 incorrect password attempts ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
          hit: { user: "bob" },
        },
      ],
    },
    {
      name: "not-permitted",
      sentence: "An account that may not use sudo, or not for this, tried to.",
      outcome: "failure",
      weight: 3,
      pattern: String.raw`^(?<kept>(?<user>[^\s:]+)) : (?:user NOT in sudoers|command not allowed|user NOT authorized on host) ; .*COMMAND=(?<detail>.*)$`,
      samples: [
        {
          line: "Nov 22 12:41:18 web1 sudo:    alice : user NOT in sudoers ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id",
          hit: { user: "alice", detail: "/usr/bin/id" },
        },
        {
          line: "Nov 22 12:41:18 web1 sudo:    carol : PWD=/root ; USER=root ; COMMAND=/usr/bin/id",
          hit: null,
        },
      ],
    },
  ],
};

/** Rules of su, which names the target first. */
export const SU: RuleFile = {
  service: "su",
  sentence: "Failed su of util-linux and shadow.",
  sources: ["auth", "journal"],
  format: "syslog",
  programs: ["su"],
  rules: [
    {
      name: "failed",
      sentence: "An account did not know the password of the one it wanted to become.",
      outcome: "failure",
      pattern: String.raw`^FAILED SU \(to (?<detail>[^)]*)\) (?<user>.*) on [\w/.-]+$`,
      samples: [
        {
          line: "Nov 22 12:41:16 web1 su[240]: FAILED SU (to root) alice on pts/0",
          hit: { user: "alice", detail: "root" },
        },
        { line: "Nov 22 12:41:16 web1 su[240]: (to root) alice on pts/0", hit: null },
      ],
    },
  ],
};
