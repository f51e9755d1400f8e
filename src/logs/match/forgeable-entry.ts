/** Shortest name of a unit that says something. */
const MIN_UNIT_NAME = 3;
/** People have higher ones: from 1000 on today, from 500 on in older systems. */
const LAST_SYSTEM_UID = 499;

/**
 * Whether an ordinary user could have written an entry of the journal. What begins with `_` was put there by journald itself: it was
 * not if root wrote it, or a system account within the unit that is named like the program (`postfix/smtpd` in `postfix@-.service`). A
 * user's shell may be in `ssh.service`, where logind is not used, and the scripts of customers that run as the web server are in its unit.
 * @see systemd.journal-fields(7), "Trusted Journal Fields"
 */
export function isForgeableEntry(program: string, trusted: Readonly<Record<string, string>>): boolean {
  if (trusted["_UID"] === "0" || trusted["_TRANSPORT"] === "kernel" || trusted["_TRANSPORT"] === "audit") return false;
  const uid = /^\d{1,10}$/.test(trusted["_UID"] ?? "") ? Number(trusted["_UID"]) : Number.POSITIVE_INFINITY;
  const unit = /^([a-z][\w.-]*?)(?:@[^/]*)?\.service$/.exec(trusted["_SYSTEMD_UNIT"] ?? "")?.[1] ?? "";
  return uid > LAST_SYSTEM_UID || unit.length < MIN_UNIT_NAME || unit === "user" || !program.startsWith(unit);
}
