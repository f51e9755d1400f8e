/** Entry of the reader of queued messages: parses what customers and strangers wrote, with no privileges. Gets bytes, no files. */
import { becomeReader } from "#src/processes/become-reader.ts";

becomeReader(1);
const { startChild } = await import("#src/processes/child.ts");
const { runMailQueueReader } = await import("#src/mail/queue/reader.ts");
runMailQueueReader(startChild("garrison-mail-queue"));
