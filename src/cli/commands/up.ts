import { hostname } from "node:os";
import type { Context } from "#src/cli/context.ts";
import { loadConfig } from "#src/config/load.ts";
import { runUp } from "#src/up/up.ts";

/** `garrison up` */
export async function up({ folders, root, output }: Context, { learn }: { learn?: number }): Promise<void> {
  const config = await loadConfig({ path: folders.config, isExplicit: folders.isConfigNamed, host: hostname() });
  await runUp({ folders, root, output, config: { ...config, learnMs: learn ?? config.learnMs } });
}
