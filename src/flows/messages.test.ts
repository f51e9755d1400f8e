import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { encodeFrame } from "#src/wire/frames.ts";
import { type FlowTuple, flowsMessage, MAX_FRAME_FLOWS, tupleOf } from "./messages.ts";
import type { FlowReport } from "./report.ts";

const FLOW: FlowReport = {
  proto: "tcp",
  a: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
  aPort: 65_535,
  b: "192.0.2.1",
  bPort: 2121,
  packets: 7,
  bytes: 290,
  packetsFromA: 4,
  bytesFromA: 165,
  firstUnixMs: 1_790_000_000_000.25,
  lastUnixMs: 1_790_000_000_001,
  opened: true,
  verdict: "ftp-data",
  why: null,
  relation: {
    kind: "ftp",
    command: "EPRT",
    client: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    clientPort: 65_535,
    server: "192.0.2.1",
    serverPort: 21,
    announced: "[2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
    translated: false,
    evidence: "banner",
  },
};

function received(tuple: FlowTuple): unknown {
  return flowsMessage(JSON.parse(encodeFrame({ t: "flows", flows: [tuple] })), "message");
}

suite("messages of flows", () => {
  test("flowsMessage() gives back each flow that tupleOf() has packed", () => {
    const media: FlowReport = {
      ...FLOW,
      proto: "udp",
      verdict: "media",
      relation: { kind: "sip", callId: "a".repeat(256) },
    };
    const other: FlowReport = { ...FLOW, verdict: "unexplained", why: "encrypted-ftp", relation: null };
    for (const flow of [FLOW, media, other]) assert.deepEqual(received(tupleOf(flow)), { t: "flows", flows: [flow] });
  });

  test("flowsMessage() refuses what is out of bounds at any place of a flow, and frames with too many of them", () => {
    const good = tupleOf(FLOW);
    for (let place = 0; place < good.length; place++) {
      for (const bad of ["x".repeat(100), -1, 1e300, {}, []]) {
        // A time is any finite number.
        if (typeof bad === "number" && (place === 9 || place === 10)) continue;
        assert.throws(
          () => received(good.with(place, bad)),
          { code: "GARRISON_WIRE_MALFORMED" },
          `${place} ${String(bad).slice(0, 9)}`,
        );
      }
    }
    assert.throws(() => received(good.slice(1)), { code: "GARRISON_WIRE_MALFORMED" });
    assert.throws(() => received([...good, 1]), { code: "GARRISON_WIRE_MALFORMED" });
    const flows = Array.from({ length: MAX_FRAME_FLOWS + 1 }, () => good);
    assert.throws(() => flowsMessage({ t: "flows", flows }, "message"), { code: "GARRISON_WIRE_MALFORMED" });
  });

  test("a frame of the longest flows is within the bound of frames", () => {
    const flows = Array.from({ length: MAX_FRAME_FLOWS }, () => tupleOf(FLOW));
    assert.ok(encodeFrame({ t: "flows", flows }).length < 200_000);
  });
});
