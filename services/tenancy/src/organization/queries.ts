import { isSignedIn, requireSignedIn } from "@atrium/access";
import type { Context } from "../context";
import { standingIn } from "../membership/standing";
import type { Organization } from "./organization";
import { findOrganization, findOrganizations, listOrganizationsOf } from "./store";

/** The organizations that the actor belongs to; an API key sees its own alone. */
export async function organizations(
  ctx: Context,
  page: { limit: number; after: string | null },
): Promise<Organization[]> {
  const actor = requireSignedIn(ctx.actor);
  return listOrganizationsOf(
    ctx.db,
    actor.userId,
    page,
    actor.kind === "API_KEY" ? [actor.organizationId ?? ""] : null,
  );
}

/** One organization; `NOT_FOUND` for anybody who isn't a member. */
export async function organization(ctx: Context, id: string): Promise<Organization | null> {
  const standing = await standingIn(ctx, id);
  return findOrganization(standing.db, id);
}

/** Those of the organizations that the actor belongs to; an API key or a service sees the one that it acts in. */
export async function organizationsByIds({ actor, db }: Context, ids: readonly string[]): Promise<Organization[]> {
  if (actor.kind === "ANONYMOUS") return [];
  const visible =
    actor.kind === "SYSTEM" || actor.kind === "API_KEY" ? ids.filter((id) => id === actor.organizationId) : ids;
  if (!isSignedIn(actor)) return findOrganizations(db, visible);
  return listOrganizationsOf(db, actor.userId, { limit: visible.length, after: null }, visible);
}
