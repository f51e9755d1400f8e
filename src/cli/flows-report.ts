/** What `garrison flows` prints: flows as they are told, then what there was of each kind. */
import type { FlowsEnd, FlowsMessage } from "#src/flows/messages.ts";
import type { FlowReport, Relation, Verdict } from "#src/flows/report.ts";
import { formatDuration } from "#src/lib/duration.ts";
import { formatSize } from "#src/lib/size.ts";
import type { Output } from "./output.ts";
import { ProgressLine } from "./progress-line.ts";

const MAX_SHOWN = 1000;
const LATEST_MS = 8.64e15;

/** How it is printed. */
export interface FlowsReportOptions {
  /** Of the capture. */
  readonly name: string;
  /** Explained flows too. */
  readonly showsAll: boolean;
}

interface Sum {
  flows: number;
  packets: number;
  bytes: number;
}

/** Prints as messages come. */
export class FlowsReport {
  readonly #output: Output;
  readonly #name: string;
  readonly #showsAll: boolean;
  readonly #sums: Record<Verdict, Sum> = {
    "ftp-data": { flows: 0, packets: 0, bytes: 0 },
    media: { flows: 0, packets: 0, bytes: 0 },
    ordinary: { flows: 0, packets: 0, bytes: 0 },
    unexplained: { flows: 0, packets: 0, bytes: 0 },
  };
  readonly #progress = new ProgressLine();
  #shown = 0;
  #hidden = 0;
  /** The last message, when it has come. */
  end: FlowsEnd | null = null;

  constructor(output: Output, { name, showsAll }: FlowsReportOptions) {
    this.#output = output;
    this.#name = name;
    this.#showsAll = showsAll;
  }

  get hasUnexplained(): boolean {
    return this.#sums.unexplained.flows > 0;
  }

  take(message: FlowsMessage): void {
    if (message.t === "progress") return this.#progress.show(() => count(message.packets, "packet"));
    this.#progress.clear();
    if (message.t === "flows") this.#takeFlows(message.flows);
    else {
      this.end = message;
      if (this.#output.isJson) this.#printJson(message);
      else this.#printText(message);
    }
  }

  #takeFlows(flows: readonly FlowReport[]): void {
    for (const { verdict, packets, bytes } of flows) {
      const sum = this.#sums[verdict];
      sum.flows++;
      sum.packets += packets;
      sum.bytes += bytes;
    }
    if (this.#output.isJson) return this.#output.jsonLines(flows.map(flowJson));
    const wanted = flows.filter(({ verdict }) => this.#showsAll || verdict === "unexplained");
    const shown = wanted.slice(0, MAX_SHOWN - this.#shown);
    this.#shown += shown.length;
    this.#hidden += wanted.length - shown.length;
    if (shown.length > 0) this.#output.line(shown.map((flow) => this.#flowText(flow)).join("\n"));
  }

  #flowText({ proto, a, aPort, b, bPort, packets, bytes, bytesFromA, opened, ...flow }: FlowReport): string {
    const ends = `${endText(a, aPort)} ${opened ? "->" : "--"} ${endText(b, bPort)}`;
    const span = formatDuration(Math.max(0, Math.round(flow.lastUnixMs - flow.firstUnixMs)));
    const size = `${formatSize(bytesFromA)} out, ${formatSize(bytes - bytesFromA)} back, ${count(packets, "packet")}, ${span}`;
    const reason = flow.relation === null ? (flow.why === null ? "" : WHY[flow.why]) : relationText(flow.relation);
    const verdict = flow.verdict === "unexplained" ? this.#output.style("yellow", flow.verdict) : flow.verdict;
    return `${timeOf(flow.firstUnixMs)?.slice(0, 19).replace("T", " ") ?? "-"}  ${proto}  ${ends}  ${size}  ${verdict}${this.#output.clean(reason)}`;
  }

  #printJson({ t: _, ...totals }: FlowsEnd): void {
    const flows = Object.values(this.#sums).reduce((sum, one) => sum + one.flows, 0);
    this.#output.json({ summary: { capture: this.#name, flows, verdicts: this.#sums, ...totals } });
  }

  #printText(end: FlowsEnd): void {
    const output = this.#output;
    if (this.#hidden > 0)
      output.line(output.style("dim", `and ${this.#hidden.toLocaleString("en")} more: --json has them`));
    if (this.#shown > 0) output.line();
    output.line(
      output.style(
        "bold",
        `${count(end.packets, "packet")} (${formatSize(end.bytes)}), ${count(end.highPackets, "packet")} of them between high ports:`,
      ),
    );
    for (const [verdict, { flows, packets, bytes }] of Object.entries(this.#sums))
      output.line(
        `  ${verdict.padEnd(12)} ${count(flows, "flow").padStart(14)}  ${count(packets, "packet").padStart(18)}  ${formatSize(bytes)}`,
      );
    const { controls, encrypted, announced, bounces, dropped } = end.ftp;
    output.line(
      `FTP: ${count(controls, "control connection")}, ${encrypted.toLocaleString("en")} of them encrypted, ${announced.toLocaleString("en")} data ports announced`,
    );
    if (bounces > 0)
      output.line(
        output.style(
          "yellow",
          `${count(bounces, "time")} a client has announced a port of somebody else, and the server agreed`,
        ),
      );
    if (end.otherPackets > 0)
      output.line(`neither TCP nor UDP, or too short to tell: ${count(end.otherPackets, "packet")}`);
    if (end.strayFragments > 0)
      output.line(`fragments without their first one: ${end.strayFragments.toLocaleString("en")}`);
    if (end.earlyFlows > 0)
      output.line(`told before their end, because there were too many at once: ${count(end.earlyFlows, "flow")}`);
    if (dropped > 0)
      output.line(`given up, because there were too many at once: ${count(dropped, "control connection")}`);
  }
}

const WHY: Readonly<Record<NonNullable<FlowReport["why"]>, string>> = {
  "not-announced": "",
  "ftp-control": ": it is an FTP control connection",
  sip: ": it carries SIP",
  "encrypted-ftp": ": its hosts have an encrypted FTP control connection, so it may be FTP data",
};

function relationText(relation: Relation): string {
  if (relation.kind === "sip") return `: call ${relation.callId}`;
  const { command, client, clientPort, server, serverPort, announced, translated } = relation;
  const control = `${endText(client, clientPort)} -> ${endText(server, serverPort)}`;
  if (command === null) return `: in the passive range, beside the encrypted control connection ${control}`;
  return `: ${command} announced ${announced}${translated ? " (translated)" : ""} on ${control}`;
}

function flowJson({ firstUnixMs, lastUnixMs, ...flow }: FlowReport): object {
  return { ...flow, first: timeOf(firstUnixMs), last: timeOf(lastUnixMs) };
}

/** `null` for what no calendar has: a capture may say anything. */
function timeOf(unixMs: number): string | null {
  return Math.abs(unixMs) <= LATEST_MS ? new Date(unixMs).toISOString() : null;
}

function endText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function count(value: number, noun: string): string {
  return `${value.toLocaleString("en")} ${noun}${value === 1 ? "" : "s"}`;
}
