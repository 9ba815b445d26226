import { randomBytes } from "node:crypto";
import { seal, unseal, unwrapKey, wrapKey } from "./sealed";

const key = randomBytes(32);
const pieceBytes = 64 * 1024;

/** The bytes in chunks of a size that has nothing to do with that of pieces. */
async function* chunksOf(bytes: Buffer, size = 10_007) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const sealed = (bytes: Buffer, boundTo = "file") => all(seal(chunksOf(bytes), key, boundTo));
const opened = (bytes: Buffer, { boundTo = "file", by = key } = {}) => all(unseal(chunksOf(bytes, 1_009), by, boundTo));

test.each([0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 3 * pieceBytes, 1_000_000])(
  "%i bytes come back as they were",
  async (size) => {
    const bytes = randomBytes(size);
    const box = await sealed(bytes);
    expect((await opened(box)).equals(bytes)).toBe(true);
    expect(size > 8 && box.includes(bytes.subarray(0, 8))).toBe(false);
  },
);

test("the same bytes are sealed differently each time", async () => {
  const bytes = Buffer.from("the same");
  expect((await sealed(bytes)).equals(await sealed(bytes))).toBe(false);
});

describe("nothing opens that", () => {
  const bytes = randomBytes(3 * pieceBytes + 5);
  const sealedPiece = pieceBytes + 16;
  const at = (box: Buffer, piece: number) => box.subarray(16 + piece * sealedPiece, 16 + (piece + 1) * sealedPiece);
  const head = (box: Buffer) => box.subarray(0, 16);

  test.each<[string, (box: Buffer) => Buffer]>([
    ["has one bit changed", (box) => Buffer.from(box).fill(box[70_000]! ^ 1, 70_000, 70_001)],
    ["lacks its end", (box) => box.subarray(0, 16 + 2 * sealedPiece)],
    ["lacks a byte", (box) => box.subarray(0, -1)],
    ["has something behind its end", (box) => Buffer.concat([box, Buffer.from("x")])],
    [
      "has two pieces exchanged",
      (box) => Buffer.concat([head(box), at(box, 1), at(box, 0), box.subarray(16 + 2 * sealedPiece)]),
    ],
    ["lacks a piece", (box) => Buffer.concat([head(box), at(box, 0), box.subarray(16 + 2 * sealedPiece)])],
    ["has another's beginning", (box) => Buffer.concat([randomBytes(16), box.subarray(16)])],
    ["is empty", () => Buffer.alloc(0)],
    ["is a beginning alone", (box) => head(box)],
  ])("%s", async (_, spoil) => {
    await expect(opened(spoil(await sealed(bytes)))).rejects.toThrow();
  });

  test("is another file, or has another key", async () => {
    const box = await sealed(bytes);
    await expect(opened(box, { boundTo: "another file" })).rejects.toThrow();
    await expect(opened(box, { by: randomBytes(32) })).rejects.toThrow();
  });
});

test("an export's key opens with the installation's secret, for this export alone", () => {
  const wrapped = wrapKey(key, "the secret", "exp_1");
  expect(unwrapKey(wrapped, "the secret", "exp_1").equals(key)).toBe(true);
  expect(wrapped.includes(key)).toBe(false);
  expect(() => unwrapKey(wrapped, "another secret", "exp_1")).toThrow();
  expect(() => unwrapKey(wrapped, "the secret", "exp_2")).toThrow();
});
