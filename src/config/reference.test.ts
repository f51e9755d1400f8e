import assert from "node:assert/strict";
import { test } from "node:test";
import { SENSORS } from "#src/features.ts";
import { describeConfig } from "./reference.ts";
import { loadSchema } from "./schema.ts";
import { keysOf, type Shape, shapeOf } from "./shape.ts";

/** Every place of the schema: dotted names of the keys. */
function placesOf(shape: Shape, prefix = ""): { name: string; shape: Shape }[] {
  return keysOf(shape).flatMap(([key, one]) => [
    { name: `${prefix}${key}`, shape: one },
    ...placesOf(one, `${prefix}${key}.`),
  ]);
}

test("describeConfig() has a heading for each section and, below it, a row for each of its keys", async () => {
  const reference = await describeConfig();
  const sections = new Map(reference.split(/^## /m).map((part) => [part.split("\n")[0], part]));
  const places = placesOf(shapeOf(await loadSchema()));
  assert.ok(places.length > 20);
  for (const { name, shape } of places) {
    if (keysOf(shape).length > 0) assert.ok(sections.has(`\`${name}\``), name);
    else {
      const [key, ...parents] = name.split(".").reverse();
      const section = parents.length === 0 ? "Top level" : `\`${parents.reverse().join(".")}\``;
      assert.match(sections.get(section) ?? "", new RegExp(`^\\| \`${key}\` \\| [^|]+ \\| [^|]+ \\|`, "m"), name);
    }
  }
});

test("every key and every section of the configuration has a sentence that says what it means", async () => {
  for (const { name, shape } of placesOf(shapeOf(await loadSchema()))) {
    assert.match(shape.description ?? "", /^\w.*[^.\s]/, `"${name}" has no .describe("...")`);
  }
});

test("describeConfig() has a section for each sensor, with its sentence and its switch", async () => {
  const reference = await describeConfig();
  for (const { name, sentence, enabledByDefault } of SENSORS) {
    assert.ok(reference.includes(`## \`sensors.${name}\`\n\n${sentence}\n`));
    assert.ok(
      reference
        .split(`## \`sensors.${name}\``)[1]
        ?.includes(`| \`enabled\` | true or false | \`${enabledByDefault}\` |`),
    );
  }
});

const ROWS = [
  '| `learn` | duration | `"24h"` | How long what is seen counts as ordinary, from the first start on; afterwards what is new is an alert |',
  '| `acceptFor` | duration | `"0s"` | How long an accepted alert stays accepted; 0s for ever |',
  '| `maxSize` | size | `"200 MiB"` | Largest size of the database; the oldest closed alerts go first |',
  '| `keepAlerts` | duration | `"90d"` | How long closed alerts are kept |',
  '| `immediateFrom` | `"low"`, `"medium"`, `"high"`, `"critical"` | `"high"` | Lowest severity that is told at once; what is below waits for the digest |',
  "| `paths` | list of text (at most 1000) | `[]` | More files to watch: absolute paths, \\* and ? within a name, /\\*\\* for everything below |",
];

for (const row of ROWS) {
  test(`describeConfig() has the row ${row.slice(0, 40)}...`, async () => {
    assert.ok((await describeConfig()).split("\n").includes(row));
  });
}

test("describeConfig() is Markdown whose tables have four columns throughout", async () => {
  for (const line of (await describeConfig()).split("\n").filter((one) => one.startsWith("|"))) {
    assert.equal(line.split(/(?<!\\)\|/).length, 6, line);
  }
});
