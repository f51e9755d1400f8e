/** Writes a message as the JSON of the webhook. Pure. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { writeLetter } from "./letter.ts";
import type { Message } from "./message.ts";

/**
 * `{"version":1,"host","at","title","text"}` and the fields of the message beside them: `id`, `type`, and by type what
 * {@link Message} says. `id` is stable: a receiver that has seen it may drop the double. Texts are clean, but for the line ends of `text`.
 */
export function writePayload(message: Message, host: string): JsonObject {
  const { subject, text } = writeLetter(message, host);
  const { atUnixMs, ...rest } = message;
  const at = new Date(atUnixMs).toISOString();
  // A message is JSON by its types, which TypeScript does not follow through interfaces.
  const fields = cleanDeep(rest as unknown as JsonObject) as JsonObject;
  return { version: 1, host: cleanText(host, 255), at, title: subject, text, ...fields };
}

function cleanDeep(value: Json): Json {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanDeep);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleanDeep(inner)]));
}
