import { requireSignedIn } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { appendEvent, organizationCreated, organizationUpdated } from "@atrium/events";
import { newId } from "@atrium/ids";
import { isErased } from "@atrium/personal-data";
import type { Context } from "../context";
import { grantMembership } from "../membership/commands";
import { requireRight } from "../membership/policy";
import { currentStanding } from "../membership/standing";
import { createFirstWorkspace } from "../workspace/commands";
import { firstOrganizationName, type Organization } from "./organization";
import { claimFirstOrganization, insertOrganization, lockOrganization, saveOrganization } from "./store";

/** Founds an organization with a first workspace; the actor owns it. */
export async function createOrganization(ctx: Context, { name }: { name: string }): Promise<Organization> {
  const actor = requireSignedIn(ctx.actor);
  if (actor.kind !== "USER")
    throw new PublicError("FORBIDDEN", "Only a person with an account can found an organization.");
  const now = ctx.now();
  const organization = { id: newId("org"), name, createdAt: now, updatedAt: now };
  return ctx.database.as({ organizationId: organization.id, userId: actor.userId }).transaction(async (tx) => {
    await insertOrganization(tx, { ...organization, foundedForUserId: null });
    await appendEvent(tx, organizationCreated({ organizationId: organization.id, ownerId: actor.userId }));
    await grantMembership(tx, { organizationId: organization.id, userId: actor.userId, role: "owner" }, now);
    await createFirstWorkspace(tx, { organizationId: organization.id, userId: actor.userId }, now);
    return organization;
  });
}

/**
 * Founds the organization and workspace in which somebody who has just registered begins, under the organization id
 * that the context is bound to. Safe to run again: a person has one first organization, and none once they are erased.
 */
export async function foundFirstOrganization(
  { db, now }: Pick<Context, "db" | "now">,
  { userId }: { userId: string },
): Promise<void> {
  const at = now();
  const organizationId = db.tenant.organizationId!;
  const organization = { id: organizationId, name: firstOrganizationName, createdAt: at, updatedAt: at };
  await db.transaction(async (tx) => {
    if (await isErased(tx, userId)) return;
    if (!(await claimFirstOrganization(tx, organization, userId))) return;
    await appendEvent(tx, organizationCreated({ organizationId, ownerId: userId }));
    await grantMembership(tx, { organizationId, userId, role: "owner" }, at);
    await createFirstWorkspace(tx, { organizationId, userId }, at);
  });
}

/** Renames the organization that the actor is signed in to. */
export async function updateOrganization(ctx: Context, { name }: { name: string }): Promise<Organization> {
  const by = await currentStanding(ctx);
  requireRight(by, "organization:update");
  return by.db.transaction(async (tx) => {
    const organization = await lockOrganization(tx, by.organizationId);
    if (!organization) throw new PublicError("NOT_FOUND", `No organization ${by.organizationId}.`);
    const updated = { ...organization, name, updatedAt: ctx.now() };
    await saveOrganization(tx, updated);
    await appendEvent(tx, organizationUpdated({ organizationId: updated.id, changedFields: ["name"] }));
    return updated;
  });
}
