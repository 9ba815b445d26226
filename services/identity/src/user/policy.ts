import { may, type Actor } from "@atrium/access";

/**
 * Whether the caller may read this user's e-mail address: their own, in a session of theirs; a colleague's with the
 * right to see the members. That the two share an organization was settled when the user was found at all.
 */
export function mayReadEmail(actor: Actor, userId: string): boolean {
  const isOwn = (actor.kind === "USER" || actor.kind === "GUEST") && actor.userId === userId;
  return isOwn || may(actor, "members:read");
}
