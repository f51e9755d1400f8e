/**
 * Parser of Exim's header files (`ID-H`), of which the beginning may be all that was read. Pure. It is for a process without privileges:
 * a good part of what stands there was written by customers and strangers.
 *
 *     ID-H                     its own name
 *     login uid gid            whose process handed it over; Exim's own for what came by SMTP
 *     <sender>
 *     seconds warnings
 *     -name [value]            a second dash: the value is tainted; `(word)` behind it: how it is quoted
 *     -aclm name length        and on the next lines a value of so many bytes
 *     XX                       or a tree of addresses that are done with, `YN address` each
 *     count, then an address a line
 *     (empty)
 *     NNNc text                headers: bytes, a letter, text of so many bytes
 *
 * @see Exim specification 4.98, chapter "Format of spool files"
 */
import type { QueuedMessage } from "./message.ts";
import { cutRawText } from "./raw-text.ts";
import { ScriptHeader } from "./script-header.ts";

const MAX_RECIPIENTS = 10_000_000;
const MAX_UID = 0xffff_fffe;
/** Digits, letter and space before a header. */
const MAX_MARK = 11;

/** @param bytes the file, or its first 16 KiB @returns `null` when it is no header file of Exim */
export function parseEximHeader(bytes: Buffer): QueuedMessage | null {
  const lines = new Lines(bytes.toString("latin1"));
  const id = lines.next();
  if (id === null || !/^[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}-H$/.test(id)) return null;
  const owner = parseOwner(lines.next());
  const sender = parseSender(lines.next());
  const received = /^(\d{1,12}) \d{1,9}$/.exec(lines.next() ?? "");
  if (owner === null || sender === null || received === null) return null;
  const options = readOptions(lines);
  const isCut = lines.peek() === null;
  skipDone(lines);
  const recipients = readRecipients(lines);
  // Not `-local`, which Exim leaves out when the account may choose its sender.
  const isLocal = options.client === null && !options.isOwn && !isCut;
  return {
    receivedUnixMs: Number(received[1]) * 1000,
    sender: cutRawText(sender),
    account: isLocal ? cutRawText(owner.login) : null,
    uid: isLocal ? owner.uid : null,
    mailbox: options.client !== null && options.authId !== null ? cutRawText(options.authId) : null,
    client: options.client,
    script: isLocal ? readScript(lines) : null,
    recipients,
    isFrozen: options.isFrozen,
    isCut: isCut && options.client === null,
  };
}

interface Options {
  authId: string | null;
  client: string | null;
  isOwn: boolean;
  isFrozen: boolean;
}

/** Leaves the cursor before the first line that is no option. */
function readOptions(lines: Lines): Options {
  const options: Options = { authId: null, client: null, isOwn: false, isFrozen: false };
  while (lines.startsWith("-")) {
    // Most options are of no interest: a look at their first letter is enough.
    if (!lines.isLetterAt(lines.startsWith("--") ? 2 : 1, "acfhl(")) {
      if (lines.skipLine()) continue;
      break;
    }
    const line = lines.next();
    if (line === null) break;
    const { name, value } = parseOption(line);
    switch (name) {
      case "frozen":
        options.isFrozen = true;
        break;
      case "localerror":
        options.isOwn = true;
        break;
      case "auth_id":
        options.authId = value === "" ? null : value;
        break;
      case "host_address":
        options.client = parseClient(value);
        break;
      case "aclc":
      case "aclm":
      case "acl":
        lines.skip(valueBytes(value));
    }
  }
  return options;
}

/** `-name`, `-name value`, `--name value`, `--(quoter)name value`. */
function parseOption(line: string): { name: string; value: string } {
  let start = line.startsWith("--") ? 2 : 1;
  if (line[start] === "(") start = line.indexOf(")", start) + 1 || line.length;
  const space = line.indexOf(" ", start);
  return space === -1
    ? { name: line.slice(start), value: "" }
    : { name: line.slice(start, space), value: line.slice(space + 1) };
}

/** Of an ACL variable: its value goes on for so many bytes and a line end, whatever stands in it. */
function valueBytes(value: string): number {
  const length = /^\S+ (\d{1,9})$/.exec(value);
  return length === null ? 0 : Number(length[1]) + 1;
}

/** `[address]:port`, or as older versions have it `address.port`. */
function parseClient(value: string): string | null {
  const address =
    /^\[([0-9A-Fa-f.:]{2,45})\]/.exec(value)?.[1] ?? /^([0-9A-Fa-f.:]{2,45}?)(?:\.\d{1,5})?$/.exec(value)?.[1];
  return address ?? null;
}

function parseOwner(line: string | null): { login: string; uid: number } | null {
  const match = /^(.{1,256}) (-?\d{1,10}) -?\d{1,10}$/.exec(line ?? "");
  if (match === null) return null;
  const uid = Number(match[2]);
  return { login: match[1] ?? "", uid: uid >= 0 && uid <= MAX_UID ? uid : MAX_UID };
}

function parseSender(line: string | null): string | null {
  return line?.startsWith("<") && line.endsWith(">") ? line.slice(1, -1) : null;
}

/** The tree of addresses that are done with: each line tells whether a left and a right one follow. */
function skipDone(lines: Lines): void {
  if (lines.peek()?.startsWith("XX") === true) {
    lines.next();
    return;
  }
  for (let pending = 1; pending > 0; pending--) {
    const line = lines.peek();
    if (line === null || !/^[YN][YN] /.test(line)) return;
    lines.next();
    pending += Number(line[0] === "Y") + Number(line[1] === "Y");
  }
}

/** Leaves the cursor at the first header. */
function readRecipients(lines: Lines): number {
  const count = /^\d{1,8}$/.test(lines.peek() ?? "") ? Math.min(Number(lines.next()), MAX_RECIPIENTS) : 0;
  for (let left = count; left > 0 && lines.skipLine(); left--);
  if (lines.peek() === "") lines.next();
  return count;
}

/** Headers go by their length, because they go on over several lines. */
function readScript(lines: Lines): string | null {
  const found = new ScriptHeader();
  for (;;) {
    const [mark = "", length = "", letter] = /^(\d{3,9})(.) /s.exec(lines.look(MAX_MARK)) ?? [];
    if (mark === "") return found.script === null ? null : cutRawText(found.script);
    lines.skip(mark.length);
    // A header that was exchanged for another one is still there, marked so.
    if (letter !== "*" && lines.isLetterAt(0, "Xx")) found.take(lines.look(Number(length)));
    lines.skip(Number(length));
  }
}

/** Lines of a text, and pieces by their length. */
class Lines {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next line without its end; `null` behind the last one, and for one that was cut off. */
  next(): string | null {
    const line = this.peek();
    if (line !== null) this.#at += line.length + 1;
    return line;
  }

  peek(): string | null {
    const end = this.#text.indexOf("\n", this.#at);
    return end === -1 ? null : this.#text.slice(this.#at, end);
  }

  startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  /** Whether the character so far behind the cursor is one of these. */
  isLetterAt(offset: number, letters: string): boolean {
    const letter = this.#text[this.#at + offset];
    return letter !== undefined && letters.includes(letter);
  }

  /** @returns `false` when there is no whole line any more */
  skipLine(): boolean {
    const end = this.#text.indexOf("\n", this.#at);
    if (end !== -1) this.#at = end + 1;
    return end !== -1;
  }

  look(length: number): string {
    return this.#text.slice(this.#at, this.#at + length);
  }

  skip(length: number): void {
    this.#at = Math.min(this.#text.length, this.#at + length);
  }
}
