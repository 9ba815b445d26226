import { may, requirePermission, requireWorkspace } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { Project } from "./project";
import { findProjects, listProjects } from "./store";

/** The projects of the actor's workspace, newest first. */
export async function projects(
  { actor, db }: Context,
  filter: { archived: boolean },
  page: { limit: number; after: string | null },
): Promise<Project[]> {
  requirePermission(actor, "projects:read");
  return listProjects(db, requireWorkspace(actor).workspaceId, filter, page);
}

/** One project of the actor's workspace. */
export async function project({ actor, db }: Context, id: string): Promise<Project> {
  requirePermission(actor, "projects:read");
  const [found] = await findProjects(db, requireWorkspace(actor).workspaceId, [id]);
  if (!found) throw new PublicError("NOT_FOUND", `No project ${id} in this workspace.`);
  return found;
}

/** Those of the projects that the actor may read. */
export async function projectsByIds({ actor, db }: Context, ids: readonly string[]): Promise<Project[]> {
  if (!may(actor, "projects:read") || actor.kind === "ANONYMOUS" || !actor.workspaceId) return [];
  return findProjects(db, actor.workspaceId, ids);
}
