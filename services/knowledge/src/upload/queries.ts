import type { Tx } from "../context";
import { lockUploads, markUsed } from "./store";
import type { Upload } from "./upload";

/** The uploads in the order of their ids, locked until `tx` ends; null where the workspace has none. */
export async function uploadsToUse(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<(Upload | null)[]> {
  const found = await lockUploads(tx, workspaceId, ids);
  return ids.map((id) => found.find((upload) => upload.id === id) ?? null);
}

/** Takes locked uploads for documents. */
export const useUploads = markUsed;
