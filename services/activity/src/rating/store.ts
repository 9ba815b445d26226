import type { Tx } from "../context";

export interface Rated {
  messageId: string;
  organizationId: string;
  workspaceId: string;
  rating: string;
  eventId: string;
  ratedAt: Date;
}

/** Keeps the last rating of each message, in one statement; each message once. */
export async function saveRatings(tx: Tx, rated: readonly Rated[]): Promise<void> {
  if (rated.length === 0) return;
  await tx.sql(
    `insert into rated_message (message_id, organization_id, workspace_id, rating, event_id, rated_at)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[]) order by 1
     on conflict (message_id) do update
       set rating = excluded.rating, event_id = excluded.event_id, rated_at = excluded.rated_at
       where rated_message.event_id < excluded.event_id and rated_message.organization_id = excluded.organization_id`,
    [
      rated.map(({ messageId }) => messageId),
      rated.map(({ organizationId }) => organizationId),
      rated.map(({ workspaceId }) => workspaceId),
      rated.map(({ rating }) => rating),
      rated.map(({ eventId }) => eventId),
      rated.map(({ ratedAt }) => ratedAt),
    ],
  );
}

const batchSize = 5_000;

export async function pruneRatings(service: Tx, before: Date): Promise<void> {
  const old = `select ctid from rated_message where rated_at < $1 limit ${batchSize}`;
  for (let step = batchSize; step === batchSize;)
    step = (await service.sql(`delete from rated_message where ctid = any (array(${old})) returning 1`, [before]))
      .length;
}

export async function deleteRatings(tx: Tx, organizationId: string, workspaceId: string): Promise<void> {
  await tx.sql("delete from rated_message where organization_id = $1 and workspace_id = $2", [
    organizationId,
    workspaceId,
  ]);
}
