/** What a replay prints: offending lines as they are found, then what would have been blocked. */
import { formatDuration } from "#src/lib/duration.ts";
import type { HitTuple, ReplayEnd, ReplayMessage } from "#src/logs/replay/messages.ts";
import type { ReplayFile } from "#src/logs/replay/settings.ts";
import type { Output } from "./output.ts";

/** Networks that are kept apart; more are counted only. */
const MAX_NETWORKS = 100_000;
const SHOWN_NETWORKS = 40;
const JSON_NETWORKS = 10_000;

type Block = Extract<ReplayMessage, { t: "block" }>;
type FileEnd = Extract<ReplayMessage, { t: "file" }>;

/** All blocks of one network. */
interface Blocked {
  readonly network: string;
  readonly firstUnixMs: number;
  lastUnixMs: number;
  times: number;
  forMs: number;
  readonly rules: Set<string>;
}

/** Prints as messages come. */
export class ReplayReport {
  readonly #files: readonly ReplayFile[];
  readonly #output: Output;
  readonly #blocked = new Map<string, Blocked>();
  readonly #ends: FileEnd[] = [];
  readonly #disabled: { readonly rule: string; readonly reason: string }[] = [];
  /** Whether the last message has come. */
  isComplete = false;
  hasHits = false;

  constructor(files: readonly ReplayFile[], output: Output) {
    this.#files = files;
    this.#output = output;
  }

  /** Whether a file could not be read to its end. */
  get hasProblems(): boolean {
    return this.#ends.some(({ problem }) => problem !== null);
  }

  take(message: Exclude<ReplayMessage, { t: "progress" | "refused" }>): void {
    switch (message.t) {
      case "hits":
        this.hasHits ||= message.hits.length > 0;
        this.#printHits(message.hits);
        break;
      case "block":
        this.#addBlock(message);
        break;
      case "file":
        this.#ends.push(message);
        if (message.problem !== null)
          this.#complain(`Cannot read "${this.#nameOf(message.file)}" to its end: ${message.problem}`);
        break;
      case "disabled":
        this.#disabled.push({ rule: message.rule, reason: message.reason });
        this.#complain(`Cannot go on with rule "${message.rule}": ${message.reason}; it is disabled`);
        break;
      case "end":
        this.isComplete = true;
        if (this.#output.isJson) this.#printJson(message);
        else this.#printText(message);
    }
  }

  #printHits(hits: readonly HitTuple[]): void {
    if (this.#output.isJson) this.#output.jsonLines(hits.map((hit) => this.#hitJson(hit)));
    else this.#output.line(hits.map((hit) => this.#hitText(hit)).join("\n"));
  }

  #hitJson([file, line, offset, atUnixMs, rule, address, user]: HitTuple): object {
    return { file: this.#nameOf(file), line, offset, at: isoTime(atUnixMs), rule, address, user };
  }

  #hitText([file, line, , atUnixMs, rule, address, user]: HitTuple): string {
    const output = this.#output;
    const words = [
      output.style("dim", `${output.clean(this.#nameOf(file), 200)}:${line}`),
      atUnixMs === null ? "-" : localTime(atUnixMs),
      output.clean(rule, 200),
      output.clean(address ?? "-", 64),
      output.clean(user ?? "", 80),
    ];
    return words.join("  ").trimEnd();
  }

  #addBlock({ network, atUnixMs, forMs, rule }: Block): void {
    const known = this.#blocked.get(network);
    if (known === undefined) {
      if (this.#blocked.size >= MAX_NETWORKS) return;
      this.#blocked.set(network, {
        network,
        firstUnixMs: atUnixMs,
        lastUnixMs: atUnixMs,
        times: 1,
        forMs,
        rules: new Set([rule]),
      });
      return;
    }
    known.times++;
    known.lastUnixMs = atUnixMs;
    known.forMs += forMs;
    known.rules.add(rule);
  }

  #printJson({ t: _, rules, ...totals }: ReplayEnd): void {
    const wouldBlock = this.#worst()
      .slice(0, JSON_NETWORKS)
      .map(({ network, firstUnixMs, lastUnixMs, times, forMs, rules: by }) => ({
        network,
        times,
        firstAt: isoTime(firstUnixMs),
        lastAt: isoTime(lastUnixMs),
        forSeconds: Math.round(forMs / 1000),
        rules: [...by],
      }));
    const files = this.#ends.map(({ t: _tag, file, ...rest }) => ({ file: this.#nameOf(file), ...rest }));
    this.#output.json({ summary: { ...totals, files, wouldBlock, disabled: this.#disabled, rules } });
  }

  #printText({ lines, hits, addresses, blocks, blocked, prevented }: ReplayEnd): void {
    const output = this.#output;
    output.line();
    output.line(
      output.style("bold", `${count(lines)} lines, ${count(hits)} of them offend, from ${count(addresses)} addresses`),
    );
    if (blocks === 0) return output.line("nothing would have been blocked");
    output.line(
      `would have been blocked: ${count(blocked)} networks, ${count(blocks)} times; ${count(prevented)} of the offending lines came while they would have been`,
    );
    for (const { network, firstUnixMs, times, forMs, rules } of this.#worst().slice(0, SHOWN_NETWORKS)) {
      const often = times === 1 ? "" : `  ${times} times`;
      output.line(
        `  ${output.clean(network, 64).padEnd(24)} ${localTime(firstUnixMs)}  for ${formatDuration(forMs)}${often}  ${output.style("dim", output.clean([...rules].join(", "), 120))}`,
      );
    }
    const more = this.#blocked.size - SHOWN_NETWORKS;
    if (more > 0) output.line(output.style("dim", `  and ${count(more)} more: --json has them`));
  }

  /** Networks that would have been blocked longest first. */
  #worst(): Blocked[] {
    return [...this.#blocked.values()].sort((one, other) => other.forMs - one.forMs || other.times - one.times);
  }

  #nameOf(file: number): string {
    return this.#files[file]?.name ?? "";
  }

  #complain(text: string): void {
    process.stderr.write(`garrison: ${this.#output.clean(text)}\n`);
  }
}

function isoTime(unixMs: number | null): string | null {
  return unixMs === null ? null : new Date(unixMs).toISOString();
}

/** As the log has it, where it is of this host. */
function localTime(unixMs: number): string {
  const at = new Date(unixMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}
