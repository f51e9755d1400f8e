/** All that was learnt, in words. */

import type { SensorFacts } from "#src/judge/contract.ts";
import { cutText } from "#src/lib/cut-text.ts";
import { showRawPath } from "#src/lib/raw-path.ts";
import type { JsonObject } from "#src/model/json.ts";
import { explainLearning } from "#src/ordinary/learning.ts";
import { isOrdinaryRecord } from "#src/ordinary/record.ts";
import type { OrdinaryStore, StoredMember, StoredRecord } from "#src/store/ordinary-store.ts";

const MAX_TEXT = 4096;

/** What is needed to tell. */
export interface ExplainOrdinaryParts {
  readonly facts: SensorFacts;
  readonly ordinary: OrdinaryStore;
  /** How long newcomers of a group are taken in. */
  readonly learnMsOf: (group: string) => number;
  readonly nowUnixMs: number;
}

/** Items of `garrison ordinary`: groups, then what is in them. */
export function* explainOrdinary(
  sensor: string,
  { facts, ordinary, learnMsOf, nowUnixMs }: ExplainOrdinaryParts,
): Generator<JsonObject> {
  const describe = (one: JsonObject): string =>
    cutText(facts.describe?.(one) ?? JSON.stringify(comparedOf(one, facts.informative ?? [])), MAX_TEXT);
  const groups = ordinary.groups(sensor);
  for (const { name, ...group } of groups) {
    const text = explainLearning(group, learnMsOf(name), nowUnixMs);
    yield { sensor, type: "group", group: showRawPath(name), text };
  }
  const learnt = new Set(groups.map(({ name }) => name));
  for (const name of ordinary.listings(sensor).filter((one) => !learnt.has(one))) {
    yield { sensor, type: "group", group: showRawPath(name), text: "listed: whatever comes or changes is an alert" };
  }
  for (const member of ordinary.members(sensor)) yield describeMember(member, describe);
  for (const record of ordinary.records(sensor)) yield describeRecord(record, describe, facts.informative ?? []);
}

function describeMember(member: StoredMember, describe: (facts: JsonObject) => string): JsonObject {
  const { sensor, group, facts, standing, how, count, isAway } = member;
  const text = describe(facts);
  return {
    ...{ sensor, type: "member", group: showRawPath(group), text, standing, how, count, away: isAway },
    ...timesOf(member),
  };
}

function describeRecord(
  record: StoredRecord,
  describe: (facts: JsonObject) => string,
  informative: readonly string[],
): JsonObject {
  const { sensor, group, key, ordinary } = record;
  const text = `${showRawPath(key)}: ${ordinary === null ? "ordinarily not there" : describe(ordinary)}`;
  const standing = isOrdinaryRecord(record, informative) ? "ordinary" : "unusual";
  return { sensor, type: "record", group: showRawPath(group), text, standing, ...timesOf(record) };
}

/** Without what is only kept: it may be the text of a file. */
function comparedOf(facts: JsonObject, informative: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !informative.includes(name)));
}

function timesOf({ firstAtUnixMs, lastAtUnixMs }: StoredMember | StoredRecord): JsonObject {
  return { firstAt: new Date(firstAtUnixMs).toISOString(), lastAt: new Date(lastAtUnixMs).toISOString() };
}
