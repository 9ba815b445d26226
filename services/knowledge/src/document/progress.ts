import type { Context, Tx } from "../context";
import type { Document } from "./document";

/** The topic on which a base's documents announce that they have changed. */
export const progressTopic = (knowledgeBaseId: string): string => `knowledge:ingestion:${knowledgeBaseId}`;

export interface DocumentChanged {
  documentId: string;
}

/** Once `tx` has committed, tells whoever watches the bases, and lets the index of each catch up in the background. */
export function announceChange(
  { topics, indexes, database }: Pick<Context, "topics" | "indexes" | "database">,
  tx: Tx,
  documents: readonly Document[],
): void {
  tx.afterCommit(() => {
    for (const { id, knowledgeBaseId } of documents)
      topics.publish(progressTopic(knowledgeBaseId), { documentId: id } satisfies DocumentChanged);
    for (const { organizationId, workspaceId, knowledgeBaseId } of documents.slice(0, 1))
      indexes.refresh(database.as({ organizationId, workspaceId }), { workspaceId, knowledgeBaseId });
  });
}
