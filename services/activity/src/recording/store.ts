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
