import type { Command } from "commander";
import { wrongUse } from "#src/cli/exit.ts";

/** `garrison completion SHELL`: made from the program itself, so that it knows every command and option. */
export async function printCompletion(program: Command, shell: string): Promise<void> {
  if (shell !== "bash" && shell !== "zsh")
    throw wrongUse(`Cannot complete for "${shell.slice(0, 40)}": expected bash or zsh`);
  process.stdout.write(shell === "bash" ? bashScript(program) : zshScript(program));
}

function wordsOf(command: Command): string[] {
  const options = command.options.flatMap(({ long }) => long ?? []);
  return [...command.commands.map((one) => one.name()), ...options, "--help"];
}

function bashScript(program: Command): string {
  const cases = program.commands.map(
    (one) => `    ${one.name()}) words="${[...new Set([...wordsOf(one), ...globalOptions(program)])].join(" ")}" ;;`,
  );
  return `# bash completion for garrison
_garrison() {
  local word words command="" current="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
${cases.join("\n")}
    *) words="${wordsOf(program).join(" ")}" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _garrison garrison
`;
}

function zshScript(program: Command): string {
  const commands = program.commands.map((one) => `    '${one.name()}:${quote(one.description())}'`);
  const cases = program.commands.map((one) => {
    const options = one.options.map(({ long, description }) => `'${long}[${quote(description)}]'`);
    const inner = one.commands.map((sub) => `'1:command:(${sub.name()})'`);
    return `    ${one.name()}) _arguments ${[...options, ...inner, "'*:argument:_default'"].join(" ")} ;;`;
  });
  return `#compdef garrison
_garrison() {
  local -a commands
  commands=(
${commands.join("\n")}
  )
  local context state line
  _arguments -C ${program.options.map(({ long, description }) => `'${long}[${quote(description)}]'`).join(" ")} '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe command commands ;;
    argument) case "$line[1]" in
${cases.join("\n")}
    esac ;;
  esac
}
_garrison "$@"
`;
}

function globalOptions(program: Command): string[] {
  return program.options.flatMap(({ long }) => long ?? []);
}

function quote(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:]/g, "\\$&");
}
