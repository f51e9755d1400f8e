/**
 * Logs of a busy hosting server by a seed: the same bytes at each run, and the number of hits that must be found in them. Four in
 * hundred attackers come by IPv6, three in five in bursts.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Of which program. */
export type CorpusKind = "auth" | "access" | "exim";

/** One generated log. */
export interface Corpus {
  readonly path: string;
  readonly lines: number;
  readonly bytes: number;
  /** Lines that offend: what every matcher must find, no more and no less. */
  readonly hits: number;
}

const SEED = 3;
const WRITE_LINES = 5000;
const START_UNIX_MS = Date.UTC(2026, 10, 1);
/** Whoever changes the generator gets new files. */
const VERSION = 4;

/** Makes the log unless it is there from the last run: below the folder of temporary files, at most 420 MB each. */
export function makeCorpus(kind: CorpusKind, lines: number): Corpus {
  const folder = join(tmpdir(), `garrison-log-corpus-${process.getuid?.()}`);
  const path = join(folder, `${kind}-${lines}-v${VERSION}.log`);
  if (!existsSync(`${path}.json`)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const corpus = { path, lines, ...writeLines(`${path}.new`, kind, lines) };
    renameSync(`${path}.new`, path);
    writeFileSync(`${path}.json`, JSON.stringify(corpus));
  }
  return JSON.parse(readFileSync(`${path}.json`, "utf8")) as Corpus;
}

function writeLines(path: string, kind: CorpusKind, lines: number): { bytes: number; hits: number } {
  const host = new Host(kind);
  const fd = openSync(path, "w", 0o600);
  let bytes = 0;
  for (let done = 0; done < lines; ) {
    const count = Math.min(WRITE_LINES, lines - done);
    const texts = Array.from({ length: count }, () => host.line());
    bytes += writeSync(fd, `${texts.join("\n")}\n`);
    done += count;
  }
  closeSync(fd);
  return { bytes, hits: host.hits };
}

const USERS = ["root", "admin", "test", "oracle", "ubuntu", "git", "postgres", "user", "ftp", "www", "guest", "mysql"];
const CUSTOMERS = Array.from({ length: 200 }, (_, index) => `cust${index}`);
const SITES = CUSTOMERS.map((name) => `www.${name}.example`);
const AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
  "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];
const PAGES = [
  "/",
  "/shop/product/1234-leather-boots",
  "/wp-content/uploads/2026/10/photo-large.jpg",
  "/wp-includes/js/jquery/jquery.min.js?ver=3.7.1",
  "/wp-admin/admin-ajax.php",
  "/index.php?option=com_content&view=article&id=42",
  "/static/css/main.8f2c.css",
  "/feed/",
  "/cart/?add-to-cart=77",
  "/images/logo.svg",
];
/** Requests that offend, each with the status it gets. */
const PROBES: readonly (readonly [request: string, status: number])[] = [
  ["POST /wp-login.php HTTP/1.1", 200],
  ["POST /xmlrpc.php HTTP/1.1", 200],
  ["GET /.env HTTP/1.1", 404],
  ["GET /.git/config HTTP/1.1", 404],
  ["GET /phpmyadmin/index.php HTTP/1.1", 404],
  ["GET /cgi-bin/../../../../etc/passwd HTTP/1.1", 400],
  ["GET /?id=1%20union%20select%20user,pass HTTP/1.1", 403],
];
const BURST_PART = 0.6;
const IPV6_PART = 0.04;

/** The state of the generator. */
class Host {
  hits = 0;
  readonly #random = randomOf(SEED);
  readonly #make: () => string;
  #atUnixMs = START_UNIX_MS;
  #burst = { left: 0, address: "" };

  constructor(kind: CorpusKind) {
    this.#make = { auth: () => this.#auth(), access: () => this.#access(), exim: () => this.#exim() }[kind];
  }

  line(): string {
    this.#atUnixMs += Math.floor(this.#random() * 900);
    return this.#make();
  }

  #auth(): string {
    const at = rfc3164(this.#atUnixMs);
    if (this.#isAttack(0.0198)) {
      // Each try is a connection of its own: none may look like the end of another one.
      const sshd = `${at} web1 sshd[${100_000 + this.hits}]: `;
      const address = this.#attacker();
      const user = this.#pick(USERS);
      const isKnown = this.#random() < 0.65;
      return isKnown
        ? `${sshd}Failed password for ${this.#random() < 0.5 ? "" : "invalid user "}${user} from ${address} port ${this.#port()} ssh2`
        : `${sshd}Invalid user ${user} from ${address} port ${this.#port()}`;
    }
    const pid = 1000 + this.#below(60_000);
    const sshd = `${at} web1 sshd[${pid}]: `;
    const number = this.#below(CUSTOMERS.length);
    const customer = CUSTOMERS[number]!;
    // Whoever logs in comes from one of three places.
    const address = `${81 + (number % 8)}.${number}.17.${1 + this.#below(3)}`;
    const uid = 1000 + number;
    switch (this.#below(9)) {
      case 0:
        return `${sshd}Accepted publickey for ${customer} from ${address} port ${this.#port()} ssh2: ED25519 SHA256:${this.#token(43)}`;
      case 1:
        return `${sshd}pam_unix(sshd:session): session opened for user ${customer}(uid=${uid}) by (uid=0)`;
      case 2:
        return `${sshd}pam_unix(sshd:session): session closed for user ${customer}`;
      case 3:
        return `${sshd}Received disconnect from ${address} port ${this.#port()}:11: disconnected by user`;
      case 4:
        return `${sshd}Disconnected from user ${customer} ${address} port ${this.#port()}`;
      case 5:
        return `${sshd}Starting session: subsystem 'sftp' for ${customer} from ${address} port ${this.#port()} id 0`;
      case 6:
        return `${at} web1 CRON[${pid}]: pam_unix(cron:session): session opened for user ${customer}(uid=${uid}) by (uid=0)`;
      case 7:
        return `${at} web1 CRON[${pid}]: pam_unix(cron:session): session closed for user ${customer}`;
      default:
        return `${at} web1 systemd-logind[612]: New session ${this.#below(99_999)} of user ${customer}.`;
    }
  }

  #access(): string {
    const isAttack = this.#isAttack(0.0199);
    const [request, status] = isAttack ? this.#pick(PROBES) : ([`GET ${this.#pick(PAGES)} HTTP/1.1`, 200] as const);
    const address = isAttack ? this.#attacker() : this.#client();
    const referrer = this.#random() < 0.4 ? `https://${this.#pick(SITES)}/` : "-";
    const size = 200 + this.#below(90_000);
    return `${address} - - [${clf(this.#atUnixMs)}] "${request}" ${status} ${size} "${referrer}" "${this.#pick(AGENTS)}"`;
  }

  #exim(): string {
    const at = new Date(this.#atUnixMs).toISOString().slice(0, 19).replace("T", " ");
    if (this.#isAttack(0.0191)) {
      return `${at} dovecot_login authenticator failed for (${this.#token(8)}) [${this.#attacker()}]:${this.#port()}: 535 Incorrect authentication data (set_id=${this.#pick(USERS)}@${this.#pick(SITES)})`;
    }
    const id = `1${this.#token(5)}-${this.#token(11)}-${this.#token(4)}`;
    const site = this.#pick(SITES);
    const address = this.#client();
    switch (this.#below(5)) {
      case 0:
        return `${at} ${id} <= info@${site} H=mail.${site} [${address}] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S=${this.#below(90_000)} id=${this.#token(20)}@${site}`;
      case 1:
        return `${at} ${id} => someone@example.org R=dnslookup T=remote_smtp H=mx.example.org [${address}] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=yes C="250 OK id=${this.#token(16)}"`;
      case 2:
        return `${at} ${id} Completed`;
      case 3:
        return `${at} SMTP connection from [${address}]:${this.#port()} (TCP/IP connection count = ${this.#below(40)})`;
      default:
        return `${at} no host name found for IP address ${address}`;
    }
  }

  #isAttack(part: number): boolean {
    const is = this.#random() < part;
    if (is) this.hits++;
    return is;
  }

  #attacker(): string {
    if (this.#burst.left > 0) {
      this.#burst.left--;
      return this.#burst.address;
    }
    const address = this.#random() < IPV6_PART ? `2001:db8:${this.#below(65_536).toString(16)}::1` : this.#client();
    if (this.#random() < BURST_PART) this.#burst = { left: 5 + this.#below(20), address };
    return address;
  }

  #client(): string {
    return `${this.#below(2) === 0 ? 198 : 203}.${18 + this.#below(2)}.${this.#below(256)}.${1 + this.#below(254)}`;
  }

  #port(): number {
    return 1024 + this.#below(64_000);
  }

  #token(length: number): string {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    return Array.from({ length }, () => letters[this.#below(letters.length)]).join("");
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }
}

/** Numbers from 0 to 1 by a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function rfc3164(unixMs: number): string {
  const at = new Date(unixMs);
  return `${MONTHS[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)}`;
}

function clf(unixMs: number): string {
  const at = new Date(unixMs);
  return `${at.toISOString().slice(8, 10)}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}:${at.toISOString().slice(11, 19)} +0000`;
}
