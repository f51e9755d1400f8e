import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ip, tcp, udp } from "../test-packets.mts";
import { LINK } from "./link-types.ts";
import { FRAGMENT, Packet } from "./packet.ts";

const V4 = tcp("192.0.2.1 40000", "192.0.2.2 5000", { payload: "hello" });
const V6 = tcp("2001:db8::1 40000", "2001:db8::2 5000", { payload: "hello" });

function decode(bytes: Buffer, linkType: number, end = bytes.length): Packet | null {
  const packet = new Packet();
  packet.setBuffer(bytes);
  return packet.decode(0, end, linkType) ? packet : null;
}

function assertHello(bytes: Buffer, linkType: number): void {
  const packet = decode(bytes, linkType);
  assert.ok(packet !== null, bytes.toString("hex"));
  const { sourcePort, destinationPort, payload, payloadEnd, payloadBytes, source, addressBytes } = packet;
  assert.deepEqual([sourcePort, destinationPort], [40_000, 5000]);
  assert.deepEqual([bytes.toString("latin1", payload, payloadEnd), payloadBytes], ["hello", 5]);
  assert.match(bytes.toString("hex", source, source + addressBytes), /^(?:c0000201|20010db80{23}1)$/);
}

/** Bytes of a link's header, then an IP packet. */
function behind(hex: string, packet: Buffer): Buffer {
  return Buffer.concat([Buffer.from(hex.replaceAll(" ", ""), "hex"), packet]);
}

suite("Packet", () => {
  test("decode() reads IPv4 and IPv6 behind each kind of link", () => {
    const macs = "020000000001020000000002";
    for (const [packet, type, ppp, family] of [
      [V4, "0800", "0021", "02000000"],
      [V6, "86dd", "0057", "1e000000"],
    ] as const) {
      assertHello(behind(`${macs}${type}`, packet), LINK.ethernet);
      assertHello(Buffer.concat([behind(`${macs}${type}`, packet), Buffer.alloc(6)]), LINK.ethernet);
      assertHello(behind(`${macs} 8100 0007 ${type}`, packet), LINK.ethernet);
      assertHello(behind(`${macs} 88a8 0064 8100 0007 ${type}`, packet), LINK.ethernet);
      assertHello(behind(`${macs} 8864 1100 0001 0030 ${ppp}`, packet), LINK.ethernet);
      assertHello(behind(`${macs} 8100 0007 8864 1100 0001 0030 ${ppp}`, packet), LINK.ethernet);
      assertHello(behind(`${macs} 8864 1100 0001 0030 ${ppp.slice(2)}`, packet), LINK.ethernet);
      assertHello(behind(`1100 0001 0030 ${ppp}`, packet), LINK.pppoe);
      assertHello(behind(`0000 0001 0006 020000000001 0000 ${type}`, packet), LINK.linuxSll);
      assertHello(behind(`${type} 0000 00000002 0001 00 06 020000000001 0000`, packet), LINK.linuxSll2);
      assertHello(behind(family, packet), LINK.null);
      assertHello(behind(family, packet), LINK.loop);
      for (const link of [LINK.raw, LINK.rawBsd, LINK.rawOpenBsd]) assertHello(packet, link);
    }
    assertHello(V4, LINK.ipv4);
    assertHello(V6, LINK.ipv6);
  });

  test("decode() passes over the extension headers of IPv6 and the options of IPv4", () => {
    const segment = V6.subarray(40);
    const hop = Buffer.from("2b00000000000000", "hex");
    const routing = Buffer.from("3c00000000000000", "hex");
    const options = Buffer.from("33020000000000000000000000000000000000000000000000", "hex").subarray(0, 24);
    const ah = Buffer.from("060400000000000100000001000000000000000000000000", "hex");
    assertHello(
      ip("2001:db8::1 1", "2001:db8::2 1", 6, segment, Buffer.concat([hop, routing, options, ah]), 0),
      LINK.ipv6,
    );
    const whole = Buffer.from("0600000000000001", "hex");
    assertHello(ip("2001:db8::1 1", "2001:db8::2 1", 6, segment, whole, 44), LINK.ipv6);
    const long = Buffer.concat([V4.subarray(0, 20), Buffer.alloc(8, 1), V4.subarray(20)]);
    long[0] = 0x47;
    long.writeUInt16BE(long.length, 2);
    assertHello(long, LINK.ipv4);
  });

  test("decode() tells first and later fragments, of which the later have no ports", () => {
    const segment = V6.subarray(40);
    const first = decode(
      ip("2001:db8::1 1", "2001:db8::2 1", 6, segment, Buffer.from("0600000100000007", "hex"), 44),
      LINK.ipv6,
    );
    assert.deepEqual([first?.fragment, first?.fragmentId, first?.sourcePort], [FRAGMENT.first, 7, 40_000]);
    const later = decode(
      ip("2001:db8::1 1", "2001:db8::2 1", 6, Buffer.from("rest"), Buffer.from("0600001000000007", "hex"), 44),
      LINK.ipv6,
    );
    assert.deepEqual(
      [later?.fragment, later?.fragmentId, later?.fragmentOffset, later?.payloadBytes],
      [FRAGMENT.later, 7, 16, 4],
    );
    const piece = Buffer.from(V4);
    piece.writeUInt16BE(0x2000, 6);
    assert.equal(decode(piece, LINK.ipv4)?.fragment, FRAGMENT.first);
    piece.writeUInt16BE(0x0002, 6);
    const old = decode(piece, LINK.ipv4);
    assert.deepEqual([old?.fragment, old?.fragmentOffset], [FRAGMENT.later, 16]);
    piece.writeUInt16BE(0x4000, 6);
    assert.equal(decode(piece, LINK.ipv4)?.fragment, FRAGMENT.none);
  });

  test("decode() reads what a capture has cut off: the ports as long as they are there, the length as it was sent", () => {
    for (let end = 0; end <= V4.length; end++) {
      const packet = decode(V4, LINK.ipv4, end);
      if (end < 24) assert.equal(packet, null, String(end));
      else {
        assert.deepEqual([packet?.sourcePort, packet?.destinationPort], [40_000, 5000]);
        assert.equal((packet?.payloadEnd ?? 0) - (packet?.payload ?? 0), Math.max(0, end - 40));
        if (end >= 40) assert.equal(packet?.payloadBytes, 5);
      }
    }
  });

  test("decode() takes the captured length where the network card was to cut up, and refuses lengths that cannot be", () => {
    const offloaded = Buffer.from(V4);
    offloaded.writeUInt16BE(0, 2);
    assertHello(offloaded, LINK.ipv4);
    const short = Buffer.from(V4);
    short.writeUInt16BE(20, 2);
    assert.equal(decode(short, LINK.ipv4), null);
    const tiny = Buffer.from(V4);
    tiny[0] = 0x44;
    assert.equal(decode(tiny, LINK.ipv4), null);
    const offset = Buffer.from(V4);
    offset[32] = 0xf0;
    const packet = decode(offset, LINK.ipv4);
    assert.deepEqual([packet?.payloadBytes, packet?.payload], [0, packet?.payloadEnd]);
    assert.equal(decode(udp("192.0.2.1 1", "192.0.2.2 2", "x").fill(1, 9, 10), LINK.ipv4), null);
    assert.equal(
      decode(Buffer.concat(Array.from({ length: 30 }, () => Buffer.from("81000001", "hex"))), LINK.ethernet),
      null,
    );
  });
});
