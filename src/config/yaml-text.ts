/**
 * The text of a configuration file as values with their lines. Pure.
 * Bounds: 100,000 tokens before anything is built, 20,000 values with aliases followed, 16 levels deep.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, parseDocument } from "yaml";
import { cleanText } from "#src/lib/clean-text.ts";
import type { Json } from "#src/model/json.ts";
import type { Path } from "./shape.ts";

const MAX_TOKENS = 100_000;
const MAX_VALUES = 20_000;
const MAX_DEPTH = 16;
const MAX_ALIASES = 100;

/** Something that is wrong with the file. */
export interface Problem {
  /** Counted from 1; `null` when it is not of one line. */
  readonly line: number | null;
  /** "<what is>, <what is wanted>" */
  readonly text: string;
}

/** The values of a file. */
export interface YamlText {
  /** `null` when there are problems, or when the file is empty. */
  readonly value: Json;
  readonly problems: readonly Problem[];
  /** The line of the value, or of the nearest thing around it; `null` when there is none. */
  lineOf(path: Path): number | null;
}

/** Reads one YAML 1.2 document of scalars, lists and maps with text keys. Never throws: whatever is wrong is among the problems. */
export function parseYamlText(text: string): YamlText {
  if (hasTooManyTokens(text)) return refused(null, `it has more than ${MAX_TOKENS} pieces, expected a short file`);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    logLevel: "error", // "silent" would pass over a second document
    prettyErrors: false, // they would repeat the source, which may be a password
    resolveKnownTags: false,
    schema: "core",
    stringKeys: true,
    uniqueKeys: false, // checked below: the library compares each key with each
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length === 0) return new TreeReader(document, lines).read();
  // One for each line: a missing bracket is told of at every level that it ends.
  const byLine = new Map(faults.map((fault) => [lines.linePos(fault.pos[0]).line, fault] as const).reverse());
  const problems = [...byLine].map(([line, fault]) => ({ line, text: describeFault(fault) }));
  return { value: null, problems, lineOf: () => null };
}

function hasTooManyTokens(text: string): boolean {
  let tokens = 0;
  for (const _ of new Lexer().lex(text)) {
    if (++tokens > MAX_TOKENS) return true;
  }
  return false;
}

function describeFault({ code, message }: Document["errors"][number] | Document["warnings"][number]): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins, expected one";
  if (code === "RESOURCE_EXHAUSTION") return `it is nested too deeply, expected at most ${MAX_DEPTH} levels`;
  if (code === "TAG_RESOLVE_FAILED") return 'a value begins with "!", expected quotes around such a text';
  if (code === "BAD_DQ_ESCAPE")
    return "a backslash begins no escape sequence, expected single quotes around such a text";
  if (code === "TAB_AS_INDENT") return "a tab stands before a key, expected spaces";
  if (code === "BAD_DIRECTIVE") return 'a line begins with "%", expected "key: value"';
  if (code === "NON_STRING_KEY") return "a key is not a text, expected the name of a setting";
  // Behind ": " the library repeats the source.
  return `it is no YAML (${message.split(": ")[0]}), expected "key: value"`;
}

function refused(line: number | null, text: string): YamlText {
  return { value: null, problems: [{ line, text }], lineOf: () => null };
}

/** Thrown to end the walk when a bound is reached. */
class Refused extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.text);
    this.problem = problem;
  }
}

/** Walks the nodes once: counts them, follows aliases, notes the line of each value. */
class TreeReader {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #lineOf = new Map<string, number>();
  readonly #anchors = new Map<string, Node>();
  readonly #problems: Problem[] = [];
  #values = 0;
  #aliases = 0;

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  read(): YamlText {
    try {
      const value = this.#read(this.#document.contents, [], 1);
      return { value, problems: this.#problems, lineOf: (path) => this.#nearestLine(path) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return refused(error.problem.line, error.problem.text);
    }
  }

  #read(node: Node | null, path: Path, line: number): Json {
    if (++this.#values > MAX_VALUES)
      throw this.#refuse(line, `it has more than ${MAX_VALUES} values, expected a short file`);
    if (path.length > MAX_DEPTH)
      throw this.#refuse(line, `it is nested too deeply, expected at most ${MAX_DEPTH} levels`);
    this.#lineOf.set(placeOf(path), line);
    if (isAlias(node)) return this.#read(this.#followAlias(node.source, line), path, line);
    if (node?.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isSeq<Node>(node)) {
      return node.items.map((item, index) => this.#read(item, [...path, index], this.#lineAt(item) ?? line));
    }
    if (isMap<Node, Node | null>(node)) return this.#readMap(node.items, path, line);
    return isScalar(node) ? (node.value as Json) : null;
  }

  #readMap(items: readonly { key: Node; value: Node | null }[], path: Path, line: number): Json {
    const entries = new Map<string, Json>();
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : "";
      const keyLine = this.#lineAt(key) ?? line;
      if (entries.has(name))
        this.#problems.push({ line: keyLine, text: `"${cleanText(name, 64)}" is there twice, expected once` });
      entries.set(name, this.#read(value, [...path, name], keyLine));
    }
    // Object.fromEntries defines "__proto__" as an ordinary key, which the schema then does not know.
    return Object.fromEntries(entries);
  }

  #followAlias(name: string, line: number): Node {
    const target = this.#anchors.get(name);
    if (target === undefined) throw this.#refuse(line, 'a value begins with "*", expected quotes around such a text');
    if (++this.#aliases > MAX_ALIASES)
      throw this.#refuse(line, `it has more than ${MAX_ALIASES} aliases, expected few`);
    return target;
  }

  #lineAt(node: Node | null): number | null {
    return node?.range ? this.#lines.linePos(node.range[0]).line : null;
  }

  #nearestLine(path: Path): number | null {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lineOf.get(placeOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return null;
  }

  #refuse(line: number, text: string): Refused {
    return new Refused({ line, text });
  }
}

function placeOf(path: Path): string {
  return JSON.stringify(path);
}
