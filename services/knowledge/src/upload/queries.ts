import type { Tx } from "../context";
import { findUploads, takeUploads } from "./store";
import type { Upload } from "./upload";

/** The uploads in the order of their ids; null where the workspace has none. */
export async function uploadsOf(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<(Upload | null)[]> {
  const found = await findUploads(tx, workspaceId, ids);
  return ids.map((id) => found.find((upload) => upload.id === id) ?? null);
}

/** Takes the uploads for documents, within a transaction in which that was decided; returns how many were still free. */
export const takeUploadsForDocuments = (
  tx: Tx,
  workspaceId: string,
  ids: readonly string[],
  now: Date,
): Promise<number> => takeUploads(tx, workspaceId, ids, now);
