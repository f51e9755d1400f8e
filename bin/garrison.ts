/** Entry of the command line. */
import { main } from "#src/cli/program.ts";

// A pipe that is closed, as by head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 3));
process.exitCode = await main(process.argv.slice(2));
