/**
 * How much waits in the queues of Exim and Postfix, by the names of the files in their spools: neither program is started. Beginnings of
 * some messages go along as raw bytes, for the mind to see whose they are. See README.md in this folder for what it sees and cannot see.
 */
import { errnoOf, GarrisonError } from "#src/lib/errors.ts";
import { showRawPath, toRawPath } from "#src/lib/raw-path.ts";
import { HeldFolder } from "#src/linux/held-folder.ts";
import { findSpools, usualSpools } from "#src/mail/spool/find-spools.ts";
import type { Blind, Spool } from "#src/mail/spool/walk.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Fact, Level } from "#src/model/observation.ts";
import type { PollSensor, SensorContext } from "#src/model/sensor.ts";
import type { MailQueueOptions } from "./config.ts";
import { type MessageFile, type QueueCount, type SpoolCount, SpoolCounter } from "./spool-counter.ts";

const EVERY_MS = 10_000;
/** Messages of which a beginning goes along: of the newest, and of all. */
const MAX_FILES = 12;
/** Of each: the envelope and the first headers. */
const HEAD_BYTES = 4096;

/** The sensor. */
export const sensor: PollSensor = {
  everyMs: EVERY_MS,
  poll: (context) => Promise.resolve(lookOf(context).facts()),
};

const looks = new WeakMap<SensorContext, QueueLook>();

/** One for each run. */
function lookOf(context: SensorContext): QueueLook {
  const known = looks.get(context);
  if (known !== undefined) return known;
  const look = new QueueLook(context);
  looks.set(context, look);
  return look;
}

class QueueLook {
  readonly #context: SensorContext;
  readonly #counters = new Map<string, SpoolCounter>();
  readonly #buffer = Buffer.alloc(HEAD_BYTES);
  #lastMs = performance.now() - EVERY_MS;

  constructor(context: SensorContext) {
    this.#context = context;
  }

  facts(): readonly Fact[] {
    const { spools: more } = this.#context.options as unknown as MailQueueOptions;
    const found = findSpools([...usualSpools(toRawPath(this.#context.root)), ...more]);
    const nowUnixMs = Date.now();
    const names = new Set<string>();
    const blind: Blind[] = [...found.blind];
    const values = found.spools.flatMap((spool) => {
      const count = this.#counterOf(spool).count(nowUnixMs);
      blind.push(...count.blind);
      return this.#levels(nameOf(spool, names), count, nowUnixMs);
    });
    this.#forget(found.spools);
    this.#sight(found.spools, blind, values);
    if (values.length === 0) return [];
    return [{ sensor: "mail-queue", type: "levels", atUnixMs: nowUnixMs, spanMs: this.#span(), wholeOf: [], values }];
  }

  #counterOf(spool: Spool): SpoolCounter {
    const key = `${spool.mta} ${spool.path}`;
    const counter = this.#counters.get(key) ?? new SpoolCounter(spool, MAX_FILES);
    this.#counters.set(key, counter);
    return counter;
  }

  #forget(spools: readonly Spool[]): void {
    const keys = new Set(spools.map(({ mta, path }) => `${mta} ${path}`));
    for (const key of this.#counters.keys()) if (!keys.has(key)) this.#counters.delete(key);
  }

  #span(): number {
    const nowMs = performance.now();
    const spanMs = Math.round(nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    return spanMs;
  }

  /** Of what could not be listed whole there is no level: that is a gap, and not a small queue. */
  #levels(name: string, count: SpoolCount, nowUnixMs: number): Level[] {
    const { queues } = count;
    if (queues.length === 0 || count.blind.some(({ queue }) => queue === null)) return [];
    const isComplete = queues.every((queue) => queue.isComplete);
    const total = queues.reduce((sum, { messages }) => sum + messages, 0);
    const parts = ["deferred", "hold"].flatMap((part) =>
      queues.filter((queue) => isPostfix(name) && queue.queue === part),
    );
    return [
      ...(isComplete ? [level(`queue-size ${name}`, total, this.#sample(count, total))] : []),
      ...parts
        .filter((queue) => queue.isComplete)
        .map(({ queue, messages }) => level(`queue-${queue} ${name}`, messages)),
      ...(isComplete ? oldest(name, queues, nowUnixMs) : []),
    ];
  }

  /** Raw beginnings of some messages, where anything may have changed. */
  #sample({ hasChanged, newest, some }: SpoolCount, messages: number): JsonObject | null {
    if (!hasChanged || messages === 0) return null;
    return {
      newest: newest.flatMap((file) => this.#head(file)),
      some: some.flatMap((file) => this.#head(file)),
    };
  }

  /** @returns nothing of a message that is gone */
  #head({ place, name }: MessageFile): JsonObject[] {
    try {
      using folder = HeldFolder.open(place.path);
      const bytes = folder?.readHead(Buffer.from(`${name}\0`, "latin1"), this.#buffer, 0, HEAD_BYTES) ?? -1;
      if (bytes === -1) return [];
      return [{ mta: place.mta, queue: place.queue, head: this.#buffer.toString("base64", 0, bytes) }];
    } catch (error) {
      if (!(error instanceof GarrisonError) && errnoOf(error) === undefined) throw error;
      this.#context.count("unread", 1);
      return [];
    }
  }

  #sight(spools: readonly Spool[], blind: readonly Blind[], values: readonly Level[]): void {
    const isBlind = blind.length > 0;
    this.#context.sight({
      state: isBlind ? (values.length === 0 ? "blind" : "degraded") : "watching",
      sees:
        spools.length === 0
          ? isBlind
            ? []
            : ["no mail queue: neither Exim nor Postfix has a spool here"]
          : spools.map(({ mta, path }) => `${mta}'s queue in ${showRawPath(path)} each ${EVERY_MS / 1000} s`),
      blindTo: [...new Set(blind.map(({ path, reason }) => `${path}: ${reason}`))].slice(0, 16),
    });
  }
}

/** `exim`; of a second one of the same program with its path. */
function nameOf({ mta, path }: Spool, names: Set<string>): string {
  const name = names.has(mta) ? `${mta} ${showRawPath(path).slice(0, 200)}` : mta;
  names.add(name);
  return name;
}

function isPostfix(name: string): boolean {
  return name.startsWith("postfix");
}

/** Age of the oldest message, where every name tells one. */
function oldest(name: string, queues: readonly QueueCount[], nowUnixMs: number): Level[] {
  if (queues.some(({ timeless }) => timeless > 0)) return [];
  const times = queues.flatMap(({ oldestUnixSeconds }) => (oldestUnixSeconds === null ? [] : [oldestUnixSeconds]));
  const seconds = times.length === 0 ? 0 : nowUnixMs / 1000 - Math.min(...times);
  return [level(`queue-oldest ${name}`, Math.max(0, Math.floor(seconds)))];
}

function level(series: string, value: number, detail: JsonObject | null = null): Level {
  return { series, value, detail };
}
