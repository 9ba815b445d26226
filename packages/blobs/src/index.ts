export type { BlobStat, BlobStore, ByteRange, WriteOptions, WrittenBlob } from "./blob-store";
export { folderBlobs } from "./folder";
