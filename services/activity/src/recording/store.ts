import type { Tx } from "../context";

export interface Place {
  organizationId: string;
  workspaceId: string;
}

/** Remembers that these workspaces are gone, and returns those of `places` that are. */
export async function closeWorkspaces(
  tx: Tx,
  { closed, places }: { closed: readonly Place[]; places: readonly Place[] },
): Promise<Place[]> {
  if (closed.length > 0)
    await tx.sql(
      `insert into closed_workspace (organization_id, workspace_id) select * from unnest($1::text[], $2::text[])
       on conflict do nothing`,
      [closed.map(({ organizationId }) => organizationId), closed.map(({ workspaceId }) => workspaceId)],
    );
  return tx.sql<Place & { [column: string]: unknown }>(
    `select organization_id as "organizationId", workspace_id as "workspaceId" from closed_workspace
     join unnest($1::text[], $2::text[]) as asked (organization, workspace)
       on organization_id = asked.organization and workspace_id = asked.workspace`,
    [places.map(({ organizationId }) => organizationId), places.map(({ workspaceId }) => workspaceId)],
  );
}

/** Those of the people whom this service has erased. */
export async function erasedAmong(tx: Tx, userIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.sql<{ id: string }>("select user_id as id from erased_person where user_id = any ($1)", [
    userIds,
  ]);
  return new Set(rows.map(({ id }) => id));
}

/** The tables that are made of events, and of nothing else. */
export const replayable = [
  "activity",
  "recent_document",
  "counted_event",
  "counted_since",
  "counter",
  "presence",
  "rated_message",
  "closed_workspace",
] as const;

/** Empties what is made of events. */
export async function emptyAll(tx: Tx): Promise<void> {
  for (const table of replayable) await tx.sql(`delete from ${table}`);
}

/**
 * Takes back what was made of events from that midnight of UTC on; what older ones made stays. A workspace that was
 * closed stays closed, and what can't be told from a repetition stays uncounted.
 */
export async function emptySince(tx: Tx, midnight: Date): Promise<void> {
  await tx.sql(
    `update counter as ever set value = ever.value - since.value
     from (select organization_id, workspace_id, metric, object_id, label, sum(value) as value from counter
           where grain = 'DAY' and at >= $1 group by 1, 2, 3, 4, 5) as since
     where ever.grain = 'TOTAL' and ever.organization_id = since.organization_id
       and ever.workspace_id = since.workspace_id and ever.metric = since.metric
       and ever.object_id = since.object_id and ever.label = since.label`,
    [midnight],
  );
  await tx.sql("delete from counter where grain <> 'TOTAL' and at >= $1", [midnight]);
  for (const [table, column] of [
    ["activity", "happened_at"],
    ["recent_document", "changed_at"],
    ["counted_event", "happened_at"],
    ["presence", "at"],
    ["rated_message", "rated_at"],
  ])
    await tx.sql(`delete from ${table} where ${column} >= $1`, [midnight]);
}
