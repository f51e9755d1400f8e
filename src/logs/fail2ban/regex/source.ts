/** A text that is read from left to right. */
export class Source {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Where it stands, in UTF-16 units. */
  get offset(): number {
    return this.#at;
  }

  /** Whether all was read. */
  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The next character, `""` at the end. */
  get next(): string {
    return this.#text.charAt(this.#at);
  }

  /** Up to so many characters that come next, without reading them. */
  rest(length: number): string {
    return this.#text.slice(this.#at, this.#at + length);
  }

  /** Reads one character (code point); `""` at the end. */
  shift(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return "";
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  /** Reads this text if it comes next. */
  skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Reads what a sticky pattern matches here. */
  take(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  /** Goes back by so many UTF-16 units. */
  back(length: number): void {
    this.#at -= length;
  }
}
