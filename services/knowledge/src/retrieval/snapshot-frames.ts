import { createHash } from "node:crypto";
import { TimeSlice } from "./time-slice";

const frameBytesMax = 1 << 28;

/** A header and pieces, each with its length before it, then an empty one, and last a SHA-256 of all of it. */
export async function* frames(header: unknown, pieces: () => Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  const frame = (bytes: Uint8Array) => {
    const whole = Buffer.allocUnsafe(4 + bytes.byteLength);
    whole.writeUInt32LE(bytes.byteLength);
    whole.set(bytes, 4);
    digest.update(whole);
    return whole;
  };
  yield frame(Buffer.from(JSON.stringify(header)));
  const slice = new TimeSlice();
  for (const piece of pieces()) {
    yield frame(piece);
    if (slice.isOver) await slice.next();
  }
  yield frame(Buffer.alloc(0));
  yield digest.digest();
}

/** Reads what `frames` wrote, in chunks of any size. */
export class FrameReader {
  private readonly chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  private readonly digest = createHash("sha256");
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private readonly slice = new TimeSlice();

  constructor(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
    this.chunks = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** The next frame. The bytes may be used until the one after is asked for. */
  async next(): Promise<Buffer> {
    if (this.slice.isOver) await this.slice.next();
    const head = await this.take(4);
    this.digest.update(head);
    const length = head.readUInt32LE(0);
    if (length > frameBytesMax) throw new Error("The snapshot is damaged.");
    const frame = await this.take(length);
    this.digest.update(frame);
    return frame;
  }

  async json<Value>(): Promise<Value> {
    const frame = await this.next();
    try {
      return JSON.parse(frame.toString()) as Value;
    } catch (cause) {
      throw new Error("The snapshot is damaged.", { cause });
    }
  }

  /** Rejects unless all frames were read, and they are what was written. */
  async end(): Promise<void> {
    if ((await this.next()).byteLength > 0) throw new Error("The snapshot is damaged.");
    const written = await this.take(32);
    const { done } = await this.chunks.next();
    if (!done || this.pendingBytes > 0 || !this.digest.digest().equals(written))
      throw new Error("The snapshot is damaged.");
  }

  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private async take(length: number): Promise<Buffer> {
    while (this.pendingBytes < length) {
      const { value, done } = await this.chunks.next();
      if (done) throw new Error("The snapshot ends too early.");
      this.pending.push(value as Uint8Array);
      this.pendingBytes += (value as Uint8Array).byteLength;
    }
    this.pendingBytes -= length;
    const [first] = this.pending;
    if (first && first.byteLength >= length) {
      this.pending[0] = first.subarray(length);
      return Buffer.from(first.buffer, first.byteOffset, length);
    }
    const taken: Uint8Array[] = [];
    for (let missing = length; missing > 0;) {
      const chunk = this.pending.shift()!;
      taken.push(chunk.byteLength > missing ? chunk.subarray(0, missing) : chunk);
      if (chunk.byteLength > missing) this.pending.unshift(chunk.subarray(missing));
      missing -= Math.min(missing, chunk.byteLength);
    }
    return Buffer.concat(taken, length);
  }
}
