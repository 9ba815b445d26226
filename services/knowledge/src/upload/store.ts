import type { Tx } from "../context";
import type { Upload as Row } from "../generated/prisma/client";
import type { StoredFile, Upload } from "./upload";

type Columns = Omit<Row, "sizeBytes" | "transfers"> & { sizeBytes: bigint | number };

const toUpload = ({ blobKey, sha256, format, storedAt, sizeBytes, ...row }: Columns): Upload => ({
  ...row,
  sizeBytes: Number(sizeBytes),
  stored: blobKey && sha256 && storedAt ? { blobKey, sha256, format, storedAt } : null,
});

export const insertUpload = (tx: Tx, { stored: _, ...upload }: Upload) => tx.upload.create({ data: upload });

/** Locks uploads until `tx` ends, in one order, so that two calls with the same ones can't wait for each other. */
export const lockUploads = async (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Upload[]> =>
  (
    await tx.sql<Columns>(
      `select id, organization_id as "organizationId", workspace_id as "workspaceId", filename,
              content_type as "contentType", size_bytes as "sizeBytes", token_hash as "tokenHash", blob_key as "blobKey",
              sha256, format, created_by_id as "createdById", created_at as "createdAt", expires_at as "expiresAt",
              stored_at as "storedAt", used_at as "usedAt"
         from upload where workspace_id = $1 and id = any ($2::text[]) order by id for update`,
      [workspaceId, ids],
    )
  ).map(toUpload);

/** The upload that a token opens, in whichever workspace; needs the service's own handle. */
export async function findByTokenHash(service: Tx, tokenHash: string): Promise<Upload | null> {
  const row = await service.upload.findFirst({ where: { tokenHash }, omit: { transfers: true } });
  return row && toUpload(row);
}

/**
 * Notes where a transfer is going to write, before it does: whatever becomes of it, its file is then known. False when
 * the upload has its file already, or `transfersMax` others are under way or were killed.
 */
export async function beginTransfer(
  tx: Tx,
  { workspaceId, id }: Upload,
  blobKey: string,
  transfersMax: number,
): Promise<boolean> {
  const begun = await tx.sql(
    `update upload set transfers = array_append(transfers, $3)
      where workspace_id = $1 and id = $2 and stored_at is null and cardinality(transfers) < $4 returning id`,
    [workspaceId, id, blobKey, transfersMax],
  );
  return begun.length === 1;
}

/** Forgets a transfer of which nothing is left. */
export const forgetTransfer = (tx: Tx, { workspaceId, id }: Upload, blobKey: string) =>
  tx.sql("update upload set transfers = array_remove(transfers, $3) where workspace_id = $1 and id = $2", [
    workspaceId,
    id,
    blobKey,
  ]);

/** Records that the bytes have arrived; false when another transfer of the same upload was first. */
export async function saveStored(tx: Tx, { workspaceId, id }: Upload, stored: StoredFile): Promise<boolean> {
  const { count } = await tx.upload.updateMany({ where: { workspaceId, id, storedAt: null }, data: stored });
  return count === 1;
}

/** Marks locked uploads as used. */
export const markUsed = (tx: Tx, workspaceId: string, ids: readonly string[], now: Date) =>
  tx.sql("update upload set used_at = $3 where workspace_id = $1 and id = any ($2::text[])", [workspaceId, ids, now]);

/**
 * Deletes uploads that nobody can use any more. Returns how many, and the keys of all files of theirs but those that
 * documents have.
 */
export async function deleteExpired(
  service: Tx,
  before: Date,
  limit: number,
): Promise<{ count: number; orphans: string[] }> {
  const rows = await service.sql<{ orphans: string[] }>(
    `delete from upload where id in (select id from upload where expires_at < $1 order by expires_at limit $2)
     returning array_remove(transfers, case when used_at is not null then blob_key end) as orphans`,
    [before, limit],
  );
  return { count: rows.length, orphans: rows.flatMap(({ orphans }) => orphans) };
}

/** Deletes the workspace's uploads. Returns the keys of all files of theirs but those that documents have. */
export async function deleteUploads(tx: Tx, workspaceId: string): Promise<string[]> {
  const rows = await tx.sql<{ orphans: string[] }>(
    `delete from upload where workspace_id = $1
     returning array_remove(transfers, case when used_at is not null then blob_key end) as orphans`,
    [workspaceId],
  );
  return rows.flatMap(({ orphans }) => orphans);
}
