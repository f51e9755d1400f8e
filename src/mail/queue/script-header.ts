/**
 * Headers by which PHP and panels tell which script has sent a mail. Pure.
 * @see PHP manual, mail.configuration: `mail.add_x_header` writes `X-PHP-Originating-Script: UID:FILE`
 */

/** By how much each says: a header with a folder before one with a bare file name. */
const HEADERS = [
  // cPanel's Exim: DOMAIN:FOLDER
  { name: "x-source-dir", read: (value: string) => value },
  // DOMAIN/PATH for ADDRESS[, ADDRESS]
  { name: "x-php-script", read: (value: string) => value.split(" for ", 1)[0] ?? "" },
  { name: "x-php-originating-script", read: (value: string) => value },
] as const;
const MAX_SCRIPT = 200;

/** The script that the headers name, as far as they have been looked at. */
export class ScriptHeader {
  #rank: number = HEADERS.length;
  #script: string | null = null;

  /** Takes one header: `Name: value`, which may go on over several lines. */
  take(header: string): void {
    if (!/^x-(?:source-dir|php-)/i.test(header)) return;
    const colon = header.indexOf(":");
    const rank = HEADERS.findIndex(({ name }) => name === header.slice(0, colon).trimEnd().toLowerCase());
    if (rank === -1 || rank >= this.#rank) return;
    const value = header
      .slice(colon + 1)
      .replace(/\s+/g, " ")
      .trim();
    const script = HEADERS[rank]?.read(value).slice(0, MAX_SCRIPT) ?? "";
    if (script === "") return;
    this.#rank = rank;
    this.#script = script;
  }

  get script(): string | null {
    return this.#script;
  }
}
