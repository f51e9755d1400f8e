/** Where Garrison keeps things, by option, environment or default. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** What was said on the command line. */
export interface FolderOptions {
  readonly state?: string | undefined;
  readonly run?: string | undefined;
  readonly config?: string | undefined;
}

/** Files of our own that nobody ordinarily touches: `garrison drill` does. */
export interface Canaries {
  readonly file: string;
  readonly secret: string;
}

/** Absolute paths. */
export interface Folders {
  readonly state: string;
  readonly run: string;
  readonly config: string;
  /** Whether the configuration file was named rather than assumed: a file that is named must be there. */
  readonly isConfigNamed: boolean;
  /** The unix socket of commands. */
  readonly socket: string;
  /** The unix sockets that the mind connects to. */
  readonly sentrySocket: string;
  readonly wardenSocket: string;
  /** Of the sentry: bytes of logs go their own way. */
  readonly logsSocket: string;
  /** Root-owned folder of the journal. */
  readonly journal: string;
  readonly canaries: Canaries;
}

/** Who asks, and what for. */
export interface FolderUser {
  readonly isRoot: boolean;
  /** `true`: to start a Garrison; else to talk to one. */
  readonly isStarting: boolean;
}

/**
 * Root has /var/lib, /run and /etc. Another user has folders of his own; unless his own runs, he talks to the Garrison of the host
 * when there is one that lets him in.
 */
export function findFolders(
  { state, run, config }: FolderOptions,
  env: NodeJS.ProcessEnv,
  { isRoot, isStarting }: FolderUser,
): Folders {
  const own = join(env["XDG_STATE_HOME"] ?? join(homedir(), ".local/state"), "garrison");
  const isHostMeant = existsSync("/run/garrison/garrison.sock") && !existsSync(join(own, "run/garrison.sock"));
  const usesHost = isRoot || (isHostMeant && !isStarting);
  const stateFolder = resolve(state ?? env["GARRISON_STATE"] ?? (usesHost ? "/var/lib/garrison" : own));
  const isStateNamed = state !== undefined || env["GARRISON_STATE"] !== undefined;
  const runDefault = isStateNamed && !isRoot ? join(stateFolder, "run") : usesHost ? "/run/garrison" : join(own, "run");
  const runFolder = resolve(run ?? env["GARRISON_RUN"] ?? runDefault);
  const named = config ?? env["GARRISON_CONFIG"];
  return {
    state: stateFolder,
    run: runFolder,
    config: resolve(named ?? "/etc/garrison/garrison.yaml"),
    isConfigNamed: named !== undefined,
    socket: join(runFolder, "garrison.sock"),
    sentrySocket: join(runFolder, "sentry.sock"),
    wardenSocket: join(runFolder, "warden.sock"),
    logsSocket: join(runFolder, "logs.sock"),
    journal: join(stateFolder, "journal"),
    canaries: { file: join(stateFolder, "canary/file"), secret: join(stateFolder, "canary/secret") },
  };
}
