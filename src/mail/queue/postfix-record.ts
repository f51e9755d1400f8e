/**
 * Parser of Postfix's queue files, of which the beginning may be all that was read. Pure, and as for Exim for a process without
 * privileges.
 *
 * A file is a row of records: a letter, the length in groups of 7 bits (the lowest first, the top bit set while more follow), and so many
 * bytes. `C` sizes, `T` time, `S` sender, `R` recipient, `A` attribute (`name=value`), `M` begin of the message, `N` and `L` a line of it.
 *
 * @see postfix(1) 3.7 src/global/rec_type.h and record.h
 */
import type { QueuedMessage } from "./message.ts";
import { cutRawText } from "./raw-text.ts";
import { ScriptHeader } from "./script-header.ts";

const MAX_HEADER = 1000;
// Lengths of more groups do not occur: a record of a message is at most line_length_limit, 2,048 bytes, by default.
const MAX_LENGTH_BYTES = 4;
const MAX_UID = 0xffff_fffe;

/** What the file itself does not say. */
export interface PostfixFile {
  readonly queue: string;
  /** Owner of the file: in `maildrop` whoever handed it over. `null`: not known. */
  readonly ownerUid: number | null;
}

/** @param bytes the file, or its first 16 KiB @returns `null` when it is no queue file of Postfix */
export function parsePostfixMessage(bytes: Buffer, { queue, ownerUid }: PostfixFile): QueuedMessage | null {
  const envelope = new Envelope();
  const headers = new Headers();
  let isMessage = false;
  let isAny = false;
  for (const [type, start, end] of records(bytes)) {
    if (isMessage ? !headers.take(type, bytes, start, end) : type === "E" || type === "X") break;
    if (!isMessage) envelope.take(type, bytes, start, end);
    isMessage ||= type === "M";
    isAny ||= type === "S" || type === "M";
  }
  if (!isAny) return null;
  const { attributes } = envelope;
  const client = addressOf(attributes.get("client_address"));
  const uid = queue === "maildrop" ? ownerUid : client === null ? headers.uid : null;
  const created = attributes.get("create_time");
  return {
    receivedUnixMs:
      envelope.receivedUnixMs ?? (created !== undefined && /^\d{1,12}$/.test(created) ? Number(created) * 1000 : null),
    sender: cutRawText(envelope.sender),
    account: uid === null ? null : `uid ${uid}`,
    uid,
    mailbox: client === null ? null : textOrNull(attributes.get("sasl_username")),
    client,
    script: uid === null ? null : textOrNull(headers.script),
    recipients: envelope.recipients,
    isFrozen: queue === "hold",
    isCut: client === null && uid === null && !headers.isBegun,
  };
}

class Envelope {
  readonly attributes = new Map<string, string>();
  receivedUnixMs: number | null = null;
  sender = "";
  #listed = 0;
  #counted = 0;

  /** Those of headers (`sendmail -t`) stand behind the message: cleanup has counted them. */
  get recipients(): number {
    return Math.max(this.#listed, this.#counted);
  }

  take(type: string, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case "T":
        this.receivedUnixMs ??= parseTime(text(bytes, start, end));
        break;
      case "S":
        this.sender = text(bytes, start, end);
        break;
      case "R":
        this.#listed++;
        break;
      case "C":
        this.#counted = parseRecipients(text(bytes, start, end));
        break;
      case "A":
        this.#attribute(text(bytes, start, end));
    }
  }

  #attribute(attribute: string): void {
    const equals = attribute.indexOf("=");
    const name = attribute.slice(0, equals);
    if (name === "client_address" || name === "sasl_username" || name === "create_time")
      this.attributes.set(name, attribute.slice(equals + 1));
  }
}

/** The first lines of the message: who handed it over, and which script. */
class Headers {
  readonly #script = new ScriptHeader();
  #header = "";
  uid: number | null = null;
  /** Whether the first header is there, which tells who handed the message over. */
  isBegun = false;

  get script(): string | null {
    return this.#script.script;
  }

  /** @returns `false` behind the last header */
  take(type: string, bytes: Buffer, start: number, end: number): boolean {
    if (type !== "N" && type !== "L") {
      this.#flush();
      return false;
    }
    const line = text(bytes, start, Math.min(end, start + MAX_HEADER));
    const goesOn = line.startsWith(" ") || line.startsWith("\t");
    if (!goesOn) this.#flush();
    if (line === "") return false;
    if (this.#header.length < MAX_HEADER) this.#header += line;
    return true;
  }

  #flush(): void {
    if (this.#header === "") return;
    // Postfix puts its own line first: those below are whoever's.
    if (!this.isBegun) this.uid = parseReceived(this.#header);
    this.isBegun = true;
    this.#script.take(this.#header);
    this.#header = "";
  }
}

/** `Received: by HOST (MAIL_NAME, from userid N)`, which Postfix writes for what a process of this host handed over. */
function parseReceived(header: string): number | null {
  const match = /^Received: by \S{1,255} \([^()]{1,100}, from userid (\d{1,10})\)/.exec(header);
  const uid = Number(match?.[1]);
  return match !== null && uid <= MAX_UID ? uid : null;
}

/** Records by type, with where their bytes begin and end; ends where the bytes end or make no sense. */
function* records(bytes: Buffer): Generator<readonly [type: string, start: number, end: number]> {
  for (let at = 0; at < bytes.length; ) {
    const type = String.fromCharCode(bytes[at++] ?? 0);
    let length = 0;
    for (let group = 0; ; group++) {
      const byte = bytes[at++];
      if (byte === undefined || group === MAX_LENGTH_BYTES) return;
      length |= (byte & 0x7f) << (7 * group);
      if (byte < 0x80) break;
    }
    if (at + length > bytes.length) return;
    yield [type, at, at + length];
    at += length;
  }
}

/** Size, offset of the message, recipients, and more. */
function parseRecipients(value: string): number {
  const match = /^ *\d{1,15} +\d{1,15} +(\d{1,7}) /.exec(value);
  return match === null ? 0 : Number(match[1]);
}

function parseTime(value: string): number | null {
  const match = /^(\d{1,12})(?: \d{1,6})?$/.exec(value);
  return match === null ? null : Number(match[1]) * 1000;
}

function addressOf(value: string | undefined): string | null {
  return value !== undefined && /^[0-9A-Fa-f.:]{2,45}$/.test(value) ? value : null;
}

function text(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("latin1", start, end);
}

function textOrNull(raw: string | undefined | null): string | null {
  return raw === undefined || raw === null || raw === "" ? null : cutRawText(raw);
}
