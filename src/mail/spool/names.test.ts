import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { eximIdUnixSeconds, isEximHeader, isEximSubfolder } from "./exim-names.ts";
import { isPostfixMessage, isPostfixSubfolder, postfixIdUnixSeconds } from "./postfix-names.ts";

/** A name somewhere in a list of names, as the kernel gives it. */
function placed(name: string): [Buffer, number, number] {
  const bytes = Buffer.from(`x\0${name}\0y`, "latin1");
  return [bytes, 2, bytes.length - 2];
}

suite("names of Exim", () => {
  for (const name of ["1xV6sx-00006g-0p-H", "1qNVlT-00000000000-1aBc-H", "16VDhn-000000001bo-D342-H"]) {
    test(`isEximHeader() takes ${name}`, () => assert.ok(isEximHeader(...placed(name))));
  }

  for (const name of [
    "1xV6sx-00006g-0p-D",
    "1xV6sx-00006g-0p-J",
    "1xV6sx-00006g-0p-K",
    "hdr.1xV6sx-00006g-0p",
    "1xV6sx-00006g-0p",
    "1xV6sx-00006g-0p-h",
    "1xV6sx_00006g-0p-H",
    "1xV6sx-00006g-0/-H",
    "1xV6sx-00006g-0\xe9-H",
    "1xV6sx-000006g-0p-H",
    "16VDhn-000000001bo-D34-H",
    "16VDhn-00000-001bo-D342-H",
    "-H",
    "",
  ]) {
    test(`isEximHeader() does not take ${JSON.stringify(name)}`, () => assert.ok(!isEximHeader(...placed(name))));
  }

  test("eximIdUnixSeconds() gives the time at which a message came", () => {
    const [bytes, start] = placed("1xV6sx-00006g-0p-H");
    assert.equal(new Date(eximIdUnixSeconds(bytes, start) * 1000).toISOString(), "2026-11-22T12:41:35.000Z");
  });

  test("isEximSubfolder() takes one base-62 digit", () => {
    assert.deepEqual(
      ["x", "0", "Z", "xx", "", ".", "-", "\xe9"].map((name) => isEximSubfolder(...placed(name))),
      [true, true, true, false, false, false, false, false],
    );
  });

  test("isEximHeader() takes any bytes, and nothing but base-62 digits and dashes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        const name = Buffer.from(text).toString("latin1");
        const isHeader = /^[0-9A-Za-z]{6}-([0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})-H$/.test(name);
        assert.equal(isEximHeader(...placed(name)), isHeader);
      }),
    );
  });
});

suite("names of Postfix", () => {
  test("isPostfixMessage() takes short and long ids, and neither other files nor hostile names", () => {
    for (const name of ["E881C45B", "5CE9F228424", "3Pt2mN2VXxznjll", "4dJxVx2n8Wz1Y"])
      assert.ok(isPostfixMessage(...placed(name)), name);
    for (const name of [
      "",
      "A",
      "E88",
      "../../x1",
      "E881C45B~",
      "75265.180",
      "E881\x1b[31m",
      "E".repeat(41),
      "E881C45\xff",
    ])
      assert.ok(!isPostfixMessage(...placed(name)), name);
  });

  test("postfixIdUnixSeconds() gives the time of a long id, and none of a short one", () => {
    // 3Pt2mN 2VXx z njll is of postconf(5), enable_long_queue_ids.
    const at = postfixIdUnixSeconds(...placed("3Pt2mN2VXxznjll"));
    assert.equal(new Date((at ?? 0) * 1000).getUTCFullYear(), 2011);
    for (const name of ["E881C45B", "5CE9F228424", "z", "zzzzzzzzzz", "aeiouaeiouzB", "3Pt2mN2VXxz"])
      assert.equal(postfixIdUnixSeconds(...placed(name)), null, name);
  });

  test("isPostfixSubfolder() takes one hex digit", () => {
    assert.deepEqual(
      ["0", "F", "G", "f", "FF", ""].map((name) => isPostfixSubfolder(...placed(name))),
      [true, true, false, false, false, false],
    );
  });

  test("postfixIdUnixSeconds() takes any bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 45 }), (text) => {
        const at = postfixIdUnixSeconds(...placed(Buffer.from(text).toString("latin1")));
        assert.ok(at === null || (at >= 0 && at < 52 ** 8));
      }),
    );
  });
});
