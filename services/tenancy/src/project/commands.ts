import { requirePermission, requireWorkspace } from "@atrium/access";
import { PublicError, type Result } from "@atrium/errors";
import { appendEvent, projectArchived, projectCreated, projectDeleted, projectUpdated } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context, Tx } from "../context";
import { archive, change, type ArchiveProjectRefusal, type Project, type UpdateProjectRefusal } from "./project";
import { deleteProjectRow, insertProject, lockProject, saveProject } from "./store";

/** Begins a project in the actor's workspace. */
export async function createProject(
  { actor, db, now }: Context,
  { name, description }: { name: string; description: string },
): Promise<Project> {
  requirePermission(actor, "projects:write");
  const { organizationId, workspaceId, userId } = requireWorkspace(actor);
  const at = now();
  const project: Project = {
    id: newId("prj"),
    organizationId,
    workspaceId,
    name,
    description,
    createdById: userId ?? "system",
    createdAt: at,
    updatedAt: at,
    archivedAt: null,
  };
  return db.transaction(async (tx) => {
    await insertProject(tx, project);
    await appendEvent(tx, projectCreated({ projectId: project.id }));
    return project;
  });
}

/** Renames or describes a project anew; what isn't given stays. */
export async function updateProject(
  ctx: Context,
  { projectId, ...fields }: { projectId: string; name?: string; description?: string },
): Promise<Result<Project, UpdateProjectRefusal>> {
  requirePermission(ctx.actor, "projects:write");
  return ctx.db.transaction(async (tx) => {
    const changed = change(await load(ctx, tx, projectId), fields, ctx.now());
    if (!changed.ok) return changed;
    await saveProject(tx, changed.value);
    await appendEvent(tx, projectUpdated({ projectId, changedFields: Object.keys(fields) }));
    return changed;
  });
}

/** Ends work on a project; it stays readable and can't change any more. */
export async function archiveProject(
  ctx: Context,
  { projectId }: { projectId: string },
): Promise<Result<Project, ArchiveProjectRefusal>> {
  requirePermission(ctx.actor, "projects:write");
  return ctx.db.transaction(async (tx) => {
    const archived = archive(await load(ctx, tx, projectId), ctx.now());
    if (!archived.ok) return archived;
    await saveProject(tx, archived.value);
    await appendEvent(tx, projectArchived({ projectId }));
    return archived;
  });
}

/** Removes a project for good; services that hold something of it hear of it. */
export async function deleteProject(ctx: Context, { projectId }: { projectId: string }): Promise<Project> {
  requirePermission(ctx.actor, "projects:delete");
  return ctx.db.transaction(async (tx) => {
    const project = await load(ctx, tx, projectId);
    await deleteProjectRow(tx, project);
    await appendEvent(tx, projectDeleted({ projectId }));
    return project;
  });
}

async function load({ actor }: Context, tx: Tx, id: string): Promise<Project> {
  const project = await lockProject(tx, requireWorkspace(actor).workspaceId, id);
  if (!project) throw new PublicError("NOT_FOUND", `No project ${id} in this workspace.`);
  return project;
}
