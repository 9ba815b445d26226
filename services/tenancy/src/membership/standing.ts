import { allows, permissionsOf, permissionsOfRoles, requireSignedIn, type SignedInActor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";
import type { Standing } from "./membership";
import { entersEveryWorkspace } from "./policy";
import { findMember, findRoleInWorkspace } from "./store";

/** A person's place in one organization, and a handle that is bound to it. */
export interface StandingIn extends Standing {
  organizationId: string;
  /** The API key that acts for them; null when they act themselves. */
  key: SignedInActor | null;
  db: Tx;
}

/** What a person may do in an organization; null for somebody who doesn't belong to it. */
export async function standingOf(
  db: Tx,
  organizationId: string,
  userId: string,
  key: SignedInActor | null = null,
): Promise<StandingIn | null> {
  const member = await findMember(db, organizationId, userId);
  if (!member) return null;
  const permissions = narrowed(permissionsOfRoles(member.role, null), key);
  return { userId, role: member.role, permissions, organizationId, key, db };
}

/**
 * What the actor may do in an organization, wherever they are signed in to. Throws `NOT_FOUND` for anybody who isn't a
 * member: the organization's existence is none of their business.
 */
export async function standingIn(ctx: Context, organizationId: string, tx?: Tx): Promise<StandingIn> {
  const actor = requireSignedIn(ctx.actor);
  const key = actor.kind === "API_KEY" ? actor : null;
  const db = tx ?? ctx.database.as({ organizationId, userId: actor.userId });
  // A key belongs to the place that it was made in, though its maker may belong to others.
  const elsewhere = key !== null && key.organizationId !== organizationId;
  const standing = elsewhere ? null : await standingOf(db, organizationId, actor.userId, key);
  if (!standing) throw new PublicError("NOT_FOUND", `No organization ${organizationId}.`);
  return standing;
}

/** As `standingIn`, in the organization that the actor is signed in to. */
export async function currentStanding(ctx: Context): Promise<StandingIn> {
  const { organizationId } = requireSignedIn(ctx.actor);
  if (!organizationId) throw new PublicError("FORBIDDEN", "Choose an organization first, with switchContext.");
  return standingIn(ctx, organizationId);
}

/** The same person's standing with what their role in one workspace adds; null where they may not enter. */
export async function placedIn(standing: StandingIn, workspaceId: string): Promise<StandingIn | null> {
  const { db, key, organizationId, role, userId } = standing;
  if (key?.workspaceId && key.workspaceId !== workspaceId) return null;
  const there = await findRoleInWorkspace(db, { organizationId, workspaceId, userId });
  if (!there || (there.role === null && !entersEveryWorkspace(role))) return null;
  return { ...standing, permissions: narrowed(permissionsOfRoles(role, there.role), key) };
}

/** As `placedIn`; throws `NOT_FOUND` where they may not enter. */
export async function inWorkspace(standing: StandingIn, workspaceId: string): Promise<StandingIn> {
  const placed = await placedIn(standing, workspaceId);
  if (!placed) throw new PublicError("NOT_FOUND", `No workspace ${workspaceId}.`);
  return placed;
}

// An API key never may more than it was given, nor more than its maker may.
const narrowed = (permissions: readonly string[], key: SignedInActor | null): readonly string[] =>
  key ? permissionsOf(permissions).filter((permission) => allows(key.permissions, permission)) : permissions;
