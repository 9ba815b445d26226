import type { Readable } from "node:stream";

/** Files by key. Keys are made by services from ids (`org_…/upl_…`), never from a name that a person chose. */
export interface BlobStore {
  /**
   * Stores the whole of `source` under `key`, replacing what was there, or leaves everything as it was: readers see the
   * old blob or the new one, also after a crash. More than `sizeMax` bytes is refused (`PAYLOAD_TOO_LARGE`) as soon
   * as they arrive, a full disk with `SERVICE_UNAVAILABLE`.
   */
  write(key: string, source: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<WrittenBlob>;
  /**
   * The bytes of a blob, or those from `start` to `end`, both included, as in HTTP. `NOT_FOUND` when there is no such
   * blob, `RangeError` when `start` lies behind its last byte. Whoever reads must consume or destroy the stream.
   */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /** Null when there is no such blob. */
  stat(key: string): Promise<BlobStat | null>;
  /** Whether it existed or not. */
  delete(key: string): Promise<void>;
  /** Deletes `prefix` and everything beneath `prefix/`; never `prefix-and-more`. */
  deletePrefix(prefix: string): Promise<void>;
}

export interface WriteOptions {
  sizeMax: number;
  signal?: AbortSignal;
}

export interface WrittenBlob {
  sizeBytes: number;
  /** In lower-case hexadecimal. */
  sha256: string;
}

export interface BlobStat {
  sizeBytes: number;
  writtenAt: Date;
}

export interface ByteRange {
  start?: number;
  /** The last byte wanted; a blob that is shorter ends earlier. */
  end?: number;
}
