import { workspaceRoles, type Permission } from "@atrium/access";
import { PublicError, ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, membershipChanged, membershipGranted, membershipRevoked } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context, Tx } from "../context";
import {
  changeRole,
  remove,
  transferOwnership,
  type AddWorkspaceMemberRefusal,
  type ChangeMemberRoleRefusal,
  type ChangeWorkspaceRoleRefusal,
  type OrganizationMember,
  type RemoveMemberRefusal,
  type RemoveWorkspaceMemberRefusal,
  type TransferOwnershipRefusal,
  type WorkspaceMember,
} from "./membership";
import { mayGrant, requirePerson, requireRight } from "./policy";
import { currentStanding, inWorkspace, placedIn, standingIn, type StandingIn } from "./standing";
import {
  deleteMember,
  deletePlace,
  findMember,
  findPlaces,
  holdMember,
  insertMember,
  insertPlace,
  lockMember,
  lockMemberships,
  lockPlace,
  saveMemberRole,
  savePlaceRole,
} from "./store";

/** Gives a member of the actor's organization another role there. */
export async function changeMemberRole(
  ctx: Context,
  { memberId, role }: { memberId: string; role: string },
): Promise<Result<OrganizationMember, ChangeMemberRoleRefusal>> {
  return amongMembers(ctx, "members:change", async (tx, by, ownerCount) => {
    const member = await loadMember(tx, by, memberId);
    // Taking a role from somebody is as much a use of its power as giving it.
    if (!mayGrant(by, { organizationRole: member.role })) return refuse("ABOVE_YOU", { path: ["memberId"] });
    const changed = changeRole(member, role, by, ownerCount);
    if (!changed.ok) return changed;
    if (!mayGrant(by, { organizationRole: role })) return refuse("MORE_THAN_YOU_HOLD", { path: ["role"] });
    if (role === member.role) return changed;
    await saveMemberRole(tx, changed.value);
    await appendEvent(tx, membershipChanged({ ...factsOf(changed.value), role, previousRole: member.role }));
    return changed;
  });
}

/** Ends somebody's membership of the actor's organization and their places in its workspaces. */
export async function removeMember(
  ctx: Context,
  { memberId }: { memberId: string },
): Promise<Result<OrganizationMember, RemoveMemberRefusal>> {
  return amongMembers(ctx, "members:remove", async (tx, by, ownerCount) => {
    const member = await loadMember(tx, by, memberId);
    if (!mayGrant(by, { organizationRole: member.role })) return refuse("ABOVE_YOU", { path: ["memberId"] });
    return endMembership(tx, member, by, ownerCount);
  });
}

/** Ends the actor's own membership of the organization that they are signed in to. */
export async function leaveOrganization(ctx: Context): Promise<Result<OrganizationMember, RemoveMemberRefusal>> {
  requirePerson(ctx.actor);
  return amongMembers(ctx, null, async (tx, by, ownerCount) =>
    endMembership(tx, await loadOwnMembership(tx, by), by, ownerCount),
  );
}

/** Makes another member the owner; the actor becomes an administrator. */
export async function transferOrganizationOwnership(
  ctx: Context,
  { memberId }: { memberId: string },
): Promise<Result<OrganizationMember, TransferOwnershipRefusal>> {
  return amongMembers(ctx, "organization:transfer", async (tx, by) => {
    const before = { from: await loadOwnMembership(tx, by), to: await loadMember(tx, by, memberId) };
    const transferred = transferOwnership(before.from, before.to);
    if (!transferred.ok) return transferred;
    for (const side of ["from", "to"] as const) {
      const after = transferred.value[side];
      await saveMemberRole(tx, after);
      const previousRole = before[side].role;
      await appendEvent(tx, membershipChanged({ ...factsOf(after), role: after.role, previousRole }));
    }
    return ok(transferred.value.to);
  });
}

/** Changes an organization's members, one change after the other, in the rights that the actor has by then. */
async function amongMembers<T>(
  ctx: Context,
  right: Permission | null,
  act: (tx: Tx, by: StandingIn, ownerCount: number) => Promise<T>,
): Promise<T> {
  const { db, organizationId } = await currentStanding(ctx);
  return db.transaction(async (tx) => {
    const ownerCount = await lockMemberships(tx, organizationId);
    const by = await standingIn(ctx, organizationId, tx);
    if (right) requireRight(by, right);
    return act(tx, by, ownerCount);
  });
}

/** Gives a member of the organization a place in one of its workspaces. */
export async function addWorkspaceMember(
  ctx: Context,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: string },
): Promise<Result<WorkspaceMember, AddWorkspaceMemberRefusal>> {
  const by = await inWorkspace(await currentStanding(ctx), workspaceId);
  requireRight(by, "workspace_members:write");
  const refused = refusedRole(by, role);
  if (refused) return refused;
  return by.db.transaction(async (tx) => {
    if (!(await holdMember(tx, by.organizationId, userId))) return refuse("NOT_A_MEMBER", { path: ["userId"] });
    const place = await grantPlace(tx, by.organizationId, { workspaceId, userId, role }, ctx.now());
    return place ? ok(place) : refuse("ALREADY_MEMBER", { path: ["userId"] });
  });
}

/** Gives somebody in a workspace another role there. */
export async function changeWorkspaceRole(
  ctx: Context,
  { memberId, role }: { memberId: string; role: string },
): Promise<Result<WorkspaceMember, ChangeWorkspaceRoleRefusal>> {
  const inOrganization = await currentStanding(ctx);
  return inOrganization.db.transaction(async (tx) => {
    const place = await loadPlace(tx, inOrganization, memberId);
    const by = await inWorkspaceOf(tx, inOrganization, place);
    requireRight(by, "workspace_members:write");
    // Taking a role from somebody is as much a use of its power as giving it.
    const refused = refusedRole(by, role) ?? refusedRole(by, place.role);
    if (refused) return refused;
    const changed = { ...place, role };
    if (role === place.role) return ok(changed);
    await savePlaceRole(tx, changed);
    await appendEvent(tx, membershipChanged({ ...factsOf(changed), role, previousRole: place.role }), placeOf(place));
    return ok(changed);
  });
}

/** Takes somebody's place in a workspace; they stay in the organization. One may always give up one's own. */
export async function removeWorkspaceMember(
  ctx: Context,
  { memberId }: { memberId: string },
): Promise<Result<WorkspaceMember, RemoveWorkspaceMemberRefusal>> {
  const inOrganization = await currentStanding(ctx);
  return inOrganization.db.transaction(async (tx) => {
    const place = await loadPlace(tx, inOrganization, memberId);
    const by = await inWorkspaceOf(tx, inOrganization, place);
    const ownPlace = place.userId === by.userId && by.key === null;
    if (!ownPlace) {
      requireRight(by, "workspace_members:write");
      if (!mayGrant(by, { workspaceRole: place.role })) return refuse("MORE_THAN_YOU_HOLD", { path: ["memberId"] });
    }
    await deletePlace(tx, place);
    await appendEvent(tx, membershipRevoked(factsOf(place)), placeOf(place));
    return ok(place);
  });
}

/** Makes somebody a member, within a transaction in which that was decided; null when they are one already. */
export async function grantMembership(
  tx: Tx,
  { organizationId, userId, role }: { organizationId: string; userId: string; role: string },
  now: Date,
): Promise<OrganizationMember | null> {
  const member = { id: newId("mem"), organizationId, userId, role, createdAt: now };
  if (!(await insertMember(tx, member))) return null;
  await appendEvent(tx, membershipGranted({ ...factsOf(member), role }));
  return member;
}

/** Gives a member a place in a workspace, within such a transaction; null when they have one already. */
export async function grantPlace(
  tx: Tx,
  organizationId: string,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: string },
  now: Date,
): Promise<WorkspaceMember | null> {
  const place = { id: newId("wmem"), organizationId, workspaceId, userId, role, createdAt: now };
  if (!(await insertPlace(tx, place))) return null;
  await appendEvent(tx, membershipGranted({ ...factsOf(place), role }), placeOf(place));
  return place;
}

async function endMembership(tx: Tx, member: OrganizationMember, by: StandingIn, ownerCount: number) {
  const removed = remove(member, by, ownerCount);
  if (!removed.ok) return removed;
  const places = await findPlaces(tx, member.organizationId, member.userId);
  await deleteMember(tx, member);
  for (const ended of [...places, member]) await appendEvent(tx, membershipRevoked(factsOf(ended)), placeOf(ended));
  return removed;
}

function refusedRole(by: StandingIn, role: string) {
  if (!Object.hasOwn(workspaceRoles, role)) return refuse("NO_SUCH_ROLE", { path: ["role"] });
  if (!mayGrant(by, { workspaceRole: role })) return refuse("MORE_THAN_YOU_HOLD", { path: ["role"] });
  return null;
}

async function loadOwnMembership(tx: Tx, { organizationId, userId }: StandingIn) {
  const member = await findMember(tx, organizationId, userId);
  if (!member) throw new PublicError("NOT_FOUND", `No organization ${organizationId}.`);
  return member;
}

async function loadMember(tx: Tx, { organizationId }: StandingIn, id: string) {
  const member = await lockMember(tx, organizationId, id);
  if (!member) throw new PublicError("NOT_FOUND", `No member ${id} in this organization.`);
  return member;
}

async function loadPlace(tx: Tx, { organizationId }: StandingIn, id: string) {
  const place = await lockPlace(tx, organizationId, id);
  if (!place) throw noPlace(id);
  return place;
}

/** Says the same of a place in a workspace that the actor may not enter as of none at all. */
async function inWorkspaceOf(tx: Tx, inOrganization: StandingIn, place: WorkspaceMember) {
  const by = await placedIn({ ...inOrganization, db: tx }, place.workspaceId);
  if (!by) throw noPlace(place.id);
  return by;
}

const noPlace = (id: string) => new PublicError("NOT_FOUND", `No workspace member ${id} in this organization.`);

/** What events say of a membership. */
export const factsOf = (membership: OrganizationMember | WorkspaceMember) => ({
  membershipId: membership.id,
  userId: membership.userId,
  workspaceId: "workspaceId" in membership ? membership.workspaceId : null,
});

/** The workspace that an event about a place belongs to. */
const placeOf = (membership: OrganizationMember | WorkspaceMember) =>
  "workspaceId" in membership ? { workspaceId: membership.workspaceId } : {};
