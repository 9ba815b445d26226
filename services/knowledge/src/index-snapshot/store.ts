import type { Tx } from "../context";

export interface StoredSnapshot {
  blobKey: string;
  revision: number;
}

/** The newest whole snapshot of a base. Null where there is none. */
export async function findSnapshot(
  db: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
): Promise<StoredSnapshot | null> {
  const [row] = await db.sql<StoredSnapshot>(
    `select blob_key as "blobKey", revision from index_snapshot
      where workspace_id = $1 and knowledge_base_id = $2 and stored_at is not null order by revision desc limit 1`,
    [workspaceId, knowledgeBaseId],
  );
  return row ?? null;
}

/**
 * Notes that a file is about to be written; whatever happens to its writer, it is known then. False when the base is gone,
 * or when something was deleted from it since `revision`.
 */
export const announceSnapshot = (
  db: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
  { blobKey, revision }: StoredSnapshot,
): Promise<boolean> =>
  db.transaction(async (tx) => {
    // A deletion holds the base's lock: it has committed before the next statement, or it will find the row.
    await tx.sql("select 1 from knowledge_base where workspace_id = $1 and id = $2 for share", [
      workspaceId,
      knowledgeBaseId,
    ]);
    const rows = await tx.sql(
      `insert into index_snapshot (blob_key, organization_id, workspace_id, knowledge_base_id, revision)
       select $3, organization_id, workspace_id, id, $4 from knowledge_base
        where workspace_id = $1 and id = $2 and deleted_at is null and not exists (
          select from document_removal where knowledge_base_id = $2 and workspace_id = $1 and revision > $4)
       returning blob_key`,
      [workspaceId, knowledgeBaseId, blobKey, revision],
    );
    return rows.length > 0;
  });

/** Lets the file be used from now on. False when its row has gone meanwhile: something that it may hold was deleted. */
export async function confirmSnapshot(db: Tx, blobKey: string): Promise<boolean> {
  const rows = await db.sql(
    "update index_snapshot set stored_at = current_timestamp where blob_key = $1 returning blob_key",
    [blobKey],
  );
  return rows.length > 0;
}

/** Removes the rows of a base's snapshots, or of those that another has replaced; returns their files. */
export async function removeSnapshots(
  db: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
  replacedBy?: StoredSnapshot,
): Promise<string[]> {
  const rows = await db.sql<{ blobKey: string }>(
    `delete from index_snapshot
      where workspace_id = $1 and knowledge_base_id = $2 and ($3::text is null or blob_key <> $3 and revision <= $4)
     returning blob_key as "blobKey"`,
    [workspaceId, knowledgeBaseId, replacedBy?.blobKey ?? null, replacedBy?.revision ?? null],
  );
  return rows.map(({ blobKey }) => blobKey);
}

/** Removes the row of one file. */
export const removeSnapshot = (db: Tx, blobKey: string) =>
  db.sql("delete from index_snapshot where blob_key = $1", [blobKey]);

/** The bases of all tenants whose snapshots are newest. For the service itself. */
export const newestSnapshots = (
  service: Tx,
  limit: number,
): Promise<{ organizationId: string; workspaceId: string; knowledgeBaseId: string }[]> =>
  service.sql(
    `select organization_id as "organizationId", workspace_id as "workspaceId", knowledge_base_id as "knowledgeBaseId"
       from index_snapshot where stored_at is not null order by stored_at desc limit $1`,
    [limit],
  );
