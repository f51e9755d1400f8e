/** What each error code means and what to do about it. docs/reference/errors.md is made of it. */

/** Sentences by code. */
export const ERRORS: Readonly<Record<string, string>> = {
  GARRISON_ACTION_FAILED:
    "The warden tried an action or an undo and could not, or what it did was changed at once; the message says which. Everything is as before.",
  GARRISON_ACTION_REFUSED:
    "The warden will not do this, whoever asks: it is beyond the limits of the action, malformed, or more than it does in a minute.",
  GARRISON_BUSY: "Another command acts on the same action just now. Ask again.",
  GARRISON_CANNOT_BLOCK:
    "Neither nf_tables nor ipset with iptables can be used; the message says why. Nothing is blocked.",
  GARRISON_CANNOT_PLAN: "The alert does not say enough to make this action of it, or is about something else.",
  GARRISON_CONFIG:
    "The configuration is wrong: one line of text for each problem, with file, line and what is expected. Nothing was started.",
  GARRISON_DELIVERY_FAILED: "A notice could not be delivered now; it is tried again.",
  GARRISON_DELIVERY_REFUSED: "The other side will never take this notice; it is not tried again.",
  GARRISON_FANOTIFY_MALFORMED:
    "The kernel's file events are of an unknown form. The sensor starts again; if it stays, this kernel is too new: report it.",
  GARRISON_FOLDER: "A folder that Garrison needs belongs to somebody else. Give another one, or its owner.",
  GARRISON_FOLDER_UNSAFE: "A folder of the warden's belongs to somebody else: what lies in it cannot be trusted.",
  GARRISON_HELD: "Another `garrison up` has this state folder. The message names its pid.",
  GARRISON_INOTIFY_MALFORMED:
    "The kernel's events of folders are of an unknown form. The sensor starts again; if it stays, report it.",
  GARRISON_INTERNAL: "A fault of Garrison. Report it with the message.",
  GARRISON_JOURNAL_FAILED:
    "The journal cannot be written, so no action is performed until it can be. The cause is in the message.",
  GARRISON_JOURNAL_FULL: "The disk has no room for the journal, so no action is performed until there is. Make room.",
  GARRISON_JOURNAL_MALFORMED:
    "`journalctl` gave something that is not its export format. It is started again behind the last entry that was read.",
  GARRISON_JOURNAL_MATCH: "What the journal is to be asked for is no match such as `_SYSTEMD_UNIT=ssh.service`.",
  GARRISON_LEDGER_DAMAGED: "The warden's note of an action cannot be read, so it cannot be undone by Garrison.",
  GARRISON_LEDGER_FULL: "Too many actions are unfinished; no other is begun.",
  GARRISON_LEVEL_STATE:
    "What was remembered of a series of numbers is damaged, or of another version: it is learnt anew.",
  GARRISON_LIST_UNREACHABLE:
    "A list of addresses could not be fetched or read. The list of before stays in force, and it is asked for again.",
  GARRISON_MIND_AWAY: "The mind ended the connection while it answered. It is started again; ask again.",
  GARRISON_NETLINK_ERROR: "The kernel refused to list sockets. The sensor starts again.",
  GARRISON_NETLINK_TRUNCATED: "The kernel's list of sockets ended too early. The sensor starts again.",
  GARRISON_NOBODY_TO_TELL: "`notify test` without anybody to tell. Add a `notify` section to the configuration.",
  GARRISON_NOT_ALLOWED: "Only root and the group `garrison` may talk to Garrison.",
  GARRISON_NOT_BLOCKED:
    "Nothing that is blocked has this address or network exactly; the message names what holds it, if anything does.",
  GARRISON_NOT_CONFINED: "A process of Garrison could not drop its privileges, and ended rather than keep them.",
  GARRISON_NOT_DONE: "Only an action that is done can be undone.",
  GARRISON_NOT_OPEN: "The alert is accepted already.",
  GARRISON_NOT_RUNNING: "Nothing listens at the socket: start `garrison up`, or name its `--run` folder.",
  GARRISON_NO_CSF: "There is no CSF in the folder. Name its folder with `--from`.",
  GARRISON_NO_FREE_UID: "No uid is left for the mind. Make a system user `garrison`.",
  GARRISON_NO_LOGS: "Logs are not read: `sensors.logs.enabled` is false.",
  GARRISON_NO_NETWORK: "What was to be blocked is neither an address nor a network.",
  GARRISON_NO_SUCH_ACTION: "There is no action of this id. `garrison actions` lists them.",
  GARRISON_NO_SUCH_ACTION_KIND: "There is no such kind of action. `garrison actions --help` lists them.",
  GARRISON_NO_SUCH_ALERT: "There is no alert of this id. `garrison alerts --which all` lists them.",
  GARRISON_NO_SUCH_SENSOR: "There is no sensor of this name, or it is not switched on.",
  GARRISON_PATH_UNSAFE:
    "The path leads through a symbolic link, or to neither a file nor a folder: the warden does not touch it.",
  GARRISON_PROGRAM_FAILED:
    "A program that Garrison starts (`journalctl`, `ipset`, `iptables`) ended with an error; the message has its words.",
  GARRISON_QUEUE_FULL:
    "A sensor sees more than can be told on: some of it was dropped. It starts again and looks at everything anew.",
  GARRISON_RULE_REFUSED:
    "A rule of your own must not be used: the message says which, and shows a line by which a stranger could turn it on others.",
  GARRISON_STORE_FULL:
    "The disk, or the allowed size of the store, is full: nothing can be accepted or planned until there is room. Alerts are still told.",
  GARRISON_STORE_TOO_NEW: "A newer Garrison wrote the store. Start that one, or set the state folder aside.",
  GARRISON_SYSCALL: "A call to the kernel failed. The message says what for, and the errno.",
  GARRISON_SYSLOG_SILENT: "Nothing listens at `/dev/log`. Start a syslog daemon, or set `notify.syslog: false`.",
  GARRISON_WARDEN_AWAY: "The warden is away; it is started again, and planned actions then go on.",
  GARRISON_WIRE_MALFORMED: "One of our processes got a message that is not in its table, and ended the link.",
  GARRISON_WIRE_TOO_LONG: "One of our processes got a message over the length cap, and ended the link.",
  GARRISON_WIRE_UNREAD: "The other end of a link does not read; the link was ended.",
};
