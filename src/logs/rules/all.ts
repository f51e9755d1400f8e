/** Which rule files there are and where their lines stand, so that only those are loaded whose logs are there. */
import type { RuleFile } from "../rule.ts";

/** A rule file that is loaded when it is asked for. */
export interface LazyRuleFile {
  readonly service: string;
  /** As in the file itself. */
  readonly sources: readonly string[];
  load(): Promise<RuleFile>;
}

/** Garrison's own rule files. */
export const RULE_FILES: readonly LazyRuleFile[] = [
  { service: "sshd", sources: ["auth", "journal"], load: async () => (await import("./sshd.ts")).SSHD },
];

/** Loads the rule files whose lines stand in one of these sources. */
export function loadRuleFiles(sources: ReadonlySet<string>): Promise<readonly RuleFile[]> {
  return Promise.all(
    RULE_FILES.filter((file) => file.sources.some((one) => sources.has(one))).map(({ load }) => load()),
  );
}
