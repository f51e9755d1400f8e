/** How much graver an alert is for who did it. Pure. */

import { isDeleted, isInMemory, isInSharedFolder } from "#src/lib/program-path.ts";
import { severityRank } from "#src/lib/severity-order.ts";
import type { Actor } from "#src/model/actor.ts";
import { SEVERITIES, type Severity } from "#src/model/severity.ts";

// Programs that face the network and have no business with what Garrison watches; also when an upgrade has replaced their file.
const NETWORK_SERVICES =
  /\/(?:apache2|httpd|nginx|lshttpd|litespeed|openlitespeed|php-fpm[\d.]*|php-cgi[\d.]*|lsphp[\d.]*|vsftpd|pure-ftpd(?:-\w+)?|proftpd|mysqld|mariadbd|redis-server|memcached|dovecot|exim\d*)(?: \(deleted\))?$/;

/** Reasons in the actor to take an alert more seriously, in words. Judged by the program file, never by its chosen name. */
export function graveReasons(who: Actor | null): string[] {
  if (who === null) return [];
  const exe = who.exe ?? "";
  const service = who.parents.find((parent) => NETWORK_SERVICES.test(parent.exe));
  return [
    ...(service === undefined ? [] : [`it was started by a service that faces the network: ${service.exe}`]),
    ...(isInSharedFolder(exe) || isInMemory(exe) ? [`its program lies where anyone can write: ${exe}`] : []),
    ...(isDeleted(exe) ? ["its program file has been deleted"] : []),
  ];
}

/** One step graver when there is a reason. */
export function raiseSeverity(severity: Severity, reasons: readonly string[]): Severity {
  if (reasons.length === 0) return severity;
  return SEVERITIES[Math.min(severityRank(severity) + 1, SEVERITIES.length - 1)] ?? severity;
}
