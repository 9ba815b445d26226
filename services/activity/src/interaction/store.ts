import type { Tx } from "../context";
import type { Interaction } from "./interaction";

interface Batch {
  organizationId: string;
  workspaceId: string;
  id: string;
  userId: string;
  recordedAt: Date;
  interactions: readonly Interaction[];
}

/** Notes the batch as counted; false when it was before. Says nothing of who sent it. */
export async function claimBatch(tx: Tx, { organizationId, id, recordedAt }: Omit<Batch, "userId">): Promise<boolean> {
  const rows = await tx.sql(
    `insert into interaction_receipt (organization_id, batch_id, recorded_at) values ($1, $2, $3)
     on conflict do nothing returning 1`,
    [organizationId, id, recordedAt],
  );
  return rows.length > 0;
}

export async function insertDetail(tx: Tx, batch: Batch): Promise<void> {
  const { organizationId, workspaceId, id, userId, recordedAt, interactions } = batch;
  await tx.sql(
    `insert into interaction_batch (organization_id, workspace_id, id, user_id, recorded_at, interactions)
     values ($1, $2, $3, $4, $5, $6)`,
    [organizationId, workspaceId, id, userId, recordedAt, JSON.stringify(interactions)],
  );
}

export async function deleteDetailOf(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await tx.sql("delete from interaction_batch where organization_id = $1 and user_id = $2", [organizationId, userId]);
}

export async function deleteDetailIn(tx: Tx, organizationId: string, workspaceId: string): Promise<void> {
  await tx.sql("delete from interaction_batch where organization_id = $1 and workspace_id = $2", [
    organizationId,
    workspaceId,
  ]);
}

const batchSize = 5_000;

export async function pruneBatches(
  service: Tx,
  { details, receipts }: { details: Date; receipts: Date },
): Promise<void> {
  for (const [table, before] of [
    ["interaction_batch", details],
    ["interaction_receipt", receipts],
  ] as const) {
    const old = `select ctid from ${table} where recorded_at < $1 limit ${batchSize}`;
    for (let step = batchSize; step === batchSize;)
      step = (await service.sql(`delete from ${table} where ctid = any (array(${old})) returning 1`, [before])).length;
  }
}
