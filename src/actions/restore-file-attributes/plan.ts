/** How an alert about a file's mode or owner becomes a plan. Unprivileged and pure. */
import { GarrisonError } from "#src/lib/errors.ts";
import { toRawPath } from "#src/lib/raw-path.ts";
import type { Alert } from "#src/model/alert.ts";
import type { Json, JsonObject } from "#src/model/json.ts";
import { type Attributes, type RestorePlan, restorePlan } from "./data.ts";

const KINDS = ["file.mode", "file.owner"];
const TYPES: readonly Json[] = ["file", "folder"];

/**
 * The plan that gives a file its ordinary mode and owner back: those before the alert, or, where the file was unusual already, those
 * before it was.
 * @throws GarrisonError `GARRISON_CANNOT_PLAN` that says why there is none
 */
export function planRestoreFileAttributes(alert: Alert): RestorePlan {
  const { before, now } = readEvidence(alert);
  const plan = {
    pathBase64: pathOf(alert).toString("base64"),
    inode: now["inode"],
    from: attributesOf(now),
    to: attributesOf(before),
  };
  if (JSON.stringify(plan.from) === JSON.stringify(plan.to))
    throw cannotPlan(alert, "its mode and owner did not change");
  try {
    return restorePlan(plan, "plan");
  } catch (error) {
    throw cannotPlan(alert, "its evidence does not say inode, mode and owner before and now", error);
  }
}

function readEvidence(alert: Alert): { before: JsonObject; now: JsonObject } {
  if (!KINDS.includes(alert.kind)) throw cannotPlan(alert, `it is ${alert.kind}, ${KINDS.join(" or ")} is wanted`);
  const { now } = alert.evidence;
  const before = alert.evidence["ordinary"] ?? alert.evidence["before"];
  if (!isObject(before) || !isObject(now)) throw cannotPlan(alert, "its evidence does not say how the file was and is");
  const type = now["type"] ?? null;
  if (!TYPES.includes(type) || before["type"] !== type) {
    throw cannotPlan(alert, "the file was or is neither a regular file nor a folder");
  }
  return { before, now };
}

function pathOf(alert: Alert): Buffer {
  const { subject } = alert;
  if (subject.type !== "file") throw cannotPlan(alert, `it is about a ${subject.type}, a file is wanted`);
  if (subject.pathBase64 !== undefined) return Buffer.from(subject.pathBase64, "base64");
  return Buffer.from(toRawPath(subject.path), "latin1");
}

function attributesOf(record: JsonObject): Attributes {
  // Checked by restorePlan, together with the rest.
  return { mode: record["mode"], uid: record["uid"], gid: record["gid"] } as unknown as Attributes;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function cannotPlan({ id }: Alert, what: string, cause?: unknown): GarrisonError {
  return new GarrisonError("GARRISON_CANNOT_PLAN", `Cannot restore the attributes of ${id}: ${what}`, { cause });
}
