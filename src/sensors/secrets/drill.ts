import { readFile } from "node:fs/promises";
import type { DrillPlan } from "#src/drill/contract.ts";
import { fileSubject, toRawPath } from "#src/lib/raw-path.ts";

/** Attacks on secrets. */
export const drills: readonly DrillPlan[] = [
  {
    name: "secret-read-canary",
    sentence: "reads a canary secret",
    kind: "secret.read",
    subject: ({ canaries }) => fileSubject(toRawPath(canaries.secret)),
    stage: async ({ canaries }) => {
      await readFile(canaries.secret);
      return async () => undefined;
    },
  },
];
