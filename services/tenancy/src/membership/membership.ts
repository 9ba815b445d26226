import { ok, refuse, type Result } from "@atrium/errors";

/** A person's place in an organization. */
export interface OrganizationMember {
  id: string;
  organizationId: string;
  userId: string;
  role: string;
  createdAt: Date;
}

/** A person's place in a workspace of an organization that they belong to. */
export interface WorkspaceMember {
  id: string;
  organizationId: string;
  workspaceId: string;
  userId: string;
  role: string;
  createdAt: Date;
}

/** Somebody who changes memberships: their role, and what it lets them do. */
export interface Standing {
  userId: string;
  role: string;
  permissions: readonly string[];
}

/** Organization roles from the highest to the lowest: nobody touches somebody above them. */
const ranks = ["owner", "admin", "member", "guest"];
export const rankOf = (role: string): number => {
  const rank = ranks.indexOf(role);
  return rank === -1 ? ranks.length : rank;
};

export const ChangeMemberRoleRefusal = {
  NO_SUCH_ROLE: "There is no such role.",
  ABOVE_YOU: "Nobody changes the role of someone above them.",
  MORE_THAN_YOU_HOLD: "Nobody can grant what they don't hold.",
  LAST_OWNER: "An organization keeps at least one owner.",
} as const;
export type ChangeMemberRoleRefusal = keyof typeof ChangeMemberRoleRefusal;

/** Decides whether `by` may give `member` the role; `ownerCount` counts the organization's owners before the change. */
export function changeRole(
  member: OrganizationMember,
  role: string,
  by: Standing,
  ownerCount: number,
): Result<OrganizationMember, ChangeMemberRoleRefusal> {
  if (!ranks.includes(role)) return refuse("NO_SUCH_ROLE", { path: ["role"] });
  if (rankOf(member.role) < rankOf(by.role)) return refuse("ABOVE_YOU", { path: ["memberId"] });
  if (rankOf(role) < rankOf(by.role)) return refuse("MORE_THAN_YOU_HOLD", { path: ["role"] });
  if (member.role === "owner" && role !== "owner" && ownerCount <= 1)
    return refuse("LAST_OWNER", { path: ["memberId"] });
  return ok({ ...member, role });
}

export const RemoveMemberRefusal = {
  ABOVE_YOU: ChangeMemberRoleRefusal.ABOVE_YOU,
  LAST_OWNER: ChangeMemberRoleRefusal.LAST_OWNER,
} as const;
export type RemoveMemberRefusal = keyof typeof RemoveMemberRefusal;

/** Decides whether `by` may end this membership; one's own may always be ended but the last owner's. */
export function remove(
  member: OrganizationMember,
  by: Pick<Standing, "userId" | "role">,
  ownerCount: number,
): Result<OrganizationMember, RemoveMemberRefusal> {
  if (member.userId !== by.userId && rankOf(member.role) < rankOf(by.role)) return refuse("ABOVE_YOU");
  if (member.role === "owner" && ownerCount <= 1) return refuse("LAST_OWNER");
  return ok(member);
}

export const TransferOwnershipRefusal = {
  NOT_AN_OWNER: "Only an owner can hand over ownership.",
  ALREADY_OWNER: "This person already owns the organization.",
} as const;
export type TransferOwnershipRefusal = keyof typeof TransferOwnershipRefusal;

/** Decides the two new roles when `from` hands the organization over to `to`: the giver becomes an administrator. */
export function transferOwnership(
  from: OrganizationMember,
  to: OrganizationMember,
): Result<{ from: OrganizationMember; to: OrganizationMember }, TransferOwnershipRefusal> {
  if (from.role !== "owner") return refuse("NOT_AN_OWNER");
  if (to.role === "owner") return refuse("ALREADY_OWNER", { path: ["memberId"] });
  return ok({ from: { ...from, role: "admin" }, to: { ...to, role: "owner" } });
}

export const AddWorkspaceMemberRefusal = {
  NOT_A_MEMBER: "This person doesn't belong to the organization; invite them first.",
  ALREADY_MEMBER: "This person is in the workspace already.",
  NO_SUCH_ROLE: "There is no such role in a workspace.",
  MORE_THAN_YOU_HOLD: "Nobody can grant what they don't hold.",
} as const;
export type AddWorkspaceMemberRefusal = keyof typeof AddWorkspaceMemberRefusal;
const { MORE_THAN_YOU_HOLD, NO_SUCH_ROLE } = AddWorkspaceMemberRefusal;

export const ChangeWorkspaceRoleRefusal = { NO_SUCH_ROLE, MORE_THAN_YOU_HOLD } as const;
export type ChangeWorkspaceRoleRefusal = keyof typeof ChangeWorkspaceRoleRefusal;

export const RemoveWorkspaceMemberRefusal = { MORE_THAN_YOU_HOLD } as const;
export type RemoveWorkspaceMemberRefusal = keyof typeof RemoveWorkspaceMemberRefusal;
