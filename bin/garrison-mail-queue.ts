/** Entry of the reader of queued messages: parses what customers and strangers wrote, with no privileges. Gets bytes, no files. */
import { keepAcrossExec } from "#src/linux/descriptor.ts";
import { becomeConfined } from "#src/processes/confine.ts";

const FEED_FD = 5;
keepAcrossExec(FEED_FD);
becomeConfined({ capabilities: [], writes: [], readOnlyMounts: false, internet: false });
const { startChild } = await import("#src/processes/child.ts");
const { runMailQueueReader } = await import("#src/mail/queue/reader.ts");
runMailQueueReader(startChild("garrison-mail-queue"));
