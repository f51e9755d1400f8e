/** The command line: one line of registration a command, its code loaded when it runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "#src/lib/duration.ts";
import { errorText, GarrisonError } from "#src/lib/errors.ts";
import { SEVERITIES } from "#src/model/severity.ts";
import { AnswerError } from "./client.ts";
import { type Context, contextOf } from "./context.ts";
import { EXIT, Exit } from "./exit.ts";

const DAY_MS = 86_400_000;
const EXAMPLES_OF_USE = `
Exit codes: 0 done, 1 found something, 2 wrong use, 3 could not.

Start here:
  garrison up                  start, and watch alerts come in
  garrison status              what it sees, and what it is blind to
  garrison alerts              what is not ordinary
  garrison explain a17         why, with the evidence and what to do next
  garrison accept a17          it is ordinary from now on
  garrison drill               stage harmless attacks and see them found`;

/** Runs a command with its context, options and arguments. */
type Run = (context: Context, options: never, ...words: never[]) => Promise<void>;

/** Builds the program. */
export function buildProgram(): Command {
  const program = new Command("garrison")
    .description(
      "Host defence for hosting servers: learns what is ordinary, says within a second when something is not.",
    )
    .version(readVersion())
    .option("--state <dir>", "folder of what it learns and writes down (default: /var/lib/garrison; GARRISON_STATE)")
    .option("--run <dir>", "folder of its sockets (default: /run/garrison; GARRISON_RUN)")
    .option("--config <file>", "configuration (default: /etc/garrison/garrison.yaml; GARRISON_CONFIG)")
    .option(
      "--root <dir>",
      "tree to look at as the host (default: /); the sensors of this version look at / all the same",
    )
    .option("--json", "print one JSON value a line")
    .option("--no-color", "no colours, also on a terminal")
    .option("--yes", "answer yes to questions; no command of this version asks any")
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText("after", EXAMPLES_OF_USE);
  addWatching(program);
  addActing(program);
  addBlocking(program);
  addLooking(program);
  program
    .command("completion")
    .description("print a completion script for a shell")
    .argument("<shell>", "bash or zsh")
    .addHelpText(
      "after",
      "\nExample:\n  garrison completion bash > /etc/bash_completion.d/garrison\n  garrison completion zsh > /usr/local/share/zsh/site-functions/_garrison",
    )
    .action(async (shell: string) => (await import("./commands/completion.ts")).printCompletion(program, shell));
  return program;
}

function addWatching(program: Command): void {
  program
    .command("up")
    .description("start watching, in the foreground; show alerts as they come")
    .option(
      "--learn <duration>",
      'how long newcomers are taken in as ordinary, such as "24h" or "0s" (default: the configuration\'s learn, 24h)',
      duration,
    )
    .addHelpText(
      "after",
      `
Starts garrison-sentry (sees), garrison-warden (acts) and garrison-mind (decides), and starts them again when they end.
Prints "garrison: watching" once every sensor runs or has said why it cannot. Ctrl-C stops all of them.
As an ordinary user it watches what that user may see, and says what it is blind to.`,
    )
    .action(run(async () => (await import("./commands/up.ts")).up));
  program
    .command("status")
    .description("what it sees and is blind to, and how its processes, store and journal are")
    .action(run(async () => (await import("./commands/status.ts")).status));
  program
    .command("doctor")
    .description("probe what this machine allows, show the effective configuration and what would widen its sight")
    .addHelpText("after", "\nWorks without a running garrison too. Exit code 1: something narrows its sight.")
    .action(run(async () => (await import("./commands/doctor.ts")).doctor));
  program
    .command("ordinary")
    .description("all that was learnt, in words")
    .argument("[sensor]", "only of this sensor, such as listeners")
    .action(run(async () => (await import("./commands/ordinary.ts")).ordinary));
  program
    .command("accept")
    .description("what an alert tells of is ordinary from now on")
    .argument("<alert...>", 'ids such as "a17"')
    .option("--for <duration>", 'only for so long, such as "8h"; then the alert is open again', duration)
    .addHelpText(
      "after",
      "\nIt is journaled with your name. Of a changed file, how it looks now is accepted; of a listener or a reader, that one.",
    )
    .action(run(async () => (await import("./commands/accept.ts")).accept));
  program
    .command("alerts")
    .description("what was not ordinary, oldest first")
    .addOption(
      new Option("--which <state>", "only these").choices(["open", "accepted", "closed", "all"]).default("open"),
    )
    .addOption(new Option("--severity <severity>", "at least so grave").choices([...SEVERITIES]))
    .option("--kind <kind>", "only of this kind, such as file.mode")
    .option("--since <duration>", 'only of the last so long, such as "1h"', duration)
    .option("--limit <number>", "at most so many, the newest", positiveInteger, 100)
    .option("--follow", "go on, and print alerts as they come")
    .addHelpText(
      "after",
      "\nExit code 1 when there are any, 0 when there are none.\nExample: garrison alerts --json --since 1h | jq .kind",
    )
    .action(run(async () => (await import("./commands/alerts.ts")).alerts));
  program
    .command("explain")
    .description("one alert: why it is none of the ordinary, who did it, what changed, what to do next")
    .argument("<alert>", 'an id such as "a17"')
    .action(run(async () => (await import("./commands/explain.ts")).explain));
  program
    .command("drill")
    .description("stage harmless attacks on the running system and time their alerts")
    .option("--real-file <path>", "also change and put back the mode of this watched file (its owner-execute bit)")
    .addOption(
      new Option("--timeout <duration>", "how long to wait for each alert").argParser(duration).default(10_000, "10s"),
    )
    .addHelpText(
      "after",
      `
Stages a listener on port 4444, a mode change of a canary file and a read of a canary secret. Its alerts are marked as a drill
and told to nobody as real. All is put back, also when it is killed. Exit code 1 when an attack was missed.`,
    )
    .action(run(async () => (await import("./commands/drill.ts")).drill));
}

function addActing(program: Command): void {
  const actions = program
    .command("actions")
    .description("what Garrison has changed, and can undo; or act on an alert")
    .argument("[kind]", "what to do, such as restore-file-attributes")
    .argument("[alert]", 'the alert to act on, such as "a17"')
    .option("--for <duration>", 'undo it by itself after so long, such as "1h"', duration)
    .option("--limit <number>", "list at most so many, the newest", positiveInteger, 100)
    .addHelpText(
      "after",
      `
Without arguments: the list. Kinds:
  restore-file-attributes   give a file the mode and owner back that it had before an alert of file.mode or file.owner`,
    );
  actions.action(run(async () => (await import("./commands/actions.ts")).actions));
  program
    .command("undo")
    .description("undo an action")
    .argument("<action>", 'an id such as "x3"')
    .action(run(async () => (await import("./commands/undo.ts")).undo));
  const journal = program
    .command("journal")
    .description("the hash-chained record of all that was decided and done")
    .option("--last <number>", "the newest so many entries", positiveInteger, 50);
  journal.action(run(async () => (await import("./commands/journal.ts")).showJournal));
  journal
    .command("verify")
    .description("find any entry that was edited, cut or put elsewhere, and name it")
    .addHelpText(
      "after",
      "\nReads the files themselves, also without a running garrison. Exit code 1 when something is wrong.",
    )
    .action(run(async () => (await import("./commands/journal.ts")).verify));
  program
    .command("notify")
    .description("who is told, and how")
    .command("test")
    .description("send a test message through every channel of the configuration")
    .action(run(async () => (await import("./commands/notify.ts")).testNotify));
}

function addBlocking(program: Command): void {
  program
    .command("block")
    .description("drop all packets of an address or a network")
    .argument("<network>", "an address, or a network such as 203.0.113.0/24")
    .option("--for <duration>", 'for so long, such as "1h" (default: for ever)', duration)
    .option("--port <ports>", 'only what is sent to these ports of ours, such as "22,25"', ports)
    .option("--reason <text>", "why, for the journal")
    .option("--private", "a private network is meant")
    .option("--dry-run", "only say what would be done, or why it would be refused")
    .addHelpText(
      "after",
      `
Refused: addresses of this host, its gateways and resolvers, what is on blocks.allow or blocks.proxies, and the address of any admin who
is logged in; --dry-run asks the same checks, and says which were not made. Open connections of the address are ended. The kernel lets the address in again by itself when the time is over.`,
    )
    .action(run(async () => (await import("./commands/block.ts")).block));
  program
    .command("unblock")
    .description("let an address or a network in again")
    .argument("<what...>", 'addresses or networks as they were blocked, or ids such as "x3"')
    .action(run(async () => (await import("./commands/block.ts")).unblock));
  const blocks = program
    .command("blocks")
    .description("what is blocked, until when and why; newest first")
    .option("--limit <number>", "at most so many", positiveInteger, 100);
  blocks.action(run(async () => (await import("./commands/blocks.ts")).listBlocks));
  blocks
    .command("report")
    .description("what rules have blocked, or with blocks.mode: observe would have")
    .addOption(new Option("--last <duration>", "within so long").argParser(duration).default(30 * DAY_MS, "30d"))
    .action(run(async () => (await import("./commands/blocks.ts")).reportBlocks));
  blocks
    .command("restore")
    .description(
      "put the blocks of the last run into the kernel: for the start of the machine, before the network is up",
    )
    .addHelpText("after", "\nWorks without a running garrison. packaging/garrison-blocks.service runs it.")
    .action(run(async () => (await import("./commands/blocks.ts")).restore));
}

function addLevels(program: Command): void {
  const levels = program
    .command("levels")
    .description("levels: how much there is of what is counted, what is ordinary for it at this hour, and its last day")
    .option("--only <text>", "only series with this in their name, such as eth0 or queue")
    .option("--all", "all of them, not only the highest of each kind")
    .addHelpText("after", "\nExit code 1 when one is unusual. Example: garrison levels --only packets-out --json")
    .action(run(async () => (await import("./commands/levels.ts")).showLevels));
  levels
    .command("replay")
    .description("judge a recorded series of numbers value by value, as if it came now")
    .argument("<file>", 'rows "timestamp,value", also gzipped; "-" is standard input')
    .addHelpText(
      "after",
      `
With --json a line for each row, else the alerts in words. The first day, and 150 values at least, are learnt. Rows that cannot be read are
told and left out. No running garrison is needed. Exit code 1 when there are alerts, 3 when not all could be read.
Example: garrison levels replay packets.csv --json | jq 'select(.alert)'`,
    )
    .action(run(async () => (await import("./commands/levels-replay.ts")).replayLevels));
}

function addFlows(program: Command): void {
  program
    .command("flows")
    .description(
      "say of a capture which flows between high ports are FTP data, media or ordinary, and which nothing explains",
    )
    .requiredOption("--pcap <file>", 'a pcap or pcapng file; "-" is standard input')
    .option(
      "--ordinary <services>",
      'services of this network, such as "3306,udp/5353,192.0.2.7:8443": flows to them are ordinary',
    )
    .option(
      "--passive-range <ports>",
      'data ports of FTP servers whose control connections are encrypted, such as "50000-50100": weaker evidence',
    )
    .option("--all", "show flows that are explained too; --json has all of them anyway")
    .option("--max-flows <number>", "remember so many flows at once, 100 bytes each", flowCount, 2_000_000)
    .addHelpText(
      "after",
      `
A flow counts when both of its ports are 1024 or higher. FTP data is what a control connection in the capture has announced (PASV, EPSV,
PORT, EPRT): it is found by its greeting, on any port. Media is what both sides of a SIP call have named.

With --json one line a flow: proto, a, aPort, b, bPort, packets, bytes, verdict (ftp-data, media, ordinary, unexplained), relation and more;
then {"summary": ...}. "->" and "opened": a has opened it; bytes are those on the wire, with all headers.

No running garrison is needed; the packets are parsed by a process without privileges. Exit codes: 0 all is explained, 1 something is not,
3 the file cannot be read to its end: what can be read is told, and the byte where it ends.

Examples:
  tcpdump -i any -w - 'tcp or udp' | garrison flows --pcap -
  garrison flows --pcap traffic.pcapng --ordinary 3306,5432,11211 --json`,
    )
    .action(run(async () => (await import("./commands/flows.ts")).flows));
}

function addLooking(program: Command): void {
  addLevels(program);
  addFlows(program);
  const logs = program
    .command("logs")
    .description("logs: what is read of them and found in them, now or in recorded ones")
    .option("--all", "also sources that are not here and rules that have found nothing");
  logs.action(run(async () => (await import("./commands/logs.ts")).showLogs));
  program
    .command("waf")
    .description("ModSecurity: what its rules have hit")
    .command("hits")
    .description("hits of the audit log, put together; and rules that ordinary visitors seem to hit")
    .addOption(
      new Option("--by <what>", "put together by this; false-positive: one rule, one URL, many ordinary visitors")
        .choices(["rule", "site", "address", "false-positive"])
        .default("rule"),
    )
    .addOption(new Option("--last <duration>", "within so long").argParser(duration).default(DAY_MS, "24h"))
    .action(run(async () => (await import("./commands/waf.ts")).wafHits));
  addMail(program);
  logs
    .command("replay")
    .description("say of recorded logs which lines offend, and what would have been blocked")
    .argument("<file...>", 'logs, also gzipped ones; "-" is standard input')
    .option("--rule <name>", "only this rule or service, such as sshd.failed-password or sshd")
    .option("--filter <filter>", "a filter of fail2ban instead of our rules, such as sshd or sshd[mode=aggressive]")
    .option(
      "--source <name>",
      "what the files are, such as auth or exim-main (default: guessed from their first lines)",
    )
    .addHelpText(
      "after",
      `
The time is that of the lines. No running garrison is needed; the lines are parsed by a process without privileges.
Exit code 1 when something offends. Example: garrison logs replay /var/log/auth.log /var/log/auth.log.1 --json`,
    )
    .action(run(async () => (await import("./commands/logs-replay.ts")).replay));
  logs
    .command("rules")
    .description("the rules, what each counts, and which are disabled")
    .argument("[service]", "only of this service, such as sshd")
    .action(run(async () => (await import("./commands/logs-rules.ts")).listRules));
  const imports = logs.command("import").description("show what would be taken over of another tool; changes nothing");
  imports
    .command("fail2ban")
    .description("jails and filters of fail2ban: what is taken over, what not and why, and what to configure")
    .option("--from <folder>", "its configuration (default: /etc/fail2ban)")
    .action(run(async () => (await import("./commands/logs-import.ts")).importFail2ban));
  imports
    .command("csf")
    .description("lists and settings of CSF and lfd: what is taken over, what not and why, and what to configure")
    .option("--from <folder>", "its configuration (default: /etc/csf)")
    .option("--state-from <folder>", "its temporary lists (default: /var/lib/csf)")
    .action(run(async () => (await import("./commands/logs-import.ts")).importCsfFiles));
}

function addMail(program: Command): void {
  program
    .command("mail")
    .description("mail that waits in the queues of this host")
    .command("queue")
    .description("how much waits in the queues of Exim and Postfix, and who sent it")
    .addOption(
      new Option("--by <what>", "put together by this")
        .choices(["account", "sender", "script", "domain"])
        .default("account"),
    )
    .option("--spool <folder>", "this spool (default: those below /var/spool)")
    .addHelpText(
      "after",
      `
No running garrison is needed, and neither Exim nor Postfix is started. The messages are parsed by a process without privileges.
Exit code 3 when a part could not be read. Example: garrison mail queue --by script`,
    )
    .action(run(async () => (await import("./commands/mail-queue.ts")).mailQueue));
}

/** Runs the command line. @returns the exit code */
export async function main(words: readonly string[]): Promise<number> {
  const program = buildProgram();
  try {
    await program.parseAsync(words, { from: "user" });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    return report(error);
  }
}

/** Says why, and gives the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
  if (error instanceof Exit) {
    if (error.message !== "") process.stderr.write(`garrison: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`garrison: ${errorText(error)}\n`);
  if (error instanceof AnswerError && error.isUse) return EXIT.wrongUse;
  if (error instanceof GarrisonError && error.code === "GARRISON_CONFIG") return EXIT.wrongUse;
  if (!(error instanceof GarrisonError) && process.env["GARRISON_DEBUG"] !== undefined) console.error(error);
  return EXIT.couldNot;
}

/** Makes a commander action of a command's function, which is loaded only when it runs. */
function run(load: () => Promise<Run>): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const options = given.at(-2) as never;
    const words = given.slice(0, -2) as never[];
    await (await load())(contextOf(command), options, ...words);
  };
}

function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function ports(text: string): number[] {
  const numbers = text.split(",").map((one) => (/^[1-9]\d{0,4}$/.test(one) ? Number(one) : 0));
  if (numbers.length <= 15 && numbers.every((one) => one > 0 && one <= 65_535)) return numbers;
  throw new InvalidArgumentError('expected at most 15 ports such as "22,25"');
}

function flowCount(text: string): number {
  const number = /^[1-9]\d{2,6}$/.test(text) ? Number(text) : 0;
  if (number > 0 && number <= 2_000_000) return number;
  throw new InvalidArgumentError("expected a number from 100 to 2000000");
}

function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a number from 1 to 9999");
}

function readVersion(): string {
  const path = join(import.meta.dirname, "../../package.json");
  return String((JSON.parse(readFileSync(path, "utf8")) as { version: unknown }).version);
}
