import type { Tx } from "../context";
import type { Workspace } from "./workspace";

export const insertWorkspace = (tx: Tx, workspace: Workspace) => tx.workspace.create({ data: workspace });

export const findWorkspaces = (tx: Tx, ids: readonly string[]): Promise<Workspace[]> =>
  tx.workspace.findMany({ where: { id: { in: [...ids] } } });

/** Locks the workspace until `tx` ends. Null outside this organization. */
export async function lockWorkspace(tx: Tx, organizationId: string, id: string): Promise<Workspace | null> {
  const [row] = await tx.sql<Workspace>(
    `select id, organization_id as "organizationId", name, created_at as "createdAt", updated_at as "updatedAt"
       from workspace where organization_id = $1 and id = $2 for update`,
    [organizationId, id],
  );
  return row ?? null;
}

export const saveWorkspace = (tx: Tx, { organizationId, id, name, updatedAt }: Workspace) =>
  tx.workspace.updateMany({ where: { organizationId, id }, data: { name, updatedAt } });

/** An organization's workspaces, oldest first: all, those in which one person has a place, or one alone. */
export const listWorkspaces = (
  tx: Tx,
  organizationId: string,
  { placeOf, only }: { placeOf: string | null; only: string | null },
  { limit, after }: { limit: number; after: string | null },
): Promise<Workspace[]> =>
  tx.workspace.findMany({
    where: {
      organizationId,
      ...(placeOf && { members: { some: { userId: placeOf } } }),
      id: { ...(after && { gt: after }), ...(only && { equals: only }) },
    },
    orderBy: { id: "asc" },
    take: limit,
  });
