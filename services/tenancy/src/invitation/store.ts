import type { Tx } from "../context";
import type { Invitation, InvitationStatus, WorkspaceRoleGrant } from "./invitation";

interface Row extends Omit<Invitation, "workspaceRoles" | "status"> {
  workspaceRoles: unknown;
  status: string;
}

const toInvitation = (row: Row): Invitation => ({
  ...row,
  workspaceRoles: row.workspaceRoles as WorkspaceRoleGrant[],
  status: row.status as InvitationStatus,
});

const columns = `id, organization_id as "organizationId", email, user_id as "userId",
  organization_role as "organizationRole", workspace_roles as "workspaceRoles", token_hash as "tokenHash", status,
  invited_by_id as "invitedById", created_at as "createdAt", expires_at as "expiresAt", decided_at as "decidedAt"`;

/** Saves a new invitation; false when this person has an open one to the same organization. */
export async function insertInvitation(tx: Tx, invitation: Invitation): Promise<boolean> {
  const rows = await tx.sql(
    `insert into invitation (id, organization_id, email, user_id, organization_role, workspace_roles, token_hash,
                             status, invited_by_id, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing returning id`,
    [
      invitation.id,
      invitation.organizationId,
      invitation.email,
      invitation.userId,
      invitation.organizationRole,
      JSON.stringify(invitation.workspaceRoles),
      invitation.tokenHash,
      invitation.status,
      invitation.invitedById,
      invitation.createdAt,
      invitation.expiresAt,
    ],
  );
  return rows.length === 1;
}

/** Locks the invitation until `tx` ends. Null outside this organization. */
export async function lockInvitation(tx: Tx, organizationId: string, id: string): Promise<Invitation | null> {
  const [row] = await tx.sql<Row>(
    `select ${columns} from invitation where organization_id = $1 and id = $2 for update`,
    [organizationId, id],
  );
  return row ? toInvitation(row) : null;
}

/** Which invitation a token opens, in whichever organization; needs the service's own handle. */
export async function findByTokenHash(
  service: Tx,
  tokenHash: string,
): Promise<Pick<Invitation, "id" | "organizationId"> | null> {
  const [row] = await service.sql<Pick<Invitation, "id" | "organizationId">>(
    `select id, organization_id as "organizationId" from invitation where token_hash = $1`,
    [tokenHash],
  );
  return row ?? null;
}

export const saveInvitation = (tx: Tx, invitation: Invitation) =>
  tx.invitation.updateMany({
    where: { organizationId: invitation.organizationId, id: invitation.id },
    data: {
      status: invitation.status,
      invitedById: invitation.invitedById,
      tokenHash: invitation.tokenHash,
      expiresAt: invitation.expiresAt,
      decidedAt: invitation.decidedAt,
    },
  });

/** Closes what has expired for this person, so that they can be invited again. Returns its ids. */
export async function closeExpired(
  tx: Tx,
  { organizationId, email, userId }: Invitation,
  now: Date,
): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>(
    `update invitation set status = 'EXPIRED'
      where organization_id = $1 and email is not distinct from $2 and user_id is not distinct from $3
        and status = 'PENDING' and expires_at <= $4
      returning id`,
    [organizationId, email, userId, now],
  );
  return rows.map(({ id }) => id);
}

/** An organization's invitations, newest first. */
export const listInvitations = async (
  tx: Tx,
  organizationId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<Invitation[]> =>
  (
    await tx.invitation.findMany({
      where: { organizationId, ...(after && { id: { lt: after } }) },
      orderBy: { id: "desc" },
      take: limit,
    })
  ).map(toInvitation);
