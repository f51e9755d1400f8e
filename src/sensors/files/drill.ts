import type { DrillPlan } from "#src/drill/contract.ts";
import { changeMode } from "#src/drill/mode-change.ts";
import { fileSubject, toRawPath } from "#src/lib/raw-path.ts";

/** Attacks on files that matter. */
export const drills: readonly DrillPlan[] = [
  {
    name: "file-mode-canary",
    sentence: "makes a canary file writable for everyone, and puts it back",
    kind: "file.mode",
    subject: ({ canaries }) => fileSubject(toRawPath(canaries.file)),
    stage: ({ canaries, runFolder }) => changeMode(canaries.file, (mode) => mode | 0o002, runFolder),
  },
  {
    name: "file-mode-real",
    sentence: "flips the owner-execute bit of a watched file, and puts it back",
    kind: "file.mode",
    subject: ({ realFile }) => (realFile === null ? null : fileSubject(toRawPath(realFile))),
    stage: ({ realFile, runFolder }) => changeMode(realFile ?? "", (mode) => mode ^ 0o100, runFolder),
  },
];
