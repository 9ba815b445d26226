import { createHash, randomBytes } from "node:crypto";
import { newId } from "@atrium/ids";
import { ok, refuse, type Result } from "@atrium/errors";

/** `EXPIRED` is written when a new invitation takes the place of one that wasn't answered in time. */
export type InvitationStatus = "PENDING" | "ACCEPTED" | "DECLINED" | "REVOKED" | "EXPIRED";

export interface WorkspaceRoleGrant {
  workspaceId: string;
  role: string;
}

/** A place in an organization that somebody is asked to take. */
export interface Invitation {
  id: string;
  organizationId: string;
  /** Who is invited: an address or a user, never both. */
  email: string | null;
  userId: string | null;
  organizationRole: string;
  workspaceRoles: readonly WorkspaceRoleGrant[];
  /** SHA-256 of the token; the token itself is shown once and kept nowhere. */
  tokenHash: string;
  status: InvitationStatus;
  invitedById: string;
  createdAt: Date;
  expiresAt: Date;
  decidedAt: Date | null;
}

const lifetimeMs = 7 * 24 * 60 * 60 * 1000;

/** The hash under which an invitation is found by its token. */
export const hashOfToken = (token: string): string => createHash("sha256").update(token).digest("hex");

/** A new invitation and its token of 256 random bits. */
export function invite(
  place: Pick<
    Invitation,
    "organizationId" | "email" | "userId" | "organizationRole" | "workspaceRoles" | "invitedById"
  >,
  now: Date,
): { invitation: Invitation; token: string } {
  const token = newToken();
  const invitation: Invitation = {
    ...place,
    id: newId("inv"),
    tokenHash: hashOfToken(token),
    status: "PENDING",
    createdAt: now,
    expiresAt: new Date(now.getTime() + lifetimeMs),
    decidedAt: null,
  };
  return { invitation, token };
}

/** The same invitation, from whoever resends it, under a new token and seven days more; the old token is worthless. */
export function resend(
  invitation: Invitation,
  invitedById: string,
  now: Date,
): Result<{ invitation: Invitation; token: string }, RevokeInvitationRefusal> {
  if (invitation.status !== "PENDING") return refuse("ALREADY_DECIDED", { path: ["invitationId"] });
  const token = newToken();
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  return ok({ invitation: { ...invitation, invitedById, tokenHash: hashOfToken(token), expiresAt }, token });
}

export const InviteMemberRefusal = {
  ALREADY_MEMBER: "This person is a member already.",
  ALREADY_INVITED: "This person has an open invitation; resend it instead.",
  NO_SUCH_ROLE: "There is no such role.",
  NO_SUCH_WORKSPACE: "There is no such workspace in this organization.",
  MORE_THAN_YOU_HOLD: "Nobody can grant what they don't hold.",
} as const;
export type InviteMemberRefusal = keyof typeof InviteMemberRefusal;

export const RevokeInvitationRefusal = {
  ALREADY_DECIDED: "This invitation has been accepted, declined, revoked or replaced.",
} as const;
export type RevokeInvitationRefusal = keyof typeof RevokeInvitationRefusal;

export const ResendInvitationRefusal = {
  ALREADY_DECIDED: RevokeInvitationRefusal.ALREADY_DECIDED,
  MORE_THAN_YOU_HOLD: InviteMemberRefusal.MORE_THAN_YOU_HOLD,
} as const;
export type ResendInvitationRefusal = keyof typeof ResendInvitationRefusal;

export const AcceptInvitationRefusal = {
  UNKNOWN_TOKEN: "This invitation doesn't exist.",
  ALREADY_DECIDED: RevokeInvitationRefusal.ALREADY_DECIDED,
  EXPIRED: "This invitation has expired; ask for a new one.",
  NOT_YOURS: "This invitation is for somebody else.",
  ALREADY_MEMBER: "You are a member already.",
  NO_LONGER_OFFERED: "Whoever sent this invitation may not offer this any more; ask for a new one.",
  GUEST: "A guest can't join an organization; sign up first.",
} as const;
export type AcceptInvitationRefusal = keyof typeof AcceptInvitationRefusal;

export const DeclineInvitationRefusal = {
  UNKNOWN_TOKEN: AcceptInvitationRefusal.UNKNOWN_TOKEN,
  ALREADY_DECIDED: AcceptInvitationRefusal.ALREADY_DECIDED,
  EXPIRED: AcceptInvitationRefusal.EXPIRED,
  NOT_YOURS: AcceptInvitationRefusal.NOT_YOURS,
  GUEST: AcceptInvitationRefusal.GUEST,
} as const;
export type DeclineInvitationRefusal = keyof typeof DeclineInvitationRefusal;

/**
 * Decides whether this person may answer the invitation now. An invitation by address is for whoever holds its token;
 * one by user is for that user alone.
 */
export function answer(
  invitation: Invitation,
  status: "ACCEPTED" | "DECLINED",
  userId: string,
  now: Date,
): Result<Invitation, "NOT_YOURS" | "ALREADY_DECIDED" | "EXPIRED"> {
  if (invitation.userId !== null && invitation.userId !== userId) return refuse("NOT_YOURS", { path: ["token"] });
  if (invitation.status === "EXPIRED") return refuse("EXPIRED", { path: ["token"] });
  if (invitation.status !== "PENDING") return refuse("ALREADY_DECIDED", { path: ["token"] });
  if (invitation.expiresAt <= now) return refuse("EXPIRED", { path: ["token"] });
  return ok({ ...invitation, status, decidedAt: now });
}

/** Decides whether the invitation may be taken back. */
export function revoke(invitation: Invitation, now: Date): Result<Invitation, RevokeInvitationRefusal> {
  if (invitation.status !== "PENDING") return refuse("ALREADY_DECIDED", { path: ["invitationId"] });
  return ok({ ...invitation, status: "REVOKED", decidedAt: now });
}

const newToken = () => randomBytes(32).toString("base64url");
