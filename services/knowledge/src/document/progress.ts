import type { Context, Tx } from "../context";
import type { Document } from "./document";

/** The topic on which a base's documents announce that they have changed. */
export const progressTopic = (knowledgeBaseId: string): string => `knowledge:ingestion:${knowledgeBaseId}`;

export interface DocumentChanged {
  /** Null when the base itself was deleted. */
  documentId: string | null;
}

/** Once `tx` has committed, tells whoever watches the documents' bases. */
export function announceProgress(
  { topics }: Pick<Context, "topics">,
  tx: Tx,
  documents: readonly Pick<Document, "id" | "knowledgeBaseId">[],
): void {
  tx.afterCommit(() => {
    for (const { id: documentId, knowledgeBaseId } of documents)
      topics.publish(progressTopic(knowledgeBaseId), { documentId } satisfies DocumentChanged);
  });
}

/** Once `tx` has committed, tells whoever watches a base that it is gone. */
export function announceEnd({ topics }: Pick<Context, "topics">, tx: Tx, knowledgeBaseId: string): void {
  tx.afterCommit(() => topics.publish(progressTopic(knowledgeBaseId), { documentId: null } satisfies DocumentChanged));
}

/** As `announceProgress`, where the change is one of what is found in one base: its index catches up in the background. */
export function announceChange(
  { topics, indexes, database }: Pick<Context, "topics" | "indexes" | "database">,
  tx: Tx,
  documents: readonly Pick<Document, "id" | "organizationId" | "workspaceId" | "knowledgeBaseId">[],
): void {
  announceProgress({ topics }, tx, documents);
  const { organizationId, workspaceId, knowledgeBaseId } = documents[0]!;
  tx.afterCommit(() => indexes.refresh(database.as({ organizationId, workspaceId }), { workspaceId, knowledgeBaseId }));
}
