/** What each command gets: the global options, resolved. */
import { resolve } from "node:path";
import type { Command } from "commander";
import { type Folders, findFolders } from "#src/processes/folders.ts";
import { Output } from "./output.ts";

/** Global options, as in DESIGN section 6. */
export interface Context {
  readonly folders: Folders;
  /** `/`, or the tree given with `--root`. */
  readonly root: string;
  readonly output: Output;
}

/** Reads the global options wherever they stand on the command line. */
export function contextOf(command: Command): Context {
  const options = command.optsWithGlobals<{
    state?: string;
    run?: string;
    config?: string;
    root?: string;
    json?: true;
    color: boolean;
  }>();
  return {
    folders: findFolders(options, process.env, {
      isRoot: process.getuid?.() === 0,
      isStarting: command.name() === "up",
    }),
    root: resolve(options.root ?? "/"),
    output: new Output({ json: options.json === true, color: options.color }),
  };
}
