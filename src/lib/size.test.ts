import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatSize, parseSize } from "./size.ts";

const READ: readonly (readonly [text: string, sizeBytes: number])[] = [
  ["0 KiB", 0],
  ["1 KiB", 1024],
  ["4 MiB", 4_194_304],
  ["200 MiB", 209_715_200],
  ["200MiB", 209_715_200],
  ["2 GiB", 2_147_483_648],
  ["999999 GiB", 1_073_740_750_258_176],
];

for (const [text, sizeBytes] of READ) {
  test(`parseSize() reads "${text}" as ${sizeBytes} bytes`, () => {
    assert.equal(parseSize(text), sizeBytes);
  });
}

const REFUSED = [
  "",
  "200",
  "MiB",
  "-1 MiB",
  "1.5 MiB",
  "200 MB",
  "200 mib",
  "200  MiB",
  " 200 MiB",
  "200 MiB\n",
  "1e3 MiB",
  "1000000 KiB",
  "2 TiB",
  "٢ MiB",
];

for (const text of REFUSED) {
  test(`parseSize() refuses ${JSON.stringify(text)}`, () => {
    const message = `Cannot read "${text}" as a size: expected a text with a unit such as "200 MiB"`;
    assert.throws(() => parseSize(text), { name: "SyntaxError", message });
  });
}

test("parseSize() reads any text as a size or throws a SyntaxError with a short message", () => {
  const alphabet = fc.string({ unit: fc.constantFrom(..."0123456789KMGTiB .-\n"), maxLength: 20 });
  fc.assert(
    fc.property(fc.oneof(alphabet, fc.string({ unit: "binary", maxLength: 2000 })), (text) => {
      try {
        assert.ok(Number.isSafeInteger(parseSize(text)));
      } catch (error) {
        assert.ok(error instanceof SyntaxError && error.message.length < 200);
      }
    }),
  );
});

const SHOWN: readonly (readonly [sizeBytes: number, text: string])[] = [
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [319_488, "312 KiB"],
  [1_048_063, "1023 KiB"],
  [1_048_575, "1 MiB"],
  [1_572_864, "1.5 MiB"],
  [209_715_200, "200 MiB"],
  [1_073_741_823, "1 GiB"],
  [3_221_225_472, "3 GiB"],
  [5_497_558_138_880, "5120 GiB"],
];

for (const [sizeBytes, text] of SHOWN) {
  test(`formatSize() says "${text}" for ${sizeBytes} bytes`, () => {
    assert.equal(formatSize(sizeBytes), text);
  });
}

test("formatSize() is within a twentieth of the size, in the unit that keeps the number below 1024", () => {
  const unitBytes: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  fc.assert(
    fc.property(fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 45 })), (sizeBytes) => {
      const [amount, unit] = formatSize(sizeBytes).split(" ") as [string, string];
      assert.ok(Math.abs(Number(amount) * unitBytes[unit]! - sizeBytes) <= sizeBytes / 20);
      assert.ok(unit === "GiB" || Number(amount) < 1024);
      assert.ok(unit === "B" || Number(amount) >= 1);
    }),
  );
});

test("parseSize() reads back what formatSize() says of whole units", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1023 }), fc.constantFrom("KiB", "MiB", "GiB"), (amount, unit) => {
      const sizeBytes = parseSize(`${amount} ${unit}`);
      assert.equal(formatSize(sizeBytes), `${amount} ${unit}`);
    }),
  );
});
