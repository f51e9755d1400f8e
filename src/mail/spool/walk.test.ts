import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { folderOf } from "#src/linux/temp-folder.mts";
import { findSpools, usualSpools, whoseSpool } from "./find-spools.ts";
import { MessageOpener } from "./open-messages.ts";
import { type Mta, walkSpool } from "./walk.ts";

/** A folder with files of these names; a name that ends with / is a folder. */
function spoolOf(t: TestContext, ...names: string[]): string {
  const folder = folderOf(t);
  chmodSync(folder, 0o755);
  for (const name of names) {
    const path = join(folder, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(path, `content of ${name}`);
  }
  return folder;
}

interface Opened {
  /** By queue: messages listed, and gone. */
  readonly queues: Readonly<Record<string, readonly [messages: number, gone: number]>>;
  readonly texts: readonly string[];
  readonly blind: readonly string[];
}

function open(mta: Mta, path: string): Opened {
  const into = Buffer.alloc(256);
  const texts: string[] = [];
  const opener = new MessageOpener(
    { mta, path },
    {
      place: () => ({ into, at: 0, maxBytes: 64 }),
      take: ({ bytes }) => texts.push(into.toString("latin1", 0, bytes)),
    },
  );
  opener.run();
  const blind = [...opener.spoolBlind, ...opener.queues.flatMap((queue) => queue.blind)];
  return {
    queues: Object.fromEntries(opener.queues.map(({ queue, messages, gone }) => [queue, [messages, gone]])),
    texts: texts.sort(),
    blind: blind.map(({ path: where, reason }) => `${where.slice(path.length)}: ${reason}`),
  };
}

const OLD = "1xV6sx-00006g-0p";
const NEW = "16VDhn-000000001bo-D342";

suite("spools of Exim", () => {
  test("MessageOpener finds messages unsplit, split, in named queues, and by ids of both forms", (t) => {
    const path = spoolOf(
      t,
      `input/${OLD}-H`,
      `input/${OLD}-D`,
      `input/x/1xV6sx-00006m-0v-H`,
      `input/x/1xV6sx-00006m-0v-D`,
      `input/x/1xV6sx-00006m-0v-J`,
      `input/x/hdr.1xV6sx-00006m-0v`,
      `input/n/${NEW}-H`,
      "slow/input/1xV6sx-00006n-0v-H",
      "slow/input/x/1xV6sx-00006o-0v-H",
      "slow/msglog/x/1xV6sx-00006o-0v",
      "msglog/x/1xV6sx-00006o-0v-H",
      "db/retry",
      "scan/1xV6sx-00006p-0v-H",
    );
    const { queues, texts, blind } = open("exim", path);
    assert.deepEqual(queues, { "": [3, 0], slow: [2, 0] });
    assert.deepEqual(texts[0], `content of input/${OLD}-H`);
    assert.equal(texts.length, 5);
    assert.deepEqual(blind, []);
  });

  test("MessageOpener passes over names, links, FIFOs and folders that are no messages", (t) => {
    const path = spoolOf(
      t,
      "input/x/",
      "input/..-H",
      `input/x/${OLD}-H`,
      "input/\x1b[31m-H",
      "input/xx/1xV6sx-00006n-0v-H",
    );
    const name = (number: number): string => join(path, `input/x/1xV6sx-0000${number}0-0v-H`);
    symlinkSync("/etc/passwd", name(1));
    execFileSync("mkfifo", [name(2)]);
    mkdirSync(name(3));
    writeFileSync(name(4), "begin");
    truncateSync(name(4), 2 ** 40);
    symlinkSync("x", join(path, "input/y"));
    symlinkSync(join(path, "input"), join(path, "link"));
    const { queues, texts } = open("exim", path);
    assert.deepEqual(queues, { "": [2, 0] });
    assert.deepEqual(texts, [`begin${"\0".repeat(59)}`, `content of input/x/${OLD}-H`]);
  });

  test("walkSpool() is blind where it may not read, with the reason, and goes on with the rest", (t) => {
    const path = spoolOf(t, `input/x/${OLD}-H`, "input/y/1xV6sy-00006g-0p-H", "slow/input/1xV6sx-00006n-0v-H");
    chmodSync(join(path, "input/y"), 0o700);
    chmodSync(join(path, "slow"), 0o700);
    process.seteuid?.(65_534);
    try {
      const { queues, blind } = open("exim", path);
      assert.deepEqual(queues, { "": [1, 0] });
      assert.deepEqual(blind, ["/slow: may not be read by this user", "/input/y: may not be read by this user"]);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("walkSpool() tells a queue that may not be read as one that is there, and never as empty", (t) => {
    const path = spoolOf(t, `input/x/${OLD}-H`);
    chmodSync(join(path, "input"), 0o700);
    process.seteuid?.(65_534);
    try {
      const { queues, blind } = open("exim", path);
      assert.deepEqual(queues, { "": [0, 0] });
      assert.deepEqual(blind, ["/input: may not be read by this user"]);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("walkSpool() ends in order when the spool vanishes meanwhile", (t) => {
    const path = spoolOf(t, `input/x/${OLD}-H`, "input/y/1xV6sy-00006g-0p-H", "input/z/1xV6sz-00006g-0p-H");
    const visited: string[] = [];
    walkSpool(
      { mta: "exim", path },
      {
        enter: () => {},
        visit: (place) => {
          visited.push(place.path.slice(path.length));
          if (visited.length === 2) {
            renameSync(join(path, "input"), join(path, "away"));
            rmSync(join(path, "away"), { recursive: true });
          }
          return visited.length === 1 ? ["x", "y", "z"] : [];
        },
        blind: ({ reason }) => assert.fail(reason),
      },
    );
    assert.deepEqual(visited, ["/input", "/input/x"]);
  });

  test("MessageOpener counts a message that is gone when it is opened", (t) => {
    const path = spoolOf(t, `input/${OLD}-H`, "input/1xV6sx-00006m-0v-H");
    const into = Buffer.alloc(256);
    let taken = 0;
    const opener = new MessageOpener(
      { mta: "exim", path },
      {
        place: () => ({ into, at: 0, maxBytes: 64 }),
        take: () => {
          taken++;
          rmSync(join(path, "input"), { recursive: true });
        },
      },
    );
    opener.run();
    const [queue] = opener.queues;
    assert.deepEqual([queue?.messages, queue?.gone, taken], [2, 1, 1]);
  });

  test("MessageOpener lets an error of who takes the messages through", (t) => {
    const path = spoolOf(t, `input/${OLD}-H`);
    const take = (): never => {
      throw Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    };
    const opener = new MessageOpener(
      { mta: "exim", path },
      { place: () => ({ into: Buffer.alloc(64), at: 0, maxBytes: 64 }), take },
    );
    assert.throws(() => opener.run(), /EPIPE/);
  });
});

suite("spools of Postfix", () => {
  test("MessageOpener finds messages in each queue, hashed to any depth", (t) => {
    const path = spoolOf(
      t,
      "maildrop/75265A81",
      "incoming/",
      "active/A6CB72280D5",
      "deferred/5/5CE9F228424",
      "deferred/5/6/56ED82283F3",
      "deferred/E881C45B",
      "hold/3Pt2mN2VXxznjll",
      "corrupt/7BEDF228434",
      "defer/5/5CE9F228424",
      "pid/master.pid",
      "active/x/7BEDF228434",
    );
    assert.deepEqual(open("postfix", path).queues, {
      maildrop: [1, 0],
      incoming: [0, 0],
      active: [1, 0],
      deferred: [3, 0],
      hold: [1, 0],
    });
  });
});

suite("where spools are", () => {
  test("findSpools() tells whose a spool is by its folders", (t) => {
    const exim = spoolOf(t, "input/");
    const postfix = spoolOf(t, "deferred/", "active/");
    const other = spoolOf(t, "active/", "lib/");
    const paths = [exim, postfix, other, join(other, "nothing"), exim];
    assert.deepEqual(findSpools(paths), {
      spools: [
        { mta: "exim", path: exim },
        { mta: "postfix", path: postfix },
      ],
      blind: [],
    });
    assert.equal(whoseSpool(other), null);
  });

  test("findSpools() is blind where it may not look, and follows no link that others could have made", (t) => {
    const closed = spoolOf(t, "spool/input/");
    chmodSync(join(closed, "spool"), 0o700);
    const linked = spoolOf(t, "real/input/");
    symlinkSync("real", join(linked, "spool"));
    execFileSync("chown", ["-h", "65534", linked, join(linked, "spool")]);
    process.seteuid?.(65_533);
    try {
      const { spools, blind } = findSpools([join(closed, "spool"), join(linked, "spool")]);
      assert.deepEqual(spools, []);
      assert.match(blind[0]?.reason ?? "", /^may not be read by this user$/);
      assert.match(blind[1]?.reason ?? "", /symbolic link/);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("usualSpools() lie below the root", () => {
    assert.deepEqual(usualSpools("/"), ["/var/spool/exim4", "/var/spool/exim", "/var/spool/postfix"]);
    assert.deepEqual(usualSpools("/mnt")[0], "/mnt/var/spool/exim4");
  });
});
