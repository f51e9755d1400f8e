/** The lines of a file of CSF's and of the files it includes. */
import { cleanText } from "#src/lib/clean-text.ts";
import { errorText } from "#src/lib/errors.ts";
import { type CsfPlace, type CsfProblem, type CsfReader, MAX_FILE_LENGTH, MAX_LINE_LENGTH } from "./place.ts";

/** A line that holds something. */
export interface CsfLine {
  readonly place: CsfPlace;
  /** Without blanks at its ends. */
  readonly text: string;
}

const MAX_INCLUDED = 100;

/**
 * Lines of a file in their order, those of an `Include /path` in its place; neither comments nor blank lines. Each file is read once,
 * at most 100.
 * @returns `null` when the file itself is not there
 */
export function readCsfLines(reader: CsfReader, path: string, problems: CsfProblem[]): CsfLine[] | null {
  const seen = new Set<string>();
  return readInto(reader, path, { problems, seen, from: null });
}

interface Reading {
  readonly problems: CsfProblem[];
  readonly seen: Set<string>;
  readonly from: CsfPlace | null;
}

function readInto(reader: CsfReader, path: string, reading: Reading): CsfLine[] | null {
  const { problems, seen } = reading;
  seen.add(path);
  const text = readText(reader, path, reading);
  if (text === null) return null;
  return text.split("\n").flatMap((raw, index) => {
    const place = { file: path, line: index + 1 };
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) return [];
    if (line.length > MAX_LINE_LENGTH) {
      problems.push({ place, message: `line has ${line.length} characters, at most ${MAX_LINE_LENGTH} are wanted` });
      return [];
    }
    const included = /^include\s+(.*)$/i.exec(line)?.[1];
    return included === undefined
      ? [{ place, text: line }]
      : include(reader, included, place, { ...reading, from: place });
  });
}

function include(reader: CsfReader, path: string, place: CsfPlace, reading: Reading): CsfLine[] {
  const { problems, seen } = reading;
  if (!/^\/[^\0]{1,1023}$/.test(path) || path.split("/").includes(".."))
    problems.push({ place, message: `"${cleanText(path, 200)}" cannot be included, an absolute path is wanted` });
  else if (seen.has(path)) problems.push({ place, message: `"${cleanText(path, 200)}" is included twice` });
  else if (seen.size >= MAX_INCLUDED) problems.push({ place, message: `more than ${MAX_INCLUDED} files are included` });
  // CSF ships Include lines of panels' files, which are often not there.
  else return readInto(reader, path, reading) ?? [];
  return [];
}

function readText(reader: CsfReader, path: string, { problems, from }: Reading): string | null {
  try {
    const text = reader.read(path);
    if (text === null || text.length <= MAX_FILE_LENGTH) return text;
    problems.push({ place: { file: path, line: 1 }, message: `file is longer than ${MAX_FILE_LENGTH} characters` });
  } catch (error) {
    problems.push({
      place: from ?? { file: path, line: 1 },
      message: cleanText(`Cannot read "${path}": ${errorText(error)}`),
    });
  }
  return null;
}
