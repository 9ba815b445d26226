import { appendEvent, documentDeleted } from "@atrium/events";
import type { Context, Tx } from "../context";
import { deleteMarked } from "./store";

/** How documents of a base are removed, a batch at a time; the documents' own folder says. */
export type DeleteSome = (
  tx: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
  limit: number,
) => Promise<{ id: string; blobKey: string; sizeBytes: number }[]>;

const batch = 100;

/**
 * Erases a deleted base: its documents with their passages and files, then the base itself. A run that broke off is
 * taken up where it was: files first, so that none is left without a row that knows of it.
 */
export async function eraseKnowledgeBase(
  { db, blobs, indexes }: Pick<Context, "db" | "blobs" | "indexes">,
  { knowledgeBaseId }: { knowledgeBaseId: string },
  deleteSome: DeleteSome,
  signal: AbortSignal,
): Promise<void> {
  const workspaceId = db.tenant.workspaceId!;
  indexes.forget(knowledgeBaseId);
  for (let count = batch; count === batch;) {
    signal.throwIfAborted();
    count = await db.transaction(async (tx) => {
      const deleted = await deleteSome(tx, workspaceId, knowledgeBaseId, batch);
      for (const { id: documentId, blobKey, sizeBytes } of deleted) {
        await blobs.delete(blobKey);
        await appendEvent(tx, documentDeleted({ documentId, knowledgeBaseId, sizeBytes }));
      }
      return deleted.length;
    });
  }
  await deleteMarked(db, workspaceId, knowledgeBaseId);
}
