import type { Tx } from "../context";
import type { Upload as Row } from "../generated/prisma/client";
import type { StoredFile, Upload } from "./upload";

const toUpload = ({ blobKey, sha256, format, storedAt, sizeBytes, ...row }: Row): Upload => ({
  ...row,
  sizeBytes: Number(sizeBytes),
  stored: blobKey && sha256 && format && storedAt ? { blobKey, sha256, format, storedAt } : null,
});

export const insertUpload = (tx: Tx, { stored: _, ...upload }: Upload) => tx.upload.create({ data: upload });

export const findUploads = async (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Upload[]> =>
  (await tx.upload.findMany({ where: { workspaceId, id: { in: [...ids] } } })).map(toUpload);

/** The upload that a token opens, in whichever workspace; needs the service's own handle. */
export async function findByTokenHash(service: Tx, tokenHash: string): Promise<Upload | null> {
  const row = await service.upload.findFirst({ where: { tokenHash } });
  return row && toUpload(row);
}

/** Records that the bytes have arrived; false when another transfer of the same upload was first. */
export async function saveStored(tx: Tx, { workspaceId, id }: Upload, stored: StoredFile): Promise<boolean> {
  const { count } = await tx.upload.updateMany({ where: { workspaceId, id, storedAt: null }, data: stored });
  return count === 1;
}

/** Takes stored, unused uploads for documents; fewer rows than ids means that some were taken meanwhile. */
export async function takeUploads(tx: Tx, workspaceId: string, ids: readonly string[], now: Date): Promise<number> {
  const { count } = await tx.upload.updateMany({
    where: { workspaceId, id: { in: [...ids] }, usedAt: null, storedAt: { not: null } },
    data: { usedAt: now },
  });
  return count;
}

/** Deletes uploads that nobody can use any more and returns the keys of files that nothing else refers to. */
export async function deleteExpired(service: Tx, before: Date, limit: number): Promise<(string | null)[]> {
  const rows = await service.sql<{ orphan: string | null }>(
    `delete from upload where id in (select id from upload where expires_at < $1 order by expires_at limit $2)
     returning case when used_at is null then blob_key end as orphan`,
    [before, limit],
  );
  return rows.map(({ orphan }) => orphan);
}
