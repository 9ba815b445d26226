import type { Context } from "../context";
import { findMemberships } from "./store";

interface Place {
  userId: string;
  organizationId: string;
  workspaceId: string | null;
}

/**
 * Whether the user may act there. The memberships heard of decide when they say yes: what somebody may do is asked of
 * tenancy for each request anyway. Otherwise tenancy decides, since its events may be on their way and its roles may
 * open a workspace without a membership in it. Throws `SERVICE_UNAVAILABLE` when it doesn't answer.
 */
export async function mayEnter({ database, tenancy }: Context, place: Place): Promise<boolean> {
  const known = await findMemberships(database.as({ userId: place.userId }), place.userId, place.organizationId);
  const belongsTo = (workspaceId: string | null) => known.some((membership) => membership.workspaceId === workspaceId);
  if (belongsTo(null) && (place.workspaceId === null || belongsTo(place.workspaceId))) return true;
  return (await tenancy.permissionsOf(place)) !== null;
}
