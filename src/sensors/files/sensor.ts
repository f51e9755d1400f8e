/**
 * Files that matter: their records, looked at the moment something touches them, with who did it.
 * See README.md in this folder for what it sees and cannot see.
 */
import { AsyncQueue, queueIsFull } from "#src/lib/async-queue.ts";
import { fileSubject, splitPath } from "#src/lib/raw-path.ts";
import { FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_DELETE_SELF, FAN_MODIFY, FAN_MOVE_SELF } from "#src/linux/fanotify-events.ts";
import type { Actor } from "#src/model/actor.ts";
import type { JsonObject } from "#src/model/json.ts";
import type { Fact } from "#src/model/observation.ts";
import type { SensorContext, WatchSensor } from "#src/model/sensor.ts";
import { GroupMembers } from "../group-members.ts";
import { EVENT_BITS, ListFollower } from "../list-follower.ts";
import { MAX_PATHS, PathList } from "../path-list.ts";
import type { PathEvent } from "../path-watch.ts";
import type { FilesOptions } from "./config.ts";
import { INFORMATIVE_FIELDS } from "./informative-fields.ts";
import { readRecord } from "./record.ts";

const INODE_MASK = FAN_ATTRIB | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_DELETE_SELF | FAN_MOVE_SELF;
const MAX_QUEUED = 50_000;
// What editors and package managers leave for the time of their work, under names that no service reads.
const TEMPORARY_NAME = /^\..+\.sw[a-px]$|~$|\.dpkg-(?:new|tmp)$|;[0-9a-f]{8}$/;
const TEMPORARY_MS = 10 * 60_000;

/** The last record told of a path. */
interface Told {
  /** Its compared fields, as text. */
  readonly compared: string;
  readonly inode: string;
}

/** The sensor. */
export const sensor: WatchSensor = {
  async *watch(context) {
    await using watcher = new FilesWatcher(context);
    context.signal.addEventListener("abort", () => watcher.queue.end());
    watcher.start();
    yield* watcher.queue;
  },
};

class FilesWatcher implements AsyncDisposable {
  readonly queue: AsyncQueue<Fact>;
  readonly #context: SensorContext;
  readonly #list: PathList;
  readonly #secretPatterns: ReadonlySet<string>;
  readonly #members: GroupMembers;
  readonly #told = new Map<string, Told>();
  /** Names of an editor's or package manager's work: since when, and who made them. */
  readonly #temporary = new Map<string, { readonly sinceMs: number; readonly who: Actor | null }>();
  readonly #follower: ListFollower;

  constructor(context: SensorContext) {
    const { watched, scanEveryMs } = context.options as unknown as FilesOptions;
    const secret = watched.filter((one) => one.secret).map(({ pattern }) => pattern);
    const plain = watched.filter((one) => !one.secret).map(({ pattern }) => pattern);
    this.#context = context;
    this.queue = new AsyncQueue(MAX_QUEUED, () => context.fail(queueIsFull(MAX_QUEUED)));
    // A path that a secret pattern names is secret, whatever others name it too.
    this.#list = new PathList([...secret, ...plain]);
    this.#secretPatterns = new Set(secret);
    this.#members = new GroupMembers([...secret, ...plain]);
    this.#follower = new ListFollower(context, {
      list: this.#list,
      inodeMask: INODE_MASK,
      scanEveryMs,
      told: () => this.#told.keys(),
      take: (path, event, isPending) => !isPending && this.#tellAtOnce(path, event),
      look: (path, event, scanned) => this.#look(path, event?.who ?? null, scanned),
      listed: () => {
        for (const census of this.#members.censuses("files", Date.now())) this.queue.push(census);
      },
      describe: (sight) => sight,
    });
  }

  start(): void {
    this.#follower.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower[Symbol.asyncDispose]();
  }

  /**
   * A mode or owner change is whole at once; whatever else happens to a path comes in several steps, and so does its end: the
   * first that is told of a removal is the change of the number of links.
   */
  #tellAtOnce(path: string, event: PathEvent | null): boolean {
    const told = this.#told.get(path);
    if (event === null || told === undefined || (event.mask & EVENT_BITS) !== FAN_ATTRIB) return false;
    this.#follower.refresh(path);
    const record = this.#read(path);
    if (record?.["inode"] !== told.inode) return false;
    this.#tell(path, record, event.who, false);
    return true;
  }

  /** Watches first, then looks: a change in between is told by its event. */
  #look(path: string, who: Actor | null, scanned: boolean): void {
    if (!scanned) this.#follower.refresh(path);
    const record = this.#read(path);
    if (!this.#told.has(path) && this.#isAtWork(path, record, who)) return;
    this.#tell(path, record, who ?? this.#temporary.get(path)?.who ?? null, scanned);
    this.#temporary.delete(path);
  }

  #read(path: string): JsonObject | null {
    const group = this.#list.patternOf(path);
    return group === undefined ? null : readRecord(path, this.#secretPatterns.has(group));
  }

  /** Whether a new name is one of an editor or package manager at work, and not for long yet. */
  #isAtWork(path: string, record: JsonObject | null, who: Actor | null): boolean {
    if (record === null || !TEMPORARY_NAME.test(splitPath(path).name)) return false;
    const known = this.#temporary.get(path);
    if (known !== undefined) return performance.now() - known.sinceMs < TEMPORARY_MS;
    if (this.#temporary.size >= MAX_PATHS) return false;
    this.#temporary.set(path, { sinceMs: performance.now(), who });
    return true;
  }

  #tell(path: string, record: JsonObject | null, who: Actor | null, scanned: boolean): void {
    const group = this.#list.patternOf(path);
    const told = this.#told.get(path);
    const compared = comparedText(record);
    if (group === undefined || (told === undefined ? record === null : told.compared === compared)) return;
    if (record === null) {
      this.#told.delete(path);
      this.#members.delete(path, group);
    } else if (this.#members.add(path, group)) {
      this.#told.set(path, { compared, inode: String(record["inode"]) });
    } else return this.#context.count("notKept", 1);
    this.queue.push({
      sensor: "files",
      type: "record",
      key: path,
      group,
      subject: fileSubject(path),
      facts: record,
      who,
      atUnixMs: Date.now(),
      scanned,
    });
  }
}

/** The record without what changes by itself; digests stand for content. */
function comparedText(record: JsonObject | null): string {
  if (record === null) return "gone";
  const compared = Object.entries(record).filter(([name]) => !INFORMATIVE_FIELDS.some((field) => field === name));
  return JSON.stringify(compared);
}
