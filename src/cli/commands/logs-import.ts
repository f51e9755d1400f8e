import { join } from "node:path";
import type { Context } from "#src/cli/context.ts";
import { GarrisonError } from "#src/lib/errors.ts";
import { readBoundedFile } from "#src/linux/bounded-file.ts";
import { HostConfigTree } from "#src/logs/fail2ban/config/config-tree.ts";
import { describeImport } from "#src/logs/fail2ban/describe-import.ts";
import { formatImport } from "#src/logs/fail2ban/format-import.ts";
import { type CsfImport, importCsf } from "#src/logs/import-csf/import-csf.ts";
import { type CsfReader, MAX_FILE_LENGTH } from "#src/logs/import-csf/place.ts";
import { renderCsfText, renderCsfYaml } from "#src/logs/import-csf/render.ts";

/** `garrison logs import fail2ban` */
export async function importFail2ban({ root, output }: Context, { from }: { from?: string }): Promise<void> {
  const report = describeImport(new HostConfigTree(root), from ?? "/etc/fail2ban");
  if (output.isJson) output.json(report);
  else output.line(formatImport(report).trimEnd());
}

/** `garrison logs import csf` */
export async function importCsfFiles(
  { root, output }: Context,
  { from, stateFrom }: { from?: string; stateFrom?: string },
): Promise<void> {
  const folder = from ?? "/etc/csf";
  const stateFolder = stateFrom ?? "/var/lib/csf";
  const reader = readerOf(root);
  if (reader.read(`${folder}/csf.conf`) === null && reader.read(`${folder}/csf.deny`) === null) {
    throw new GarrisonError(
      "GARRISON_NO_CSF",
      `Cannot import: there is no CSF in "${folder}", expected its csf.conf or csf.deny`,
    );
  }
  const found: CsfImport = importCsf(reader, { nowUnixMs: Date.now(), folder, stateFolder });
  if (output.isJson) return output.json({ ...found, yaml: renderCsfYaml(found) });
  output.line(renderCsfText(found));
  output.line(renderCsfYaml(found).trimEnd());
}

function readerOf(root: string): CsfReader {
  return {
    read(path) {
      const bytes = readBoundedFile(join(root, path), MAX_FILE_LENGTH);
      if (bytes === "too-large") throw new RangeError(`it has more than ${MAX_FILE_LENGTH} bytes`);
      // Comments of other times are not always UTF-8; addresses are ASCII.
      return bytes === "absent" ? null : bytes.toString("utf8");
    },
  };
}
