import type { Tx } from "../context";

export interface RecentDocument {
  documentId: string;
  organizationId: string;
  workspaceId: string;
  knowledgeBaseId: string;
  /** The last event: it sorts by time. */
  eventId: string;
  changedAt: Date;
}

/** Keeps when something last happened to each document, in one statement; each document once. */
export async function saveDocuments(tx: Tx, documents: readonly RecentDocument[]): Promise<void> {
  if (documents.length === 0) return;
  await tx.sql(
    `insert into recent_document (document_id, organization_id, workspace_id, knowledge_base_id, event_id, changed_at)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[]) order by 1
     on conflict (document_id) do update set event_id = excluded.event_id, changed_at = excluded.changed_at
       where recent_document.event_id < excluded.event_id
         and recent_document.organization_id = excluded.organization_id`,
    [
      documents.map(({ documentId }) => documentId),
      documents.map(({ organizationId }) => organizationId),
      documents.map(({ workspaceId }) => workspaceId),
      documents.map(({ knowledgeBaseId }) => knowledgeBaseId),
      documents.map(({ eventId }) => eventId),
      documents.map(({ changedAt }) => changedAt),
    ],
  );
}

interface Gone {
  organizationId: string;
  id: string;
}

/** Forgets documents that were deleted. */
export async function deleteDocuments(tx: Tx, documents: readonly Gone[]): Promise<void> {
  if (documents.length === 0) return;
  await tx.sql(
    `delete from recent_document using unnest($1::text[], $2::text[]) as gone (organization, document)
     where document_id = gone.document and organization_id = gone.organization`,
    [documents.map(({ organizationId }) => organizationId), documents.map(({ id }) => id)],
  );
}

/** The documents of a workspace, the one that something last happened to first. */
export const listDocuments = (
  db: Tx,
  { organizationId, workspaceId }: { organizationId: string; workspaceId: string },
  { limit, after }: { limit: number; after: string | null },
): Promise<RecentDocument[]> =>
  db.sql<RecentDocument>(
    `select document_id as "documentId", organization_id as "organizationId", workspace_id as "workspaceId",
            knowledge_base_id as "knowledgeBaseId", event_id as "eventId", changed_at as "changedAt"
     from recent_document where organization_id = $1 and workspace_id = $2 and event_id < $3
     order by event_id desc limit $4`,
    [organizationId, workspaceId, after ?? "ffffffff-ffff-ffff-ffff-ffffffffffff", limit],
  );

export async function deleteDocumentsOf(tx: Tx, organizationId: string, workspaceId: string): Promise<void> {
  await tx.sql("delete from recent_document where organization_id = $1 and workspace_id = $2", [
    organizationId,
    workspaceId,
  ]);
}
