/**
 * Parser of the journal's export format, as `journalctl --output=export` writes it. Pure. Texts of a client stand in it as they are;
 * one that holds a newline or other control bytes comes as a binary field, so that it cannot forge another field.
 * Bounds: a message 64 KiB, another field 4 KiB (the rest is cut off), a name 64 bytes, fields that are not kept are not held at all.
 * @see https://systemd.io/JOURNAL_EXPORT_FORMATS
 */
import { GarrisonError } from "#src/lib/errors.ts";

/** Longest message that is kept; bytes beyond are cut off. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
const MAX_FIELD_BYTES = 4096;
const MAX_NAME_BYTES = 64;
// systemd v252 journal-importer.h: DATA_SIZE_MAX is 768 MiB.
const MAX_DATA_BYTES = 768 * 1024 * 1024;
const SIZE_BYTES = 8;
const NEWLINE = 10;
const EQUALS = 61;

// Set by journald, which knows who wrote: a client cannot set a field that begins with an underscore.
const TRUSTED = new Set(["_UID", "_GID", "_PID", "_EXE", "_COMM", "_SYSTEMD_UNIT", "_TRANSPORT"]);
const KEPT = new Set([...TRUSTED, "__CURSOR", "__REALTIME_TIMESTAMP", "MESSAGE", "SYSLOG_IDENTIFIER"]);

/** One entry of the journal. */
export interface JournalEntry {
  /** Where it stands: `journalctl --after-cursor` goes on behind it. */
  readonly cursor: string;
  /** `MESSAGE`, each byte one character (latin1). */
  readonly message: string;
  /** `_UID`, `_GID`, `_PID`, `_EXE`, `_COMM`, `_SYSTEMD_UNIT`, `_TRANSPORT`, those that it has. */
  readonly trusted: Readonly<Record<string, string>>;
  /** `SYSLOG_IDENTIFIER`, which the client chooses; `_COMM` when there is none. */
  readonly program: string;
  /** When journald took it. */
  readonly atUnixMs: number;
  /** Bytes of the stream up to the end of this entry. */
  readonly endOffset: number;
  /** Whether the message was longer than MAX_MESSAGE_BYTES. */
  readonly isCut: boolean;
}

type Expects =
  /** A name, up to `=` or the end of the line; or the empty line that ends an entry. */
  | { readonly t: "name" }
  | { readonly t: "text" }
  | { readonly t: "size" }
  | { readonly t: "data"; left: number }
  /** The newline behind binary data. */
  | { readonly t: "end" };

/** Takes the stream in pieces of any size. After an error it must not be used any more. */
export class JournalExport {
  #expects: Expects = { t: "name" };
  #name = "";
  #value: Buffer[] = [];
  #valueBytes = 0;
  #size: number[] = [];
  #fields = new Map<string, string>();
  #isCut = false;
  #offset = 0;

  /**
   * The entries that a piece completes.
   * @throws GarrisonError `GARRISON_JOURNAL_MALFORMED` for what journalctl does not write
   */
  push(piece: Uint8Array): JournalEntry[] {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const entries: JournalEntry[] = [];
    for (let at = 0; at < bytes.length; ) {
      const wasNewEntry = this.#expects.t === "name" && this.#name === "" && bytes[at] === NEWLINE;
      const next = this.#step(bytes, at);
      this.#offset += next - at;
      at = next;
      if (wasNewEntry) this.#endEntry(entries);
    }
    return entries;
  }

  /** @returns where the next step begins */
  #step(bytes: Buffer, at: number): number {
    const { t } = this.#expects;
    switch (t) {
      case "name":
        return this.#takeName(bytes, at);
      case "text":
        return this.#takeText(bytes, at);
      case "size":
        return this.#takeSize(bytes, at);
      case "data":
        return this.#takeData(bytes, at, this.#expects);
      case "end":
        if (bytes[at] !== NEWLINE) throw malformed("a newline is wanted behind binary data");
        this.#endField();
        return at + 1;
    }
  }

  #takeName(bytes: Buffer, start: number): number {
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte !== NEWLINE && byte !== EQUALS) continue;
      this.#growName(bytes, start, at);
      if (byte === EQUALS && this.#name === "") throw malformed("a field has no name");
      if (byte === EQUALS) this.#expects = { t: "text" };
      else if (this.#name !== "") this.#expects = { t: "size" };
      return at + 1;
    }
    this.#growName(bytes, start, bytes.length);
    return bytes.length;
  }

  #growName(bytes: Buffer, start: number, end: number): void {
    if (this.#name.length + end - start > MAX_NAME_BYTES) throw malformed("a name is longer than 64 bytes");
    this.#name += bytes.toString("latin1", start, end);
    if (!/^[A-Z0-9_]*$/.test(this.#name)) throw malformed("a name has other characters than capitals, digits and _");
  }

  #takeText(bytes: Buffer, start: number): number {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    this.#keep(bytes, start, end);
    if (newline === -1) return end;
    this.#endField();
    return end + 1;
  }

  #takeSize(bytes: Buffer, at: number): number {
    this.#size.push(bytes[at]!);
    if (this.#size.length < SIZE_BYTES) return at + 1;
    const left = Number(Buffer.from(this.#size).readBigUInt64LE());
    this.#size = [];
    if (left > MAX_DATA_BYTES) throw malformed(`binary data has ${left} bytes, at most ${MAX_DATA_BYTES} are wanted`);
    this.#expects = left === 0 ? { t: "end" } : { t: "data", left };
    return at + 1;
  }

  #takeData(bytes: Buffer, start: number, expects: { left: number }): number {
    const end = Math.min(bytes.length, start + expects.left);
    this.#keep(bytes, start, end);
    expects.left -= end - start;
    if (expects.left === 0) this.#expects = { t: "end" };
    return end;
  }

  /** Copies what is kept of a value: the piece is the caller's. */
  #keep(bytes: Buffer, start: number, end: number): void {
    if (!KEPT.has(this.#name)) return;
    const most = this.#name === "MESSAGE" ? MAX_MESSAGE_BYTES : MAX_FIELD_BYTES;
    const count = Math.min(end - start, most - this.#valueBytes);
    if (count < end - start && this.#name === "MESSAGE") this.#isCut = true;
    if (count <= 0) return;
    this.#value.push(Buffer.from(bytes.subarray(start, start + count)));
    this.#valueBytes += count;
  }

  #endField(): void {
    // A client may give a field twice: the first counts.
    if (KEPT.has(this.#name) && !this.#fields.has(this.#name)) {
      this.#fields.set(this.#name, Buffer.concat(this.#value).toString("latin1"));
    }
    this.#name = "";
    this.#value = [];
    this.#valueBytes = 0;
    this.#expects = { t: "name" };
  }

  /** Entries without a cursor or a time are none of journalctl; without a message (MESSAGE is optional) it is `""`. */
  #endEntry(entries: JournalEntry[]): void {
    const fields = this.#fields;
    const isCut = this.#isCut;
    this.#fields = new Map();
    this.#isCut = false;
    if (fields.size === 0) return;
    const cursor = fields.get("__CURSOR") ?? "";
    const micros = fields.get("__REALTIME_TIMESTAMP") ?? "";
    if (!/^[0-9a-z=;]{1,512}$/.test(cursor) || !/^\d{1,17}$/.test(micros))
      throw malformed("an entry has no cursor or no time");
    const program = fields.get("SYSLOG_IDENTIFIER") ?? fields.get("_COMM") ?? "";
    entries.push({
      cursor,
      message: fields.get("MESSAGE") ?? "",
      trusted: Object.fromEntries([...fields].filter(([name]) => TRUSTED.has(name))),
      program: program.slice(0, 256),
      atUnixMs: Math.floor(Number(micros) / 1000),
      endOffset: this.#offset,
      isCut,
    });
  }
}

function malformed(what: string): GarrisonError {
  return new GarrisonError("GARRISON_JOURNAL_MALFORMED", `Cannot read the journal: ${what}`);
}
