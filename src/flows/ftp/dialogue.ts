/**
 * What both sides of an FTP control connection say: which ports are announced, and whether it is FTP at all. Pure.
 *
 * A port counts when the client has asked and the server has agreed: PASV and 227, EPSV and 229, PORT or EPRT and 200. Of the last two the
 * connection may come before the 200 (pyftpdlib 1.5.7 answers when it is connected), so they are told when they are asked. It is FTP when the server has accepted a USER or a PASS: a mail server greets with 220 too, but does not.
 */
import type { Side } from "./line-stream.ts";
import {
  type Announcement,
  argumentOf,
  isOpenReply,
  parseEprt,
  parseEpsvReply,
  parsePasvReply,
  parsePort,
  replyCodeOf,
  verbNumber,
  verbOf,
} from "./parse-lines.ts";

/** Commands that announce a port. */
export type DataCommand = "PASV" | "EPSV" | "PORT" | "EPRT";

/** What the server says to an announcement of the client; agreed by itself where the server announces. */
export interface Agreement {
  state: "asked" | "agreed" | "refused";
}

/** What is told of a dialogue. */
export interface DialogueSink {
  /** It is FTP: told once. */
  onFtp(): void;
  onAnnounced(command: DataCommand, announcement: Announcement, agreement: Agreement): void;
  /** The server has agreed to a port that the client has announced. */
  onAgreed(announcement: Announcement): void;
  /** It goes on encrypted (RFC 4217). */
  onDark(): void;
  /** It is something else. */
  onOther(): void;
}

type Pending =
  | { readonly verb: keyof typeof PENDING }
  | { readonly verb: "PORT" | "EPRT"; readonly announcement: Announcement | null; readonly agreement: Agreement };

const VERB = {
  PASV: verbNumber("PASV"),
  EPSV: verbNumber("EPSV"),
  PORT: verbNumber("PORT"),
  EPRT: verbNumber("EPRT"),
  USER: verbNumber("USER"),
  PASS: verbNumber("PASS"),
  AUTH: verbNumber("AUTH"),
} as const;
/** One of each for all connections. */
const PENDING = {
  PASV: { verb: "PASV" },
  EPSV: { verb: "EPSV" },
  USER: { verb: "USER" },
  PASS: { verb: "PASS" },
  AUTH: { verb: "AUTH" },
  other: { verb: "other" },
} as const;

/** What a client may say before USER; all else belongs to other protocols that greet with 220. */
const BEFORE_USER: ReadonlySet<number> = new Set(
  "USER AUTH PASS ACCT FEAT HOST SYST OPTS CLNT LANG NOOP HELP PBSZ PROT STAT QUIT".split(" ").map(verbNumber),
);
/** Commands that wait for their reply. A client that sends more at once is not followed. */
const MAX_PENDING = 32;

/** One control connection. */
export class Dialogue {
  readonly #sink: DialogueSink;
  #isGreeted: boolean;
  #isFtp: boolean;
  #pending: Pending[] = [];
  /** Code of a reply of several lines that has begun; 0: none. */
  #openCode = 0;
  /** What the first line of such a reply says, as if it were its last. */
  #openLine = "";

  /** @param isFtp it has begun before the capture, and is taken to be FTP. */
  constructor(sink: DialogueSink, isFtp: boolean) {
    this.#sink = sink;
    this.#isGreeted = isFtp;
    this.#isFtp = isFtp;
  }

  /** A line of the client: `start` to `end` of `bytes`. */
  command(bytes: Buffer, start: number, end: number): void {
    const verb = verbOf(bytes, start, end);
    if (!this.#isFtp && !BEFORE_USER.has(verb)) this.#sink.onOther();
    else if (verb === VERB.PORT) this.#offer("PORT", parsePort(argumentOf(textOf(bytes, start, end))));
    else if (verb === VERB.EPRT) this.#offer("EPRT", parseEprt(argumentOf(textOf(bytes, start, end))));
    else if (verb === VERB.EPSV) this.#await(isPlainEpsv(textOf(bytes, start, end)) ? PENDING.EPSV : PENDING.other);
    else if (verb === VERB.PASV) this.#await(PENDING.PASV);
    else if (verb === VERB.USER) this.#await(PENDING.USER);
    else if (verb === VERB.PASS) this.#await(PENDING.PASS);
    else this.#await(verb === VERB.AUTH ? PENDING.AUTH : PENDING.other);
  }

  /** A line of the server. */
  reply(bytes: Buffer, start: number, end: number): void {
    const code = replyCodeOf(bytes, start, end);
    const isOpen = isOpenReply(bytes, start, end);
    const hasPort = code === 227 || code === 229;
    if (this.#openCode !== 0) {
      if (code !== this.#openCode || isOpen) return;
      this.#openCode = 0;
    } else if (code === 0) return;
    else if (isOpen) {
      this.#openCode = code;
      if (hasPort) this.#openLine = `${code} ${textOf(bytes, start + 4, end)}`;
      return;
    }
    this.#finish(code, hasPort ? textOf(bytes, start, end) : "");
    this.#openLine = "";
  }

  /**
   * Something that a side has said is missing. Without a command it is not known any more which reply belongs to which; without a reply all
   * but the last command are taken to be answered.
   */
  gap(side: Side): void {
    this.#pending = side === "client" ? [] : this.#pending.slice(-1);
    if (side === "server") this.#openCode = 0;
  }

  #offer(verb: "PORT" | "EPRT", announcement: Announcement | null): void {
    const agreement: Agreement = { state: "asked" };
    this.#await({ verb, announcement, agreement });
    this.#announce(verb, announcement, agreement);
  }

  #await(pending: Pending): void {
    if (this.#pending.length >= MAX_PENDING) this.#pending = [];
    this.#pending.push(pending);
  }

  #finish(code: number, line: string): void {
    if (code < 200) return;
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      if (code !== 220) this.#sink.onOther();
      return;
    }
    if (code === 227) this.#answerPassive("PASV", parsePasvReply(line) ?? parsePasvReply(this.#openLine));
    else if (code === 229) this.#answerPassive("EPSV", parseEpsvReply(line) ?? parseEpsvReply(this.#openLine));
    else this.#answer(code);
  }

  /** What was asked before it has got its answer too, or never will. */
  #answerPassive(verb: "PASV" | "EPSV", announcement: Announcement | null): void {
    const index = this.#pending.findIndex((one) => one.verb === verb);
    if (index === -1) return;
    this.#pending.splice(0, index + 1);
    this.#announce(verb, announcement, { state: "agreed" });
  }

  #answer(code: number): void {
    const [first] = this.#pending;
    if (first === undefined) return;
    const isRefused = code >= 400;
    switch (first.verb) {
      case "PASV":
      case "EPSV":
        // Some other answer than its own comes from a command that was answered twice, such as ABOR.
        if (isRefused) this.#pending.shift();
        return;
      case "PORT":
      case "EPRT":
        if (code !== 200 && !isRefused) return;
        this.#pending.shift();
        first.agreement.state = isRefused ? "refused" : "agreed";
        if (!isRefused && first.announcement !== null) this.#sink.onAgreed(first.announcement);
        return;
      case "AUTH":
        this.#pending.shift();
        if (code !== 234 && code !== 334) return;
        this.#accept();
        this.#sink.onDark();
        return;
      default:
        this.#pending.shift();
        if (first.verb !== "other" && !isRefused) this.#accept();
    }
  }

  #accept(): void {
    if (!this.#isFtp) this.#sink.onFtp();
    this.#isFtp = true;
  }

  #announce(command: DataCommand, announcement: Announcement | null, agreement: Agreement): void {
    if (this.#isFtp && announcement !== null) this.#sink.onAnnounced(command, announcement, agreement);
  }
}

function textOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("latin1", start, end);
}

/** `EPSV ALL` announces nothing, and another family than the connection's is none of ours. */
function isPlainEpsv(line: string): boolean {
  return /^(?:|[12])$/.test(argumentOf(line));
}
