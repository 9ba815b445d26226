import { organizationRoles, workspaceRoles } from "@atrium/access";
import { PublicError, ok, refuse, type Refusal, type Result } from "@atrium/errors";
import {
  appendEvent,
  invitationAccepted,
  invitationDeclined,
  invitationExpired,
  invitationRevoked,
  invitationSent,
} from "@atrium/events";
import type { Context, Tx } from "../context";
import { grantMembership, grantPlace } from "../membership/commands";
import type { OrganizationMember } from "../membership/membership";
import { mayGrant, mayInvite, requirePerson, requireRight } from "../membership/policy";
import { isMember } from "../membership/queries";
import { currentStanding, placedIn, standingOf, type StandingIn } from "../membership/standing";
import { existingWorkspaces } from "../workspace/queries";
import {
  answer,
  hashOfToken,
  invite,
  resend,
  revoke,
  type AcceptInvitationRefusal,
  type DeclineInvitationRefusal,
  type Invitation,
  type InviteMemberRefusal,
  type ResendInvitationRefusal,
  type RevokeInvitationRefusal,
  type WorkspaceRoleGrant,
} from "./invitation";
import { closeExpired, findByTokenHash, insertInvitation, lockInvitation, saveInvitation } from "./store";

interface Invited {
  email: string | null;
  userId: string | null;
  organizationRole: string;
  workspaceRoles: readonly WorkspaceRoleGrant[];
}

/** An invitation, and the token that opens it; the token is shown this once. */
export interface SentInvitation {
  invitation: Invitation;
  token: string;
}

/** Invites somebody into the actor's organization. */
export async function inviteMember(
  ctx: Context,
  invited: Invited,
): Promise<Result<SentInvitation, InviteMemberRefusal>> {
  const by = await currentStanding(ctx);
  requireRight(by, "members:invite");
  const refused = await refusedOffer(by, invited);
  if (refused) return refused;

  const { organizationId } = by;
  const userId = invited.userId ?? (await ctx.usersByEmail([invited.email!]))[0] ?? null;
  const { invitation, token } = invite({ ...invited, organizationId, invitedById: by.userId }, ctx.now());
  return by.db.transaction(async (tx) => {
    const path = [invited.email === null ? "userId" : "email"];
    if (userId && (await isMember(tx, organizationId, userId))) return refuse("ALREADY_MEMBER", { path });
    for (const invitationId of await closeExpired(tx, invitation, ctx.now()))
      await appendEvent(tx, invitationExpired({ invitationId }));
    if (!(await insertInvitation(tx, invitation))) return refuse("ALREADY_INVITED", { path });
    await appendEvent(tx, invitationSent(factsOf(invitation)));
    return ok({ invitation, token });
  });
}

/** Gives an open invitation a new token and seven days more; the old token opens nothing any more. */
export async function resendInvitation(
  ctx: Context,
  { invitationId }: { invitationId: string },
): Promise<Result<SentInvitation, ResendInvitationRefusal>> {
  const by = await currentStanding(ctx);
  requireRight(by, "members:invite");
  return by.db.transaction(async (tx) => {
    const invitation = await load(tx, by.organizationId, invitationId);
    // The new token is shown to the actor, who could use it themselves: they need the rights that it opens.
    if (await refusedOffer({ ...by, db: tx }, invitation))
      return refuse("MORE_THAN_YOU_HOLD", { path: ["invitationId"] });
    const resent = resend(invitation, by.userId, ctx.now());
    if (!resent.ok) return resent;
    await saveInvitation(tx, resent.value.invitation);
    await appendEvent(tx, invitationSent(factsOf(resent.value.invitation)));
    return resent;
  });
}

/** Takes an open invitation back. */
export async function revokeInvitation(
  ctx: Context,
  { invitationId }: { invitationId: string },
): Promise<Result<Invitation, RevokeInvitationRefusal>> {
  const by = await currentStanding(ctx);
  requireRight(by, "members:invite");
  return by.db.transaction(async (tx) => {
    const revoked = revoke(await load(tx, by.organizationId, invitationId), ctx.now());
    if (!revoked.ok) return revoked;
    await saveInvitation(tx, revoked.value);
    await appendEvent(tx, invitationRevoked({ invitationId }));
    return revoked;
  });
}

/** Takes the place that the token offers. The same token at once in two hands gives one place. */
export async function acceptInvitation(
  ctx: Context,
  { token }: { token: string },
): Promise<Result<OrganizationMember, AcceptInvitationRefusal>> {
  const { kind, userId } = requirePerson(ctx.actor);
  if (kind === "GUEST") return refuse("GUEST");
  return byToken(ctx, token, userId, async (tx, invitation) => {
    const accepted = answer(invitation, "ACCEPTED", userId, ctx.now());
    if (!accepted.ok) return accepted;
    const { organizationId, organizationRole: role } = invitation;
    const places = await placesLeft(tx, invitation);
    // A token that its maker kept is worth no more than what they may give now: nobody lets themselves back in.
    const inviter = await standingOf(tx, organizationId, invitation.invitedById);
    if (!inviter || !mayInvite(inviter) || (await refusedOffer(inviter, { ...invitation, workspaceRoles: places })))
      return refuse("NO_LONGER_OFFERED", { path: ["token"] });
    const member = await grantMembership(tx, { organizationId, userId, role }, ctx.now());
    if (!member) return refuse("ALREADY_MEMBER");
    for (const place of places) await grantPlace(tx, organizationId, { ...place, userId }, ctx.now());
    await saveInvitation(tx, accepted.value);
    await appendEvent(tx, invitationAccepted({ invitationId: invitation.id, userId, membershipId: member.id }));
    return ok(member);
  });
}

/** Turns the offered place down. */
export async function declineInvitation(
  ctx: Context,
  { token }: { token: string },
): Promise<Result<Invitation, DeclineInvitationRefusal>> {
  const { kind, userId } = requirePerson(ctx.actor);
  if (kind === "GUEST") return refuse("GUEST");
  return byToken(ctx, token, userId, async (tx, invitation) => {
    const declined = answer(invitation, "DECLINED", userId, ctx.now());
    if (!declined.ok) return declined;
    await saveInvitation(tx, declined.value);
    await appendEvent(tx, invitationDeclined({ invitationId: invitation.id }));
    return declined;
  });
}

/** Why somebody may not offer these places; null when they may. */
async function refusedOffer(
  by: StandingIn,
  offer: Pick<Invitation, "organizationRole" | "workspaceRoles">,
): Promise<Refusal<"NO_SUCH_ROLE" | "NO_SUCH_WORKSPACE" | "MORE_THAN_YOU_HOLD"> | null> {
  const { organizationRole } = offer;
  if (!Object.hasOwn(organizationRoles, organizationRole))
    return refuse("NO_SUCH_ROLE", { path: ["organizationRole"] });
  if (!mayGrant(by, { organizationRole })) return refuse("MORE_THAN_YOU_HOLD", { path: ["organizationRole"] });
  for (const [place, { workspaceId, role }] of offer.workspaceRoles.entries()) {
    const path = ["workspaceRoles", `${place}`];
    if (!Object.hasOwn(workspaceRoles, role)) return refuse("NO_SUCH_ROLE", { path: [...path, "role"] });
    const there = await placedIn(by, workspaceId);
    if (!there) return refuse("NO_SUCH_WORKSPACE", { path: [...path, "workspaceId"] });
    if (!mayGrant(there, { workspaceRole: role })) return refuse("MORE_THAN_YOU_HOLD", { path: [...path, "role"] });
  }
  return null;
}

/** The offered places without those in workspaces that have been deleted since. */
async function placesLeft(tx: Tx, { organizationId, workspaceRoles: places }: Invitation) {
  const ids = places.map(({ workspaceId }) => workspaceId);
  const existing = await existingWorkspaces(tx, organizationId, ids);
  return places.filter(({ workspaceId }) => existing.has(workspaceId));
}

/** Finds the token's invitation wherever it is, and acts inside its organization in this person's name. */
async function byToken<T, Code extends string>(
  { database }: Context,
  token: string,
  userId: string,
  act: (tx: Tx, invitation: Invitation) => Promise<Result<T, Code>>,
): Promise<Result<T, Code | "UNKNOWN_TOKEN">> {
  const unknown = refuse("UNKNOWN_TOKEN", { path: ["token"] });
  const found = await findByTokenHash(database.asService(), hashOfToken(token));
  if (!found) return unknown;
  return database.as({ organizationId: found.organizationId, userId }).transaction(async (tx) => {
    const invitation = await lockInvitation(tx, found.organizationId, found.id);
    // Resent meanwhile: this token is the old one.
    return invitation?.tokenHash === hashOfToken(token) ? act(tx, invitation) : unknown;
  });
}

async function load(tx: Tx, organizationId: string, id: string): Promise<Invitation> {
  const invitation = await lockInvitation(tx, organizationId, id);
  if (!invitation) throw new PublicError("NOT_FOUND", `No invitation ${id} in this organization.`);
  return invitation;
}

const factsOf = ({ id, organizationRole, expiresAt }: Invitation) => ({
  invitationId: id,
  organizationRole,
  expiresAt: expiresAt.toISOString(),
});
