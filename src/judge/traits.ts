/** What alerts have in common: alerts that share a trait within some minutes are one incident. Pure. */
import { isInMemory, isInSharedFolder, withoutDeleted } from "#src/lib/program-path.ts";
import type { Actor } from "#src/model/actor.ts";
import type { Observation } from "#src/model/observation.ts";

// Their children have nothing in common: what is above them is not a cause.
const SESSION_ROOTS =
  /^(?:\/(?:usr|s?bin|lib\d*|opt)(?:\/[^/]+)*)?\/(?:systemd|init|sshd|sshd-session|cron|crond|atd|login|tmux[^/]*|screen|containerd-shim[^/]*|dockerd|supervisord|dumb-init|tini|runsvdir)$/;
const MAX_NAME = 1024;

/** Traits of an observation: its thing, its process, the processes above it up to the session's root, a program in /tmp. */
export function traitsOf({ sensor, key, who }: Observation): string[] {
  const thing = `thing ${sensor} ${key.slice(0, MAX_NAME)}`;
  if (who === null) return [thing];
  const processes = ancestry(who).map(({ pid, exe }) => `process ${pid} ${nameOf(exe)}`);
  return [thing, ...processes, ...droppedProgram(who)];
}

function ancestry(who: Actor): { pid: number; exe: string }[] {
  const line = [{ pid: who.pid, exe: who.exe ?? "", comm: who.comm ?? "" }, ...who.parents];
  const root = line.findIndex((one) => one.pid <= 1 || isSessionRoot(one));
  return root === -1 ? line : line.slice(0, root);
}

/** Without rights to read a program's path its name must do: whoever takes a root's name only stays apart from others. */
function isSessionRoot({ exe, comm }: { readonly exe: string; readonly comm: string }): boolean {
  return SESSION_ROOTS.test(exe === "" ? `/${comm}` : withoutDeleted(exe));
}

function droppedProgram({ exe }: Actor): string[] {
  return exe !== null && (isInSharedFolder(exe) || isInMemory(exe)) ? [`program ${nameOf(exe)}`] : [];
}

function nameOf(exe: string): string {
  return withoutDeleted(exe).slice(0, MAX_NAME);
}
