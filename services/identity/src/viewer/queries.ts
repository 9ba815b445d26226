import { isSignedIn, permissionsOf, requirePermission, type Permission } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { PageArguments } from "@atrium/schema-kit";
import { apiKeysOf } from "../api-key/queries";
import type { Context } from "../context";
import { livingSessions } from "../session/queries";
import { findOwnUser, signInMethods } from "../user/queries";
import type { Viewer } from "./viewer";

/** The caller; null for nobody. */
export async function viewer({ actor, db }: Context): Promise<Viewer | null> {
  if (!isSignedIn(actor)) return null;
  const user = await findOwnUser(db, actor.userId);
  const { kind, sessionId, organizationId, workspaceId, permissions } = actor;
  return user && { user, kind, sessionId, organizationId, workspaceId, permissions };
}

/** Every single permission that the viewer holds where they stand, of the table that the policies read. */
export async function viewerPermissions({ tenancy }: Context, viewer: Viewer): Promise<Permission[]> {
  if (viewer.permissions) return permissionsOf(viewer.permissions);
  const { organizationId, workspaceId, user } = viewer;
  if (!organizationId) return [];
  return permissionsOf((await tenancy.permissionsOf({ userId: user.id, organizationId, workspaceId })) ?? []);
}

/** Their own address, in a session of theirs. */
export async function viewerEmail({ loaders }: Context, viewer: Viewer): Promise<string | null> {
  return viewer.kind === "API_KEY" ? null : loaders.emails.load(viewer.user.id);
}

export function viewerSessions(ctx: Context, viewer: Viewer, page: PageArguments) {
  requirePerson(viewer);
  return livingSessions(ctx, viewer.user.id, page);
}

export function viewerSignInMethods(ctx: Context, viewer: Viewer) {
  requirePerson(viewer);
  return signInMethods(ctx, viewer.user.id);
}

/** A key sees its owner's keys only with the right to. */
export function viewerApiKeys(ctx: Context, viewer: Viewer, page: PageArguments) {
  if (viewer.kind === "API_KEY") requirePermission(ctx.actor, "api_keys:read");
  return apiKeysOf(ctx, viewer.user.id, page);
}

function requirePerson(viewer: Viewer): void {
  if (viewer.kind === "API_KEY") throw new PublicError("FORBIDDEN", "An API key doesn't see how its owner signs in.");
}
