/** Bounds of what an alert keeps: facts hold whatever a process chose, and an alert goes into the store, over sockets and to people. Pure. */
import { cutText } from "#src/lib/cut-text.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import type { Subject } from "#src/model/subject.ts";
import type { Verdict } from "./contract.ts";

const MAX_SENTENCE = 4096;
const MAX_TEXT = 16_000;
const MAX_EVIDENCE_BYTES = 64 * 1024;
const MAX_COMMANDS = 16;
const MAX_TECHNIQUES = 16;
// Longest path of a file twice, quoted: a command that is cut must not be typed.
const MAX_COMMAND = 16_384;

/** The verdict with sentences of at most 4096 characters and evidence of at most 64 KiB. */
export function boundVerdict(verdict: Verdict): Verdict {
  return {
    ...verdict,
    ordinary: cutText(verdict.ordinary, MAX_SENTENCE),
    observed: cutText(verdict.observed, MAX_SENTENCE),
    evidence: boundEvidence(verdict.evidence),
    next: verdict.next.filter((command) => command.length <= MAX_COMMAND).slice(0, MAX_COMMANDS),
    attack: verdict.attack.slice(0, MAX_TECHNIQUES),
  };
}

/** Evidence of at most 64 KiB: long texts are cut, then the largest fields are replaced by `{"cut": true, "bytes": n}`. */
export function boundEvidence(evidence: JsonObject): JsonObject {
  if (sizeOf(evidence) <= MAX_EVIDENCE_BYTES) return evidence;
  const fields = Object.entries(evidence).map(([name, value]): [string, Json] => [name, cutTexts(value)]);
  const largestFirst = fields.toSorted(([, one], [, other]) => sizeOf(other) - sizeOf(one));
  for (const [name, value] of largestFirst) {
    if (sizeOf(Object.fromEntries(fields)) <= MAX_EVIDENCE_BYTES) break;
    fields.find(([other]) => other === name)![1] = { cut: true, bytes: sizeOf(value) };
  }
  return Object.fromEntries(fields);
}

/** A subject with paths that fit into a journal entry. */
export function cutSubject(subject: Subject): JsonObject {
  if (subject.type !== "file" || subject.path.length <= MAX_SENTENCE / 2) return { ...subject };
  return { type: "file", path: cutText(subject.path, MAX_SENTENCE / 2) };
}

function cutTexts(value: Json): Json {
  if (typeof value === "string") return cutText(value, MAX_TEXT);
  if (Array.isArray(value)) return value.map(cutTexts);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, cutTexts(one)]));
}

function sizeOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}
