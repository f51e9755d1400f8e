/**
 * Our side of `fail2ban-sshd.ts`, plain JavaScript over the build, because to strip types from a program costs a second that no user
 * pays. Prints the number of hits, and how much of the CPU the matching took: the rest is the start of node and of the filter.
 * Usage: node bench/fail2ban-sshd-own.mjs FILE
 */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

const DIST = join(import.meta.dirname, "../dist/src/logs");
const CHUNK_BYTES = 2_097_152;
const [, , path] = process.argv;

const { HostConfigTree } = await load("fail2ban/config/config-tree.js");
const { compileFilter } = await load("fail2ban/match/compile-filter.js");
const { readFilter } = await load("fail2ban/read-filter.js");
const { LineCutter } = await load("match/line-cutter.js");
const { SourceMatcher } = await load("match/source-matcher.js");

const rule = compileFilter(readFilter(new HostConfigTree(), "sshd"));
const source = { name: "auth", kind: "file", paths: [path], format: "plain", isForgeable: true };
const matcher = new SourceMatcher(source, [rule], {
  onDisabled: (name, reason) => {
    throw new Error(`${name} is disabled: ${reason}`);
  },
});
const started = process.cpuUsage();
let hits = 0;
const cutter = new LineCutter();
const take = (bytes, offset) => {
  hits += matcher.match(bytes, { file: path, offset, line: null }).length;
};
const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
const fd = openSync(path, "r");
for (let count = readSync(fd, chunk); count > 0; count = readSync(fd, chunk))
  cutter.push(chunk.subarray(0, count), take);
closeSync(fd);
const { user, system } = process.cpuUsage(started);
console.log(JSON.stringify({ hits, matchingSeconds: (user + system) / 1e6 }));

function load(file) {
  return import(join(DIST, file));
}
