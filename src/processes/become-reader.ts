/** How a reader begins: a child that parses what strangers wrote, for the time of one command (src/up/start-reader.ts starts it). */
import { keepAcrossExec } from "#src/linux/descriptor.ts";
import { becomeConfined } from "./confine.ts";
import { FIRST_READER_FD } from "./descriptors.ts";

/**
 * Goes on without privileges, internet, and anything that it may write to.
 * @param files how many open files and pipes it is given, which must be kept before its settings are there
 */
export function becomeReader(files: number): void {
  for (let index = 0; index < files; index++) keepAcrossExec(FIRST_READER_FD + index);
  becomeConfined({ capabilities: [], writes: [], readOnlyMounts: false, internet: false });
}
