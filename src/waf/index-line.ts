/** A line of the index that ModSecurity 2.9 writes for concurrent audit logs: what was asked, and where the entry lies. Pure. */
import { canonicalAddress } from "#src/lib/ip-network.ts";
import { decodeBytes, isUniqueId, parseApacheTime } from "./decode.ts";
import { toEntry, type WafEntry } from "./entry.ts";

/** What the line says, and the file of the entry. */
export interface IndexedEntry {
  /** Without rules, which are in the file; intercepted is `false` because the line does not say. */
  readonly entry: WafEntry;
  /** Path of the file below SecAuditLogStorageDir, without a leading slash; each part is a plain name. */
  readonly detailPath: string;
}

const MAX_LINE = 16_384;
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
// apache2/msc_logging.c construct_log_vcombinedus_limited, and sec_audit_logger_native for what stands behind it. The user names
// are the client's, and may hold anything but a line end: only what stands before them and, from the end, behind them counts.
const TAIL = new RegExp(
  ` \\[([^\\]"]{20,40})\\] (${QUOTED}) (\\d{3}) (?:\\d{1,20}|-) ${QUOTED} ${QUOTED} (\\S{8,64}) ${QUOTED} (/\\S{1,400}) \\d{1,20} \\d{1,20} md5:[0-9a-f]{32} ?$`,
);

/** Reads one line, each byte one character; `null` for any other line. */
export function parseIndexLine(line: string): IndexedEntry | null {
  if (line.length > MAX_LINE) return null;
  const head = /^(\S{1,255}) (\S{2,45}) /.exec(line);
  const tail = TAIL.exec(line);
  if (head === null || tail === null) return null;
  const [, time = "", request = "", status, uniqueId = "", path = ""] = tail;
  const detailPath = detailPathOf(path);
  if (detailPath === null || !isUniqueId(uniqueId) || !detailPath.endsWith(uniqueId)) return null;
  const entry = toEntry({
    uniqueId,
    atUnixMs: parseApacheTime(time),
    address: canonicalAddress(head[2] ?? ""),
    host: head[1] ?? "",
    requestLine: decodeBytes(request.slice(1, -1)),
    status: Number(status),
    isIntercepted: false,
    matches: [],
    account: accountOf(detailPath),
  });
  return { entry, detailPath };
}

/** `/user/20261122/20261122-1241/20261122-124155-ID` as a path below the storage folder; `null` for what could lead out of it. */
function detailPathOf(path: string): string | null {
  const parts = path.slice(1).split("/");
  const isPlain = parts.length <= 6 && parts.every((part) => /^[\w@-][\w@.-]{0,127}$/.test(part));
  return path.startsWith("/") && isPlain ? parts.join("/") : null;
}

// apache2/msc_logging.c: the name of the user whom the process runs as comes first.
const SERVERS = ["www-data", "nobody", "apache", "httpd", "nginx", "root"];

function accountOf(detailPath: string): string | null {
  const [first = ""] = detailPath.split("/", 1);
  return /^\d{8}$/.test(first) || SERVERS.includes(first) ? null : first;
}
