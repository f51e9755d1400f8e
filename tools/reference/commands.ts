/** docs/reference/commands.md: the help of every command, as the command line prints it. */
import type { Command } from "commander";
import { buildProgram } from "#src/cli/program.ts";
import { NOTE } from "./note.ts";

const WIDTH = 100;

/** Markdown of all help texts. */
export function describeCommands(): string {
  const sections = allCommands(buildProgram()).map(describeCommand);
  return `${NOTE}${["# Commands", "", "What `garrison COMMAND --help` prints.", "", ...sections].join("\n")}`;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap((one) => allCommands(one))];
}

function describeCommand(command: Command): string {
  let help = "";
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return [`## ${nameOf(command)}`, "", "```", help.trim(), "```", ""].join("\n");
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
