import { may, requirePermission, requireWorkspace, type Actor, type WorkspaceActor } from "@atrium/access";

/** The actor in its workspace, where it may read what the workspace knows. */
export function requireReader(actor: Actor): WorkspaceActor {
  requirePermission(actor, "knowledge:read");
  return requireWorkspace(actor);
}

/** The actor in its workspace, where it may change what the workspace knows. */
export function requireWriter(actor: Actor): WorkspaceActor {
  requirePermission(actor, "knowledge:write");
  return requireWorkspace(actor);
}

/** The actor in its workspace, where it may delete what the workspace knows. */
export function requireEraser(actor: Actor): WorkspaceActor {
  requirePermission(actor, "knowledge:delete");
  return requireWorkspace(actor);
}

export const mayRead = (actor: Actor) => may(actor, "knowledge:read");
export const mayWrite = (actor: Actor) => may(actor, "knowledge:write");
export const mayErase = (actor: Actor) => may(actor, "knowledge:delete");
