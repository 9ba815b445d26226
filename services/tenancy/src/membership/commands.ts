import { workspaceRoles } from "@atrium/access";
import { PublicError, ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, membershipChanged, membershipGranted, membershipRevoked } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context, Tx } from "../context";
import {
  changeRole,
  remove,
  transferOwnership,
  type ChangeMemberRoleRefusal,
  type OrganizationMember,
  type RemoveMemberRefusal,
  type TransferOwnershipRefusal,
  type WorkspaceMember,
} from "./membership";
import { mayGrant, requireRight } from "./policy";
import { currentStanding, inWorkspace, type StandingIn } from "./standing";
import {
  deleteMember,
  deletePlace,
  findMember,
  findPlace,
  findPlaces,
  insertMember,
  insertPlace,
  lockMember,
  lockOwners,
  lockPlace,
  saveMemberRole,
  savePlaceRole,
} from "./store";

/** Gives a member of the actor's organization another role there. */
export async function changeMemberRole(
  ctx: Context,
  { memberId, role }: { memberId: string; role: string },
): Promise<Result<OrganizationMember, ChangeMemberRoleRefusal>> {
  const by = await currentStanding(ctx);
  requireRight(by, "members:change");
  return by.db.transaction(async (tx) => {
    const ownerCount = await lockOwners(tx, by.organizationId);
    const member = await loadMember(tx, by, memberId);
    const changed = changeRole(member, role, by, ownerCount);
    if (!changed.ok) return changed;
    if (!mayGrant(by, { organizationRole: role })) return refuse("MORE_THAN_YOU_HOLD", { path: ["role"] });
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
  const by = await currentStanding(ctx);
  requireRight(by, "members:remove");
  return by.db.transaction(async (tx) => {
    const ownerCount = await lockOwners(tx, by.organizationId);
    return endMembership(tx, await loadMember(tx, by, memberId), by, ownerCount);
  });
}

/** Ends the actor's own membership of the organization that they are signed in to. */
export async function leaveOrganization(ctx: Context): Promise<Result<OrganizationMember, RemoveMemberRefusal>> {
  const by = await currentStanding(ctx);
  return by.db.transaction(async (tx) => {
    const ownerCount = await lockOwners(tx, by.organizationId);
    const own = await findMember(tx, by.organizationId, by.userId);
    if (!own) throw new PublicError("NOT_FOUND", `No organization ${by.organizationId}.`);
    return endMembership(tx, own, by, ownerCount);
  });
}

/** Makes another member the owner; the actor becomes an administrator. */
export async function transferOrganizationOwnership(
  ctx: Context,
  { memberId }: { memberId: string },
): Promise<Result<OrganizationMember, TransferOwnershipRefusal>> {
  const by = await currentStanding(ctx);
  requireRight(by, "organization:transfer");
  return by.db.transaction(async (tx) => {
    await lockOwners(tx, by.organizationId);
    const to = await loadMember(tx, by, memberId);
    const from = await findMember(tx, by.organizationId, by.userId);
    if (!from) throw new PublicError("NOT_FOUND", `No organization ${by.organizationId}.`);
    const transferred = transferOwnership(from, to);
    if (!transferred.ok) return transferred;
    for (const [before, after] of [
      [from, transferred.value.from],
      [to, transferred.value.to],
    ] as const) {
      await saveMemberRole(tx, after);
      await appendEvent(tx, membershipChanged({ ...factsOf(after), role: after.role, previousRole: before.role }));
    }
    return ok(transferred.value.to);
  });
}

export const WorkspaceMemberRefusal = {
  NOT_A_MEMBER: "This person doesn't belong to the organization; invite them first.",
  ALREADY_MEMBER: "This person is in the workspace already.",
  NO_SUCH_ROLE: "There is no such role in a workspace.",
  MORE_THAN_YOU_HOLD: "Nobody can grant what they don't hold.",
} as const;
type WorkspaceMemberRefusal = keyof typeof WorkspaceMemberRefusal;

/** Gives a member of the organization a place in one of its workspaces. */
export async function addWorkspaceMember(
  ctx: Context,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: string },
): Promise<Result<WorkspaceMember, WorkspaceMemberRefusal>> {
  const by = await inWorkspace(ctx, await currentStanding(ctx), workspaceId);
  requireRight(by, "workspace_members:write");
  const refused = refusedRole(by, role);
  if (refused) return refused;
  return by.db.transaction(async (tx) => {
    if (!(await findMember(tx, by.organizationId, userId))) return refuse("NOT_A_MEMBER", { path: ["userId"] });
    if (await findPlace(tx, workspaceId, userId)) return refuse("ALREADY_MEMBER", { path: ["userId"] });
    return ok(await grantPlace(tx, by.organizationId, { workspaceId, userId, role }, ctx.now()));
  });
}

/** Gives somebody in a workspace another role there. */
export async function changeWorkspaceRole(
  ctx: Context,
  { memberId, role }: { memberId: string; role: string },
): Promise<Result<WorkspaceMember, Exclude<WorkspaceMemberRefusal, "NOT_A_MEMBER" | "ALREADY_MEMBER">>> {
  const inOrganization = await currentStanding(ctx);
  return inOrganization.db.transaction(async (tx) => {
    const place = await loadPlace(tx, inOrganization, memberId);
    const by = await inWorkspace(ctx, inOrganization, place.workspaceId);
    requireRight(by, "workspace_members:write");
    // Taking a role from somebody is as much a use of its power as giving it.
    const refused = refusedRole(by, role) ?? refusedRole(by, place.role);
    if (refused) return refused;
    const changed = { ...place, role };
    await savePlaceRole(tx, changed);
    await appendEvent(tx, membershipChanged({ ...factsOf(changed), role, previousRole: place.role }), placeOf(place));
    return ok(changed);
  });
}

/** Takes somebody's place in a workspace; they stay in the organization. One may always give up one's own. */
export async function removeWorkspaceMember(
  ctx: Context,
  { memberId }: { memberId: string },
): Promise<Result<WorkspaceMember, "MORE_THAN_YOU_HOLD">> {
  const inOrganization = await currentStanding(ctx);
  return inOrganization.db.transaction(async (tx) => {
    const place = await loadPlace(tx, inOrganization, memberId);
    const by = await inWorkspace(ctx, inOrganization, place.workspaceId);
    if (place.userId !== by.userId) {
      requireRight(by, "workspace_members:write");
      if (!mayGrant(by, { workspaceRole: place.role })) return refuse("MORE_THAN_YOU_HOLD");
    }
    await deletePlace(tx, place);
    await appendEvent(tx, membershipRevoked(factsOf(place)), placeOf(place));
    return ok(place);
  });
}

/** Makes somebody a member, within a transaction in which that was decided. */
export async function grantMembership(
  tx: Tx,
  { organizationId, userId, role }: { organizationId: string; userId: string; role: string },
  now: Date,
): Promise<OrganizationMember> {
  const member = { id: newId("mem"), organizationId, userId, role, createdAt: now };
  await insertMember(tx, member);
  await appendEvent(tx, membershipGranted({ ...factsOf(member), role }));
  return member;
}

/** Gives a member a place in a workspace, within a transaction in which that was decided. */
export async function grantPlace(
  tx: Tx,
  organizationId: string,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: string },
  now: Date,
): Promise<WorkspaceMember> {
  const place = { id: newId("wmem"), organizationId, workspaceId, userId, role, createdAt: now };
  await insertPlace(tx, place);
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

async function loadMember(tx: Tx, { organizationId }: StandingIn, id: string) {
  const member = await lockMember(tx, organizationId, id);
  if (!member) throw new PublicError("NOT_FOUND", `No member ${id} in this organization.`);
  return member;
}

async function loadPlace(tx: Tx, { organizationId }: StandingIn, id: string) {
  const place = await lockPlace(tx, organizationId, id);
  if (!place) throw new PublicError("NOT_FOUND", `No workspace member ${id} in this organization.`);
  return place;
}

const factsOf = (membership: OrganizationMember | WorkspaceMember) => ({
  membershipId: membership.id,
  userId: membership.userId,
  workspaceId: "workspaceId" in membership ? membership.workspaceId : null,
});

/** The workspace that an event about a place belongs to. */
const placeOf = (membership: OrganizationMember | WorkspaceMember) =>
  "workspaceId" in membership ? { workspaceId: membership.workspaceId } : {};
