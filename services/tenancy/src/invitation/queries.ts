import type { Context } from "../context";
import { requireRight } from "../membership/policy";
import { standingIn } from "../membership/standing";
import type { Invitation } from "./invitation";
import { listInvitations } from "./store";

/** An organization's invitations, newest first. */
export async function invitations(
  ctx: Context,
  organizationId: string,
  page: { limit: number; after: string | null },
): Promise<Invitation[]> {
  const standing = await standingIn(ctx, organizationId);
  requireRight(standing, "members:invite");
  return listInvitations(standing.db, organizationId, page);
}
