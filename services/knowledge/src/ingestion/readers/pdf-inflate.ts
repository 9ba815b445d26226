import { inflateSync } from "node:zlib";

const outputBytesMax = 256 * 1024 * 1024;

/**
 * Has the PDF parser unpack at once. It would do so through web streams: a third of the time that a small file takes
 * goes into setting them up, and nobody else waits in a reading process. What can't be unpacked, or unpacks to too much,
 * the parser takes apart by itself, piece by piece.
 */
export function inflateAtOnce(): void {
  globalThis.DecompressionStream = DecompressionAtOnce as unknown as typeof DecompressionStream;
}

/** As much of a `DecompressionStream` as the parser uses: one write, then the reading. */
class DecompressionAtOnce {
  private packed: Uint8Array = new Uint8Array(0);

  constructor(format: string) {
    if (format !== "deflate") throw new TypeError(`Nothing here unpacks ${format}.`);
  }

  readonly writable = {
    getWriter: () => ({
      ready: Promise.resolve(),
      write: async (bytes: Uint8Array) => void (this.packed = bytes),
      close: async () => {},
    }),
  };

  readonly readable = {
    [Symbol.iterator]: () => [inflateSync(this.packed, { maxOutputLength: outputBytesMax })][Symbol.iterator](),
  };
}
