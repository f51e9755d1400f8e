/** Actions as text for people. */
import type { Action } from "#src/model/action.ts";
import type { Json } from "#src/model/json.ts";
import type { Subject } from "#src/model/subject.ts";
import { type Checked, jsonObject, nullable, object, oneOf, text } from "#src/wire/check.ts";
import { subject } from "#src/wire/facts.ts";
import type { Output } from "./output.ts";

/** An action as the mind sends it. */
export const checkAction = object({
  id: text(32),
  kind: text(64),
  subject,
  reason: text(2000),
  by: text(256),
  at: text(32),
  expiresAt: nullable(text(32)),
  state: oneOf(["planned", "done", "undone", "expired", "failed"]),
  plan: jsonObject(6, 500),
  undo: nullable(jsonObject(6, 500)),
  failure: nullable(text(4096)),
}) satisfies (value: unknown, path: string) => Action;

/** One line. */
export function actionLine(action: Checked<typeof checkAction>, output: Output): string {
  const what = `${describe(action.subject)}${portsText(action.plan["ports"])}`;
  const until = action.expiresAt === null ? "" : `, until ${action.expiresAt}`;
  const failure = action.failure === null ? "" : `: ${action.failure}`;
  return `${action.at.slice(0, 19).replace("T", " ")}  ${action.id.padEnd(5)} ${action.state.padEnd(8)} ${action.kind} ${output.clean(what, 300)} (by ${output.clean(action.by, 80)}${until})${output.clean(failure, 600)}`;
}

/** Of a block that is not for all ports. */
function portsText(ports: Json | undefined): string {
  if (!Array.isArray(ports) || ports.length === 0) return "";
  return ` to ${ports.length === 1 ? "port" : "ports"} ${ports.join(", ")}`;
}

function describe(subject: Subject): string {
  switch (subject.type) {
    case "file":
      return subject.path;
    case "address":
      return subject.address;
    default:
      return JSON.stringify(subject);
  }
}
