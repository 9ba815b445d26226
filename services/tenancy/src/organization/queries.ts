import { requireSignedIn } from "@atrium/access";
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
  if (actor.kind === "API_KEY") {
    const own = actor.organizationId ? await findOrganization(ctx.db, actor.organizationId) : null;
    return own && (page.after === null || own.id > page.after) ? [own] : [];
  }
  return listOrganizationsOf(ctx.db, actor.userId, page);
}

/** One organization; `NOT_FOUND` for anybody who isn't a member. */
export async function organization(ctx: Context, id: string): Promise<Organization | null> {
  const standing = await standingIn(ctx, id);
  return findOrganization(standing.db, id);
}

/** Those of the organizations that the actor belongs to. The rows' own policy leaves the others out. */
export const organizationsByIds = (ctx: Context, ids: readonly string[]): Promise<Organization[]> => {
  const { actor } = ctx;
  const visible = actor.kind === "API_KEY" ? ids.filter((id) => id === actor.organizationId) : ids;
  return findOrganizations(ctx.db, visible);
};
