/** Which values of the configuration are not shown. Pure. */
import type { Json } from "#src/model/json.ts";

/** What stands in the place of a secret. */
export const REDACTED = "********";

/** Whether the value under a key is a secret, such as `password`, `secret`, `apiToken`. Names of sections (`secrets`) are none. */
export function isSecretKey(key: string | number): boolean {
  return /(?:password|passphrase|secret|token)$/i.test(String(key));
}

/**
 * The value as it may be shown. Of a URL only scheme, host and port are: many services put a token into its path.
 * An empty or absent secret stays as it is, so that its absence can be seen.
 */
export function redact(key: string, value: Json): Json {
  if (value === null || value === "" || typeof value === "boolean") return value;
  if (isSecretKey(key)) return REDACTED;
  return typeof value === "string" && /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? redactUrl(value) : value;
}

function redactUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) return REDACTED;
  const hasMore =
    url.username !== "" || url.password !== "" || url.pathname.length > 1 || url.search !== "" || url.hash !== "";
  return hasMore ? `${url.protocol}//${url.host}/${REDACTED}` : text;
}
