import type { Tx } from "../context";

export interface Present {
  organizationId: string;
  workspaceId: string;
  at: Date;
  userId: string;
}

/** Notes who was there in which quarter of an hour, in one statement. */
export async function insertPresence(tx: Tx, present: readonly Present[]): Promise<void> {
  if (present.length === 0) return;
  await tx.sql(
    `insert into presence (organization_id, workspace_id, at, user_id)
     select distinct * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) order by 1, 2, 3, 4
     on conflict do nothing`,
    [
      present.map(({ organizationId }) => organizationId),
      present.map(({ workspaceId }) => workspaceId),
      present.map(({ at }) => at),
      present.map(({ userId }) => userId),
    ],
  );
}

const batchSize = 5_000;

export async function prunePresence(service: Tx, before: Date): Promise<void> {
  const old = `select ctid from presence where at < $1 limit ${batchSize}`;
  for (let step = batchSize; step === batchSize;)
    step = (await service.sql(`delete from presence where ctid = any (array(${old})) returning 1`, [before])).length;
}

export async function deletePresence(tx: Tx, organizationId: string, workspaceId: string): Promise<void> {
  await tx.sql("delete from presence where organization_id = $1 and workspace_id = $2", [organizationId, workspaceId]);
}
