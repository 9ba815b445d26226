import { organizationRoles, permissionsOfRoles } from "@atrium/access";
import type { Context, Tx } from "../context";
import type { OrganizationMember, WorkspaceMember } from "./membership";
import { entersEveryWorkspace, requireRight } from "./policy";
import { inWorkspace, standingIn } from "./standing";
import {
  findDefaultContexts,
  findMember,
  findRoles,
  listMembers,
  listPlaces,
  type AskedMembership,
  type DefaultContext,
} from "./store";

interface Keyset {
  limit: number;
  after: string | null;
}

/** The people of an organization that the actor belongs to; guests of it don't see them, nor does just any API key. */
export async function members(ctx: Context, organizationId: string, page: Keyset): Promise<OrganizationMember[]> {
  const standing = await standingIn(ctx, organizationId);
  if (standing.role === "guest" || standing.key) requireRight(standing, "members:read");
  return listMembers(standing.db, organizationId, page);
}

/** The people in a workspace that the actor may enter. */
export async function workspaceMembers(
  ctx: Context,
  { organizationId, workspaceId }: { organizationId: string; workspaceId: string },
  page: Keyset,
): Promise<WorkspaceMember[]> {
  const standing = await inWorkspace(await standingIn(ctx, organizationId), workspaceId);
  requireRight(standing, "workspace_members:read");
  return listPlaces(standing.db, organizationId, workspaceId, page);
}

/**
 * What each of these people may do there, as permission patterns, in the order of the question; null where they may not
 * be. Only the gateway and other services ask this, for every request anew.
 */
export async function memberPermissions(
  { database }: Pick<Context, "database">,
  asked: readonly AskedMembership[],
): Promise<(string[] | null)[]> {
  const roles = await findRoles(database.asService(), asked);
  return roles.map(({ organizationRole, workspaceRole, workspaceExists }, i) => {
    if (organizationRole === null) return null;
    if (asked[i]!.workspaceId !== null) {
      if (!workspaceExists) return null;
      if (workspaceRole === null && !entersEveryWorkspace(organizationRole)) return null;
    }
    return permissionsOfRoles(organizationRole, workspaceRole);
  });
}

/** Where each of these people begins when they have chosen nothing; null for somebody who belongs nowhere. */
export const defaultContexts = (
  { database }: Pick<Context, "database">,
  userIds: readonly string[],
): Promise<(DefaultContext | null)[]> =>
  findDefaultContexts(database.asService(), userIds, Object.keys(organizationRoles).filter(entersEveryWorkspace));

/** Whether this person belongs to the organization. */
export const isMember = async (tx: Tx, organizationId: string, userId: string): Promise<boolean> =>
  (await findMember(tx, organizationId, userId)) !== null;
