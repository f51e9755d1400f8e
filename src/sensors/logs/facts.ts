/** What the mind knows of logs: what a decision and a login mean, how grave it is, and what to type next. */
import type { SensorFacts } from "#src/judge/contract.ts";
import { judgeDecision } from "./decisions.ts";
import { LEVEL_KINDS, levels } from "./levels.ts";
import { describeLogin, judgeLogin, stillLearnsLogin } from "./logins.ts";
import { judgeTrouble } from "./troubles.ts";

/** Judges decisions of src/logs/decide, logins, and troubles of the reading itself. */
export const facts: SensorFacts = {
  kinds: {
    "auth.bruteforce": "An address has failed to log in more often than is allowed",
    "auth.spray": "An address has tried to log in to many accounts",
    "auth.distributed": "Many addresses try to log in to one account",
    "auth.break-in-suspected": "A login worked behind failures that look like guessing",
    "login.new-network": "An account has logged in from a part of the internet that is new for it",
    "login.root": "root has logged in by a way that root did not use on this host",
    "login.unusual-hour": "An account has logged in at an hour at which it ordinarily does not",
    "web.probe": "An address has asked web sites for what only attackers look for",
    "waf.hit": "The web application firewall has refused many requests of an address",
    "logs.forged": "A line in a log was written by a user of this host, not by the program it names",
    "logs.silent": "A log in which something is ordinarily found has had nothing for long",
    "logs.behind": "A log grows faster than it is read",
    "logs.rule-disabled": "A rule for logs is not looked at any more",
    ...LEVEL_KINDS,
  },
  describe: describeLogin,
  levels,
  stillLearns: stillLearnsLogin,
  judge: (change, host) => {
    const { observation } = change;
    switch (observation.facts?.["event"]) {
      case "decision":
        return judgeDecision(observation.facts);
      case "trouble":
        return judgeTrouble(observation.facts);
      default:
        return change.type === "new" ? judgeLogin(observation, host) : null;
    }
  },
};
