import { allows, permissionsOfRoles, permissionsOf, requireSignedIn, type SignedInActor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";
import type { Standing } from "./membership";
import { entersEveryWorkspace } from "./policy";
import { findMember, findPlace } from "./store";

/** The actor's place in one organization, and a handle that is bound to it. */
export interface StandingIn extends Standing {
  organizationId: string;
  db: Tx;
}

/**
 * What the actor may do in an organization, wherever they are signed in to. Throws `NOT_FOUND` for anybody who isn't a
 * member: the organization's existence is none of their business.
 */
export async function standingIn(ctx: Context, organizationId: string): Promise<StandingIn> {
  const actor = requireSignedIn(ctx.actor);
  const absent = new PublicError("NOT_FOUND", `No organization ${organizationId}.`);
  // A key belongs to the place that it was made in, though its maker may belong to others.
  if (actor.kind === "API_KEY" && actor.organizationId !== organizationId) throw absent;
  const db = ctx.database.as({ organizationId, userId: actor.userId });
  const member = await findMember(db, organizationId, actor.userId);
  if (!member) throw absent;
  const permissions = narrowed(permissionsOfRoles(member.role, null), actor);
  return { userId: actor.userId, role: member.role, permissions, organizationId, db };
}

/** As `standingIn`, in the organization that the actor is signed in to. */
export async function currentStanding(ctx: Context): Promise<StandingIn> {
  const { organizationId } = requireSignedIn(ctx.actor);
  if (!organizationId) throw new PublicError("FORBIDDEN", "Choose an organization first, with switchContext.");
  return standingIn(ctx, organizationId);
}

/** The same person's standing with what their role in one workspace adds; `NOT_FOUND` where they may not enter. */
export async function inWorkspace(ctx: Context, standing: StandingIn, workspaceId: string): Promise<StandingIn> {
  const actor = requireSignedIn(ctx.actor);
  const place = await findPlace(standing.db, workspaceId, standing.userId);
  if (!place && !entersEveryWorkspace(standing.role))
    throw new PublicError("NOT_FOUND", `No workspace ${workspaceId}.`);
  const permissions = narrowed(permissionsOfRoles(standing.role, place?.role ?? null), actor);
  const db = ctx.database.as({ organizationId: standing.organizationId, workspaceId, userId: standing.userId });
  return { ...standing, permissions, db };
}

// An API key never may more than it was given, nor more than its maker may.
const narrowed = (permissions: readonly string[], actor: SignedInActor): readonly string[] =>
  actor.kind === "API_KEY"
    ? permissionsOf(permissions).filter((permission) => allows(actor.permissions, permission))
    : permissions;
