/** Starts the child that reads recorded logs, for the time of one command. */
import type { ReplaySettings } from "#src/logs/replay/settings.ts";
import { FIRST_READER_FD } from "#src/processes/descriptors.ts";
import { type RunningReader, startReader } from "./start-reader.ts";

/** @throws GarrisonError `GARRISON_FOLDER` when no build can be had that the child can read */
export function startReplay(settings: ReplaySettings, stateFolder: string): RunningReader {
  const files = settings.files.map((file, index) => ({ ...file, fd: FIRST_READER_FD + index }));
  return startReader(
    {
      entry: "garrison-replay",
      words: [String(files.length)],
      maxHeapMiB: 160,
      settings: { ...settings, files },
      fds: settings.files.map(({ fd }) => fd),
    },
    stateFolder,
  );
}
