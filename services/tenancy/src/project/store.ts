import type { Tx } from "../context";
import type { Project } from "./project";

export const insertProject = (tx: Tx, project: Project) => tx.project.create({ data: project });

export const findProjects = (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Project[]> =>
  tx.project.findMany({ where: { workspaceId, id: { in: [...ids] } } });

/** Locks the project until `tx` ends. Null outside this workspace. */
export async function lockProject(tx: Tx, workspaceId: string, id: string): Promise<Project | null> {
  const [row] = await tx.sql<Project>(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", name, description,
            created_by_id as "createdById", created_at as "createdAt", updated_at as "updatedAt",
            archived_at as "archivedAt"
       from project where workspace_id = $1 and id = $2 for update`,
    [workspaceId, id],
  );
  return row ?? null;
}

export const saveProject = (tx: Tx, { workspaceId, id, name, description, updatedAt, archivedAt }: Project) =>
  tx.project.updateMany({ where: { workspaceId, id }, data: { name, description, updatedAt, archivedAt } });

export const deleteProjectRow = (tx: Tx, { workspaceId, id }: Project) =>
  tx.project.deleteMany({ where: { workspaceId, id } });

/** A workspace's projects, newest first; archived ones only when asked for. */
export const listProjects = (
  tx: Tx,
  workspaceId: string,
  { archived }: { archived: boolean },
  { limit, after }: { limit: number; after: string | null },
): Promise<Project[]> =>
  tx.project.findMany({
    where: { workspaceId, archivedAt: archived ? { not: null } : null, ...(after && { id: { lt: after } }) },
    orderBy: { id: "desc" },
    take: limit,
  });
