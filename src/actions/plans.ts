/** The mind's side of the actions: how each kind is planned from an alert. Nothing here needs a privilege. */
import type { Alert } from "#src/model/alert.ts";
import type { JsonObject } from "#src/model/json.ts";
import { planRestoreFileAttributes } from "./restore-file-attributes/plan.ts";

/** Gives the plan that the warden is asked to perform. @throws GarrisonError `GARRISON_CANNOT_PLAN` that says why it cannot */
export type PlanAction = (alert: Alert) => JsonObject;

/** Planners by kind of action. */
export const PLANS: Readonly<Record<string, PlanAction>> = {
  "restore-file-attributes": planRestoreFileAttributes,
};
