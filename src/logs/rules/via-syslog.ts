/** Rules of a service that can write its lines into a log of its own or give them to syslog, where they get another head. */
import { parseHead } from "../formats/parse-head.ts";
import type { RuleFile, Sample } from "../rule.ts";

/** Behind what the same rules are found in syslog. */
export interface ViaSyslog {
  readonly service: string;
  readonly sources: readonly string[];
  /** The first one stands in the samples. */
  readonly programs: readonly string[];
}

/** The same rules for the same messages behind the head of syslog. */
export function viaSyslog(file: RuleFile, { service, sources, programs }: ViaSyslog): RuleFile {
  const behindHead = ({ line, hit }: Sample): Sample => {
    const { messageAt } = parseHead(file.format, line, 0);
    return { line: `Nov 22 12:41:05 web1 ${programs[0]}[77]: ${line.slice(messageAt)}`, hit };
  };
  const rules = file.rules.map((rule) => ({ ...rule, samples: rule.samples.map(behindHead) }));
  return { ...file, service, sources, programs, format: "syslog", rules };
}
