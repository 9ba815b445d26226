import { may, requirePermission, type Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";

/**
 * Whose trail the actor may read: all of the organization for those who run it, one workspace's for whoever runs that
 * alone. Throws for anybody else.
 */
export function requireReader(actor: Actor): { organizationId: string; workspaceId: string | null } {
  requirePermission(actor, "audit:read");
  const { organizationId, workspaceId } = actor as Exclude<Actor, { kind: "ANONYMOUS" }>;
  if (!organizationId) throw new PublicError("FORBIDDEN", "Choose an organization first, with switchContext.");
  if (may(actor, "organization:update")) return { organizationId, workspaceId: null };
  if (!workspaceId) throw new PublicError("FORBIDDEN", "Choose a workspace first, with switchContext.");
  return { organizationId, workspaceId };
}
