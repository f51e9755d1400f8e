/** What this machine allows, found by trying the call, never by a version. */
import { existsSync } from "node:fs";
import { errorText } from "#src/lib/errors.ts";
import { FanotifyGroup } from "#src/linux/fanotify.ts";
import { readGroupId } from "#src/linux/group-file.ts";
import { landlockVersion } from "#src/linux/privileges.ts";
import { readProcText } from "#src/linux/proc.ts";
import { SockDiag } from "#src/linux/sock-diag.ts";
import { findTracefs } from "#src/linux/tracefs.ts";

/** One thing that was tried. */
export interface Probe {
  readonly name: string;
  readonly works: boolean;
  /** What was found. */
  readonly found: string;
  /** What it is good for, and how to get it when it does not work. */
  readonly wider: string;
}

/** Tries everything. */
export function runProbes(): readonly Probe[] {
  const isRoot = process.getuid?.() === 0;
  return [
    probe(
      "root",
      isRoot,
      isRoot ? "running as root" : "running as an ordinary user",
      "everything of other users is seen by root only: start garrison up as root",
    ),
    attempt("fanotify", "who changes a file or reads a secret: needs CAP_SYS_ADMIN and Linux 5.9", () => {
      using group = FanotifyGroup.open();
      return `with file handles${group.hasPidfd ? " and pidfds" : ""}`;
    }),
    probe(
      "tracefs",
      hasTracefs(),
      findTracefs() ?? "known to the kernel; the sentry mounts it for itself",
      "listeners that live for milliseconds only, and in other network namespaces: needs CONFIG_FTRACE and root",
    ),
    attempt("sock_diag", "the truth about listeners: needs CONFIG_INET_DIAG (modprobe inet_diag)", () => {
      using diag = new SockDiag();
      return `${diag.listeners().length} listening sockets`;
    }),
    probe(
      "landlock",
      landlockVersion() > 0,
      `version ${landlockVersion()}`,
      "a second fence around our own processes: needs Linux 5.13 with landlock in the lsm= list",
    ),
    probe(
      "login uid",
      readProcText("/proc/self/loginuid") !== undefined,
      "in /proc/PID/loginuid",
      "who logged in, behind sudo and su: needs CONFIG_AUDIT and pam_loginuid",
    ),
    probe(
      "garrison group",
      readGroupId("garrison") !== undefined,
      "in /etc/group",
      "admins who are not root may talk to it: groupadd --system garrison",
    ),
    probe(
      "package database",
      existsSync("/var/lib/dpkg/info"),
      "dpkg",
      "the package that owns a program: dpkg is known, rpm is not yet",
    ),
  ];
}

function probe(name: string, works: boolean, found: string, wider: string): Probe {
  return { name, works, found: works ? found : "no", wider };
}

function attempt(name: string, wider: string, run: () => string): Probe {
  try {
    return { name, works: true, found: run(), wider };
  } catch (error) {
    return { name, works: false, found: errorText(error), wider };
  }
}

function hasTracefs(): boolean {
  return (
    findTracefs() !== undefined ||
    (process.getuid?.() === 0 && /\ttracefs$/m.test(readProcText("/proc/filesystems") ?? ""))
  );
}
