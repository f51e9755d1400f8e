/** A command's end of the unix socket to the mind. */
import { connect } from "node:net";
import { errnoOf, GarrisonError } from "#src/lib/errors.ts";
import type { Json } from "#src/model/json.ts";
import { type FromMind, fromMind, type ToMind } from "#src/wire/cli-messages.ts";
import { Link } from "#src/wire/link.ts";

/** An error of the mind's, with whether typing something else mends it. */
export class AnswerError extends GarrisonError {
  readonly isUse: boolean;

  constructor(code: string, message: string, isUse: boolean) {
    super(code as `GARRISON_${string}`, message);
    this.name = "AnswerError";
    this.isUse = isUse;
  }
}

/** How a conversation is carried on. */
export interface AskOptions {
  /** Called once the connection stands. */
  readonly onConnect?: () => void;
  /** Ends the conversation from our side; it is then no error. */
  readonly signal?: AbortSignal;
}

/**
 * Asks, and gives each item to `onItem` until the answer ends.
 * @throws GarrisonError `GARRISON_NOT_RUNNING`, `GARRISON_NOT_ALLOWED`, `GARRISON_MIND_AWAY`; AnswerError of the mind
 */
export function ask(
  socketPath: string,
  request: ToMind,
  onItem: (value: Json) => void,
  options: AskOptions = {},
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(socketPath);
  socket.once("error", (error) => reject(connectError(socketPath, error)));
  socket.once("connect", () => {
    options.onConnect?.();
    const link = new Link<FromMind, ToMind>(socket, {
      accepts: fromMind,
      onMessage: (message) => {
        if (message.t === "item") onItem(message.value);
        else if (message.t === "end") resolve();
        else reject(new AnswerError(message.code, message.message, message.isUse));
        if (message.t !== "item") link[Symbol.dispose]();
      },
      onEnd: (reason) => {
        const why = reason === null ? "the mind ended the connection; it may be starting again" : reason;
        reject(new GarrisonError("GARRISON_MIND_AWAY", `Cannot get an answer: ${why}`));
      },
    });
    link.send(request);
    options.signal?.addEventListener("abort", () => {
      resolve();
      link[Symbol.dispose]();
    });
  });
  return promise;
}

/** The items of an answer as a list. */
export async function askAll(socketPath: string, request: ToMind): Promise<readonly Json[]> {
  const items: Json[] = [];
  await ask(socketPath, request, (item) => items.push(item));
  return items;
}

function connectError(socketPath: string, error: Error): GarrisonError {
  const code = errnoOf(error);
  if (code === "EACCES") {
    const message = `Cannot talk to Garrison at "${socketPath}": not allowed, expected root or a member of the group garrison`;
    return new GarrisonError("GARRISON_NOT_ALLOWED", message, { cause: error });
  }
  const message = `Cannot talk to Garrison at "${socketPath}": it is not running, start it with garrison up`;
  return new GarrisonError("GARRISON_NOT_RUNNING", message, { cause: error });
}
