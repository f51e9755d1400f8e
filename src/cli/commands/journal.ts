import type { Context } from "#src/cli/context.ts";
import { EXIT, Exit } from "#src/cli/exit.ts";
import { readJournal, verifyJournal } from "#src/journal/verify.ts";

/** `garrison journal` */
export async function showJournal({ folders, output }: Context, { last }: { last: number }): Promise<void> {
  for (const entry of await readJournal(folders.journal, { last })) {
    if (output.isJson) output.json(entry);
    else {
      const { seq, at, kind, by, data } = entry;
      output.line(
        `${output.style("dim", `${String(seq).padStart(6)}  ${at.slice(0, 19).replace("T", " ")}`)}  ${output.clean(kind, 32).padEnd(16)} ${output.clean(by, 60)}  ${output.clean(JSON.stringify(data), 500)}`,
      );
    }
  }
}

/** `garrison journal verify` */
export async function verify({ folders, output }: Context): Promise<void> {
  const report = await verifyJournal(folders.journal);
  if (output.isJson) output.json(report);
  else {
    for (const { file, line, seq, problem, detail } of report.problems) {
      output.line(
        `${output.style("red", "wrong")}  ${output.clean(file, 200)} line ${line ?? "-"}, entry ${seq ?? "-"}: ${output.clean(problem)}: ${output.clean(detail)}`,
      );
    }
    output.line(
      report.problems.length === 0
        ? `${report.entries} entries, each in its place and unchanged`
        : `${report.problems.length} problems in ${report.entries} entries`,
    );
  }
  if (report.problems.length > 0) throw new Exit(EXIT.found);
}
