import type { BlobStore } from "@atrium/blobs";
import { enqueue } from "@atrium/jobs";
import type { Tx } from "./context";

// A job's payload is small; a key has some 130 characters.
const keysPerJob = 200;

/** Has files deleted once `tx` has committed, and not at all when it doesn't. */
export async function deleteFilesLater(
  tx: Tx,
  blobKeys: readonly string[],
  { runAt }: { runAt?: Date } = {},
): Promise<void> {
  for (let from = 0; from < blobKeys.length; from += keysPerJob)
    await enqueue(tx, "deleteFiles", { blobKeys: blobKeys.slice(from, from + keysPerJob) }, { runAt });
}

/** Deletes files; those that are gone already don't matter. */
export async function deleteFiles(blobs: BlobStore, { blobKeys }: { blobKeys: readonly string[] }): Promise<void> {
  for (const key of blobKeys) await blobs.delete(key);
}
