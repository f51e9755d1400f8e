import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePasswd } from "#src/linux/user-names.ts";
import { readUserNames } from "./user-names.ts";

test("parsePasswd() takes the first name of a uid, and passes over other lines", () => {
  const text =
    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n+nis\nalice:x:2001:2001:Alice,,,:/home/alice:/bin/sh\nx:y\n:x:7:";
  assert.deepEqual(
    [...parsePasswd(text)],
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
