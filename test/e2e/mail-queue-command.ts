/** Runs `garrison mail queue --json` and reads what it tells. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Counted, Group } from "#src/mail/queue/tally.ts";

/** A group. */
export type GroupJson = Pick<Group, "type" | "key" | "uid" | "messages" | "frozen" | "bounces" | "recipients"> & {
  readonly scripts: readonly Counted[];
  readonly senders: readonly Counted[];
  readonly clients: readonly Counted[];
};

interface SumsJson {
  readonly messages: number | null;
  readonly frozen: number;
  readonly bounces: number;
  readonly oldestSeconds: number | null;
}

/** What the command prints. */
export interface QueueJson {
  readonly code: number | null;
  readonly stderr: string;
  readonly groups: readonly GroupJson[];
  readonly summary: {
    readonly malformed: number;
    readonly blind: readonly { readonly path: string; readonly reason: string }[];
    readonly spools: readonly (SumsJson & {
      readonly mta: string;
      readonly blind: readonly { readonly path: string; readonly reason: string }[];
      readonly queues: readonly (SumsJson & { readonly queue: string })[];
    })[];
  };
}

const COMMAND = join(import.meta.dirname, "../../bin/garrison.ts");

/** Looks at one spool. */
export async function mailQueueOf(spool: string, ...words: string[]): Promise<QueueJson> {
  const { code, stdout, stderr } = await runMailQueue("--json", "--spool", spool, ...words);
  const lines = stdout
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { code, stderr, groups: lines.slice(0, -1), summary: lines.at(-1)?.summary };
}

/** Runs the command with a state folder of its own. */
export async function runMailQueue(
  ...words: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const state = mkdtempSync("/tmp/garrison-mail-state-");
  // The reader finds a copy of the build there, where the clone lies below a closed home.
  chmodSync(state, 0o755);
  const flags = ["--disable-warning=ExperimentalWarning", COMMAND, "--state", state];
  const child = spawn(process.execPath, [...flags, "mail", "queue", ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  rmSync(state, { recursive: true, force: true });
  return { code, stdout, stderr };
}
