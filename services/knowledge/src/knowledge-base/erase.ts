import { appendEvent, documentDeleted } from "@atrium/events";
import type { Context, Tx } from "../context";
import { deleteFilesLater } from "../files";
import { dropSnapshots } from "../index-snapshot/commands";
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
 * taken up where it was.
 */
export async function eraseKnowledgeBase(
  { db, indexes }: Pick<Context, "db" | "indexes">,
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
      for (const { id: documentId, sizeBytes } of deleted)
        await appendEvent(tx, documentDeleted({ documentId, knowledgeBaseId, sizeBytes }));
      await deleteFilesLater(
        tx,
        deleted.map(({ blobKey }) => blobKey),
      );
      return deleted.length;
    });
  }
  await db.transaction(async (tx) => {
    await dropSnapshots(tx, workspaceId, knowledgeBaseId);
    await deleteMarked(tx, workspaceId, knowledgeBaseId);
  });
}
