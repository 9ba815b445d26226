import { organizationRoles, requireSignedIn, workspaceRoles } from "@atrium/access";
import { PublicError, ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, invitationAccepted, invitationDeclined, invitationRevoked, invitationSent } from "@atrium/events";
import type { Context, Tx } from "../context";
import { grantMembership, grantPlace } from "../membership/commands";
import type { OrganizationMember } from "../membership/membership";
import { mayGrant, requireRight } from "../membership/policy";
import { isMember } from "../membership/queries";
import { currentStanding, inWorkspace } from "../membership/standing";
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
  const { organizationId } = by;
  if (!Object.hasOwn(organizationRoles, invited.organizationRole))
    return refuse("NO_SUCH_ROLE", { path: ["organizationRole"] });
  if (!mayGrant(by, { organizationRole: invited.organizationRole }))
    return refuse("MORE_THAN_YOU_HOLD", { path: ["organizationRole"] });
  const existing = await existingWorkspaces(
    by.db,
    organizationId,
    invited.workspaceRoles.map((role) => role.workspaceId),
  );
  for (const [place, { workspaceId, role }] of invited.workspaceRoles.entries()) {
    if (!Object.hasOwn(workspaceRoles, role))
      return refuse("NO_SUCH_ROLE", { path: ["workspaceRoles", `${place}`, "role"] });
    const inThere = existing.has(workspaceId) ? await inWorkspace(ctx, by, workspaceId).catch(() => null) : null;
    if (!inThere) return refuse("NO_SUCH_WORKSPACE", { path: ["workspaceRoles", `${place}`, "workspaceId"] });
    if (!mayGrant(inThere, { workspaceRole: role }))
      return refuse("MORE_THAN_YOU_HOLD", { path: ["workspaceRoles", `${place}`, "role"] });
  }

  const userId = invited.userId ?? (await ctx.usersByEmail([invited.email!]))[0] ?? null;
  const { invitation, token } = invite({ ...invited, organizationId, invitedById: by.userId }, ctx.now());
  return by.db.transaction(async (tx) => {
    if (userId && (await isMember(tx, organizationId, userId)))
      return refuse("ALREADY_MEMBER", { path: [invited.email === null ? "userId" : "email"] });
    await closeExpired(tx, invitation, ctx.now());
    if (!(await insertInvitation(tx, invitation)))
      return refuse("ALREADY_INVITED", { path: [invited.email === null ? "userId" : "email"] });
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
    const resent = resend(invitation, ctx.now());
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
): Promise<Result<Invitation, ResendInvitationRefusal>> {
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
  const actor = requireSignedIn(ctx.actor);
  if (actor.kind !== "USER") return refuse("GUEST");
  return byToken(ctx, token, async (tx, invitation) => {
    const accepted = answer(invitation, "ACCEPTED", actor.userId, ctx.now());
    if (!accepted.ok) return accepted;
    const { organizationId, organizationRole: role } = invitation;
    if (await isMember(tx, organizationId, actor.userId)) return refuse("ALREADY_MEMBER");
    await saveInvitation(tx, accepted.value);
    const member = await grantMembership(tx, { organizationId, userId: actor.userId, role }, ctx.now());
    const places = invitation.workspaceRoles;
    // A workspace may have been deleted since the invitation was sent.
    const existing = await existingWorkspaces(
      tx,
      organizationId,
      places.map(({ workspaceId }) => workspaceId),
    );
    for (const place of places)
      if (existing.has(place.workspaceId))
        await grantPlace(tx, organizationId, { ...place, userId: actor.userId }, ctx.now());
    await appendEvent(
      tx,
      invitationAccepted({ invitationId: invitation.id, userId: actor.userId, membershipId: member.id }),
    );
    return ok(member);
  });
}

/** Turns the offered place down. */
export async function declineInvitation(
  ctx: Context,
  { token }: { token: string },
): Promise<Result<Invitation, DeclineInvitationRefusal>> {
  const actor = requireSignedIn(ctx.actor);
  return byToken(ctx, token, async (tx, invitation) => {
    const declined = answer(invitation, "DECLINED", actor.userId, ctx.now());
    if (!declined.ok) return declined;
    await saveInvitation(tx, declined.value);
    await appendEvent(tx, invitationDeclined({ invitationId: invitation.id }));
    return declined;
  });
}

/** Finds the token's invitation wherever it is, and acts inside its organization in the actor's name. */
async function byToken<T, Code extends string>(
  ctx: Context,
  token: string,
  act: (tx: Tx, invitation: Invitation) => Promise<Result<T, Code>>,
): Promise<Result<T, Code | "UNKNOWN_TOKEN">> {
  const actor = requireSignedIn(ctx.actor);
  const found = await findByTokenHash(ctx.database.asService(), hashOfToken(token));
  if (!found) return refuse("UNKNOWN_TOKEN", { path: ["token"] });
  const inside = ctx.database.as({ organizationId: found.organizationId, userId: actor.userId });
  return inside.transaction(async (tx): Promise<Result<T, Code | "UNKNOWN_TOKEN">> => {
    const invitation = await lockInvitation(tx, found.organizationId, found.id);
    // Resent meanwhile: this token is the old one.
    if (invitation?.tokenHash !== hashOfToken(token)) return refuse("UNKNOWN_TOKEN", { path: ["token"] });
    return act(tx, invitation);
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
