/** Follows logs and sends their raw bytes to the mind. See README.md in this folder for what it sees and cannot see. */
import { isWild } from "#src/lib/path-pattern.ts";
import { showRawPath, toRawPath } from "#src/lib/raw-path.ts";
import type { LogStream, SourceState } from "#src/model/log-stream.ts";
import type { SensorContext, Sight, WatchSensor } from "#src/model/sensor.ts";
import { FolderWatch } from "./folder-watch.ts";
import type { FollowedFile } from "./followed-file.ts";
import { Follower } from "./follower.ts";
import { JournalFollow } from "./journal-follow.ts";
import { type FollowedSource, Sources } from "./sources.ts";

/** What the sensor gets. */
export interface LogsOptions {
  readonly sources: readonly FollowedSource[];
  /** Milliseconds between two looks at everything, for what no event told of. @default 60000 */
  readonly scanEveryMs?: number;
  /** Milliseconds that a rotated file is still looked at when nothing more is written to it. @default 600000 */
  readonly awayForMs?: number;
  /** Paths that the admin wrote down himself: missing ones are named. @default none */
  readonly ownPaths?: readonly string[];
  /** Folder with journal files. @default the host's */
  readonly journalFolder?: string;
}

const SCAN_EVERY_MS = 60_000;
const AWAY_FOR_MS = 600_000;
// How often files of folders without inotify are looked at, and at most how often it is said how things are.
const EVERY_MS = 1000;
const MAX_SHOWN = 16;
const MAX_PATH_SHOWN = 500;

/** The sensor. It gives no observations: the bytes go their own way. */
export const sensor: WatchSensor = {
  async *watch(context) {
    if (context.stream === undefined) throw new Error("Cannot follow logs: there is no way to the mind for bytes");
    const options: LogsOptions = { sources: [], ...context.options };
    await using run = new LogsRun(context, context.stream, options);
    await run.start();
    yield* untilAborted(context.signal);
  },
};

async function* untilAborted(signal: AbortSignal): AsyncGenerator<never> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

/** One run of the sensor. */
class LogsRun implements AsyncDisposable {
  readonly #context: SensorContext;
  readonly #stream: LogStream;
  readonly #options: LogsOptions;
  readonly #sources: Sources;
  readonly #follower: Follower;
  readonly #watch: FolderWatch;
  readonly #journals: readonly JournalFollow[];
  readonly #resources = new DisposableStack();
  #lastNumber = 0;
  #files: readonly SourceState[] = [];
  #lastChanges = -1;
  #lastState = "";
  #overflows = 0;

  constructor(context: SensorContext, stream: LogStream, options: LogsOptions) {
    this.#context = context;
    this.#stream = stream;
    this.#options = options;
    this.#sources = new Sources(options.sources);
    this.#follower = this.#resources.use(
      new Follower({
        sources: this.#sources,
        stream,
        awayForMs: options.awayForMs ?? AWAY_FOR_MS,
        nextNumber: () => ++this.#lastNumber,
        after: (delayMs, callback) => context.after(delayMs, callback),
        count: (name, amount) => context.count(name, amount),
        onError: (error) => context.fail(error),
      }),
    );
    this.#journals = options.sources
      .filter(({ kind }) => kind === "journal")
      .map((source) => this.#resources.use(this.#followJournal(source)));
    this.#watch = new FolderWatch(
      this.#sources.list,
      {
        onPath: (path) => this.#follower.look(path),
        onWritten: (path) => this.#follower.written(path),
        onFolder: (path) => this.#follower.lookBelow(path),
        onOverflow: () => {
          this.#overflows++;
          context.count("overflows", 1);
        },
        onEvents: (count) => context.count("events", count),
        onError: (error) => context.fail(error),
      },
      context.signal,
    );
  }

  async start(): Promise<void> {
    await this.#watch.scan();
    this.#follower.endFirstScan();
    const served = this.#stream.serve({
      onFollow: (follow) => {
        this.#lastState = "";
        this.#lastChanges = -1;
        for (const journal of this.#journals) {
          journal.follow(follow.journals.find(({ source }) => source === journal.source)?.cursor ?? null);
        }
        this.#follower.follow(follow).catch((error: unknown) => this.#context.fail(error));
      },
      onTaken: (taken) => {
        this.#follower.take(taken);
        for (const journal of this.#journals) journal.take(taken.stored);
      },
      onLost: () => {
        this.#follower.lose();
        for (const journal of this.#journals) journal.lose();
      },
    });
    this.#resources.use(served);
    this.#repeat(this.#options.scanEveryMs ?? SCAN_EVERY_MS, () => this.#watch.scan());
    this.#tell();
    this.#repeat(EVERY_MS, () => {
      if (this.#watch.problems.size > 0) this.#follower.lookIn(this.#watch.problems);
      this.#tell();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#resources.dispose();
    await this.#watch[Symbol.asyncDispose]();
  }

  #followJournal({ name, paths }: FollowedSource): JournalFollow {
    const { journalFolder } = this.#options;
    return new JournalFollow({
      source: name,
      matches: paths,
      ...(journalFolder === undefined ? {} : { folder: journalFolder }),
      stream: this.#stream,
      nextNumber: () => ++this.#lastNumber,
      after: (delayMs, callback) => this.#context.after(delayMs, callback),
      count: (name, amount) => this.#context.count(name, amount),
    });
  }

  #repeat(everyMs: number, run: () => Promise<void> | void): void {
    this.#context.after(everyMs, () => {
      Promise.resolve(run()).then(
        () => this.#repeat(everyMs, run),
        (error: unknown) => this.#context.fail(error),
      );
    });
  }

  /** Says what is new since it was said last. */
  #tell(): void {
    const { changes } = this.#follower;
    // Thousands of files at rest cost nothing.
    if (changes !== this.#lastChanges) this.#files = this.#fileStates();
    else if (this.#journals.length === 0) return;
    this.#lastChanges = changes;
    const sources = [...this.#files, ...this.#journals.map((journal) => journal.state())];
    const state = JSON.stringify(sources);
    if (state === this.#lastState) return;
    this.#lastState = state;
    this.#stream.send({ t: "state", sources });
    this.#context.sight(this.#sight(sources));
  }

  #fileStates(): SourceState[] {
    const bySource = Map.groupBy(this.#follower.files, ({ source }) => source);
    return this.#options.sources
      .filter(({ kind }) => kind === "file")
      .map(({ name, paths }): SourceState => this.#fileState(name, paths, bySource.get(name) ?? []));
  }

  #fileState(source: string, paths: readonly string[], files: readonly FollowedFile[]): SourceState {
    return {
      source,
      kind: "file",
      files: files.filter(({ isAway }) => !isAway).length,
      behindBytes: files.reduce((sum, file) => sum + file.behindBytes, 0),
      missing: this.#absent(paths).slice(0, MAX_SHOWN),
      unreadable: this.#unreadableOf(source),
    };
  }

  #unreadableOf(source: string): SourceState["unreadable"] {
    return [...this.#follower.unreadable]
      .filter(([path]) => this.#sources.find(path)?.source === source)
      .slice(0, MAX_SHOWN)
      .map(([path, reason]) => ({ path: path.slice(0, MAX_PATH_SHOWN), reason: reason.slice(0, MAX_PATH_SHOWN) }));
  }

  #sight(sources: readonly SourceState[]): Sight {
    const { problems } = this.#watch;
    const files = sources.reduce((sum, one) => sum + (one.kind === "file" ? one.files : 0), 0);
    const reading = sources.filter((one) => one.kind === "file" && one.files > 0).length;
    const journals = sources.filter(({ kind, missing }) => kind === "journal" && missing.length === 0);
    const absent = sources.flatMap(({ kind, missing }) => (kind === "journal" ? missing : []));
    const unreadable = sources.flatMap((one) => one.unreadable);
    const behind = sources.filter(({ behindBytes }) => behindBytes > 0);
    const blindTo = [
      ...behind.map(
        ({ source, behindBytes }) => `the last ${behindBytes} bytes of ${source}, which are still to be read`,
      ),
      ...[...problems].slice(0, MAX_SHOWN).map(([path, why]) => `${showRawPath(path)} within a second: ${why}`),
      ...unreadable.slice(0, MAX_SHOWN).map(({ path, reason }) => `${showRawPath(path)}: ${reason}`),
      ...(this.#overflows === 0
        ? []
        : [`nothing, but ${this.#overflows} times events were lost and all was looked at again`]),
    ];
    return {
      state: blindTo.length === 0 ? "watching" : "degraded",
      sees: [
        `${files} files of ${reading} sources by inotify on ${this.#watch.folderCount} folders`,
        ...(journals.length === 0
          ? []
          : [`the journal by journalctl for ${journals.map(({ source }) => source).join(", ")}`]),
        ...absent.map((what) => `not there yet: ${what}`),
        ...this.#missing(),
      ],
      blindTo: [...blindTo, "writes through mmap(2), and by another host of a network filesystem within a minute"],
    };
  }

  /** Paths without wildcards that are not there, as they were written down. */
  #absent(paths: readonly string[]): string[] {
    return paths.filter((path) => !isWild(path) && !this.#follower.has(toRawPath(path)));
  }

  /** Of the shipped paths most are those of other distributions. */
  #missing(): string[] {
    const { sources, ownPaths = [] } = this.#options;
    const own = new Set(ownPaths);
    const paths = sources.filter(({ kind }) => kind === "file").flatMap((source) => source.paths);
    const missing = this.#absent(paths);
    const missingOwn = missing.filter((path) => own.has(path));
    const shippedCount = missing.length - missingOwn.length;
    return [
      ...(missingOwn.length === 0 ? [] : [`not there yet: ${showSome(missingOwn)}`]),
      ...(shippedCount === 0
        ? []
        : [`${shippedCount} paths of shipped sources are not there yet; garrison logs --all lists them`]),
    ];
  }
}

function showSome(paths: readonly string[]): string {
  const more = paths.length > MAX_SHOWN ? ` and ${paths.length - MAX_SHOWN} more` : "";
  return paths.slice(0, MAX_SHOWN).join(", ") + more;
}
