/** Which suggested commands are printed: an admin copies them into a root shell, and a hostile name may be part of one. Pure. */
import { isCleanText } from "#src/lib/clean-text.ts";

const MAX_LENGTH = 600;
// Words without anything that a shell reads, or text in single quotes, where it reads nothing.
const WORDS = /^(?:[\w@%+=:,./-]|'[^']*'|\\'| )+$/;

/** Whether a shell takes every word of the command as it stands (no substitution, no redirection, no second command) and it is short. */
export function isHarmlessCommand(command: string): boolean {
  return command.length <= MAX_LENGTH && isCleanText(command) && WORDS.test(command);
}
