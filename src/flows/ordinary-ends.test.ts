import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseOrdinaryEnd } from "./ordinary-ends.ts";
import { judge, SYN, tcp, udp } from "./test-packets.mts";

function verdict(ordinary: string, packet: Buffer): string | undefined {
  return judge([packet], { ordinary: ordinary.split(",").map(parseOrdinaryEnd) }).flows[0]?.verdict;
}

suite("ordinary ends", () => {
  test("parseOrdinaryEnd() takes ports, protocols, addresses and networks", () => {
    const database = tcp("192.0.2.7 40000", "192.0.2.1 3306", { flags: SYN });
    for (const ordinary of ["3306", "tcp/3306", "192.0.2.1:3306", "192.0.2.0/24:3306", "1025,tcp/192.0.2.1:3306"])
      assert.equal(verdict(ordinary, database), "ordinary", ordinary);
    for (const ordinary of ["udp/3306", "192.0.2.7:3306", "3307", "[2001:db8::1]:3306"])
      assert.equal(verdict(ordinary, database), "unexplained", ordinary);
    assert.equal(verdict("[2001:db8::/32]:5353", udp("2001:db8::1 5353", "2001:db9::2 40000", "x")), "ordinary");
  });

  test("an ordinary port counts at the end that was connected to: who connects chooses his own", () => {
    assert.equal(verdict("3306", tcp("192.0.2.7 3306", "192.0.2.1 4444", { flags: SYN })), "unexplained");
    assert.equal(verdict("3306", tcp("192.0.2.1 3306", "192.0.2.7 40000")), "ordinary");
  });

  test("parseOrdinaryEnd() refuses anything else", () => {
    for (const text of ["", "0", "65536", "sctp/1", "x:1", "192.0.2.256:1", "1-2", "tcp/", ":1", "[::1:1"])
      assert.throws(() => parseOrdinaryEnd(text), /^SyntaxError: Cannot take/, text);
  });
});
