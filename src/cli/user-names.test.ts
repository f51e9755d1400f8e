import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUserNames, readUserNames } from "./user-names.ts";

test("parseUserNames() takes the first name of a uid, and passes over other lines", () => {
  const text =
    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n+nis\nalice:x:2001:2001:Alice,,,:/home/alice:/bin/sh\nx:y\n:x:7:";
  assert.deepEqual(
    [...parseUserNames(text)],
    [
      [0, "root"],
      [2001, "alice"],
    ],
  );
});

test("readUserNames() knows nobody where there is no passwd", () => {
  assert.equal(readUserNames("/nothing").size, 0);
  assert.equal(readUserNames("/").get(0), "root");
});
