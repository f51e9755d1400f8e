/** Helpers of the tests in this folder and in mind/: hits as the matcher gives them. Named so that it is not shipped. */
import type { BlockPolicy } from "#src/blocks/options.ts";
import type { PlacedHit } from "../contract.ts";

export const START = Date.UTC(2026, 10, 3, 14, 0);
export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

export const POLICY: BlockPolicy = {
  points: 10,
  withinMs: 10 * MINUTE,
  firstMs: HOUR,
  factor: 3,
  longestMs: 7 * DAY,
  networkAt: 0,
};

let offset = 0;

/** A failed login with sshd's words. */
export function failure(address: string, user = "root", given: Partial<PlacedHit> = {}): PlacedHit {
  offset += 100;
  return {
    rule: "sshd.failed-password",
    service: "sshd",
    outcome: "failure",
    atUnixMs: null,
    address,
    user,
    site: null,
    detail: null,
    weight: 1,
    place: { file: "/var/log/auth.log", offset, line: null },
    source: "auth",
    text: `Nov  3 14:00:00 web1 sshd[812]: Failed password for ${user} from ${address} port 4711 ssh2`,
    isForgeable: false,
    ...given,
  };
}

/** A login that worked. */
export function success(address: string, user = "root", given: Partial<PlacedHit> = {}): PlacedHit {
  const text = `Nov  3 14:00:00 web1 sshd[812]: Accepted password for ${user} from ${address} port 4711 ssh2`;
  return failure(address, user, { rule: "sshd.accepted", outcome: "success", text, ...given });
}

/** A request for what is not there. */
export function probe(address: string, site = "shop.example", given: Partial<PlacedHit> = {}): PlacedHit {
  const text = `${address} - - [03/Nov/2026:14:00:00 +0000] "GET /wp-config.php.bak HTTP/1.1" 404 196 "-" "-"`;
  return failure(address, "", {
    rule: "apache.probe",
    service: "apache",
    outcome: "probe",
    user: null,
    site,
    detail: "/wp-config.php.bak",
    source: "domlogs",
    text,
    ...given,
  });
}
