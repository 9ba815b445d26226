import { may, requirePermission, type Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";

/** A person who stands in an organization. A key agrees to nothing in a person's name. */
export function requireMember(actor: Actor): { organizationId: string; userId: string } {
  if (actor.kind === "ANONYMOUS") throw new PublicError("UNAUTHENTICATED", "Sign in first.");
  if (actor.kind !== "USER") throw new PublicError("FORBIDDEN", "Only a person with an account can do this.");
  const { organizationId, userId } = actor;
  if (!organizationId) throw new PublicError("FORBIDDEN", "Choose an organization first, with switchContext.");
  return { organizationId, userId };
}

/** Purposes are the organization's: whoever runs a workspace alone doesn't write them. */
export function requireDefining(actor: Actor): { organizationId: string; userId: string } {
  const member = requireMember(actor);
  requirePermission(actor, "privacy:decide");
  requirePermission(actor, "organization:update");
  return member;
}

export const mayDefine = (actor: Actor): boolean =>
  actor.kind === "USER" && may(actor, "privacy:decide") && may(actor, "organization:update");
