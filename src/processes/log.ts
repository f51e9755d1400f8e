/** Structured log lines on stderr: one JSON object a line, or the sd-daemon priority prefix in front of text for the journal. */
import { cleanText } from "#src/lib/clean-text.ts";
import type { JsonObject } from "#src/model/json.ts";

const MAX_FIELD_LENGTH = 500;

/** `error`: a human must act. `warn`: degraded, we cope. `info`: state changes. The message is constant; facts go into fields. */
export interface Log {
  error(message: string, fields?: JsonObject): void;
  warn(message: string, fields?: JsonObject): void;
  info(message: string, fields?: JsonObject): void;
}

/** A log of one process. `info` is silent unless GARRISON_DEBUG is set: `up` shows what matters from the mind. */
export function openLog(name: string, write: (line: string) => void = (line) => void process.stderr.write(line)): Log {
  const emit = (level: string, message: string, fields: JsonObject = {}): void => {
    const details = Object.entries(fields).map(
      ([key, value]) =>
        `${key}=${cleanText(typeof value === "string" ? value : JSON.stringify(value), MAX_FIELD_LENGTH)}`,
    );
    write(`${name}: ${level}: ${[message, ...details].join(" ")}\n`);
  };
  return {
    error: (message, fields) => emit("error", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    info: (message, fields) => {
      if (process.env["GARRISON_DEBUG"] !== undefined) emit("info", message, fields);
    },
  };
}
