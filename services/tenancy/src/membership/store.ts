import type { Tx } from "../context";
import type { OrganizationMember, WorkspaceMember } from "./membership";

/** A person's membership of an organization; null when there is none that this handle may see. */
export const findMember = (tx: Tx, organizationId: string, userId: string): Promise<OrganizationMember | null> =>
  tx.organizationMember.findFirst({ where: { organizationId, userId } });

/** Locks the membership until `tx` ends. Null outside this organization. */
export async function lockMember(tx: Tx, organizationId: string, id: string): Promise<OrganizationMember | null> {
  const [row] = await tx.sql<OrganizationMember>(
    `select id, organization_id as "organizationId", user_id as "userId", role, created_at as "createdAt"
       from organization_member where organization_id = $1 and id = $2 for update`,
    [organizationId, id],
  );
  return row ?? null;
}

/**
 * Makes changes of an organization's members queue up until `tx` ends, so that two owners who demote or remove each
 * other at once can't both succeed. Returns how many owners there are.
 */
export async function lockMemberships(tx: Tx, organizationId: string): Promise<number> {
  await tx.sql(`select id from organization where id = $1 for no key update`, [organizationId]);
  return tx.organizationMember.count({ where: { organizationId, role: "owner" } });
}

/** Keeps somebody's membership from ending until `tx` ends. False for somebody who isn't a member. */
export async function holdMember(tx: Tx, organizationId: string, userId: string): Promise<boolean> {
  const rows = await tx.sql(
    `select id from organization_member where organization_id = $1 and user_id = $2 for key share`,
    [organizationId, userId],
  );
  return rows.length === 1;
}

/** Saves a new membership; false when this person is a member already. */
export const insertMember = async (tx: Tx, member: OrganizationMember): Promise<boolean> =>
  (await tx.organizationMember.createMany({ data: member, skipDuplicates: true })).count === 1;

export const saveMemberRole = (tx: Tx, { organizationId, id, role }: OrganizationMember) =>
  tx.organizationMember.updateMany({ where: { organizationId, id }, data: { role } });

/** Ends the membership, and with it the person's places in the organization's workspaces. */
export const deleteMember = (tx: Tx, { organizationId, id }: OrganizationMember) =>
  tx.organizationMember.deleteMany({ where: { organizationId, id } });

export const listMembers = (
  tx: Tx,
  organizationId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<OrganizationMember[]> =>
  tx.organizationMember.findMany({
    where: { organizationId, ...(after && { id: { gt: after } }) },
    orderBy: { id: "asc" },
    take: limit,
  });

/** A person's places in the workspaces of one organization. */
export const findPlaces = (tx: Tx, organizationId: string, userId: string): Promise<WorkspaceMember[]> =>
  tx.workspaceMember.findMany({ where: { organizationId, userId }, orderBy: { id: "asc" } });

/** Somebody's role in a workspace, null for none; nothing at all where the organization has no such workspace. */
export async function findRoleInWorkspace(
  tx: Tx,
  { organizationId, workspaceId, userId }: { organizationId: string; workspaceId: string; userId: string },
): Promise<{ role: string | null } | null> {
  const [row] = await tx.sql<{ role: string | null }>(
    `select w.role from workspace s
       left join workspace_member w on w.organization_id = s.organization_id and w.workspace_id = s.id and w.user_id = $3
      where s.organization_id = $1 and s.id = $2`,
    [organizationId, workspaceId, userId],
  );
  return row ?? null;
}

/** Locks the place until `tx` ends. Null outside this organization. */
export async function lockPlace(tx: Tx, organizationId: string, id: string): Promise<WorkspaceMember | null> {
  const [row] = await tx.sql<WorkspaceMember>(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", user_id as "userId", role,
            created_at as "createdAt"
       from workspace_member where organization_id = $1 and id = $2 for update`,
    [organizationId, id],
  );
  return row ?? null;
}

/** Saves a new place; false when this person has one in the workspace already. */
export const insertPlace = async (tx: Tx, place: WorkspaceMember): Promise<boolean> =>
  (await tx.workspaceMember.createMany({ data: place, skipDuplicates: true })).count === 1;

export const savePlaceRole = (tx: Tx, { organizationId, id, role }: WorkspaceMember) =>
  tx.workspaceMember.updateMany({ where: { organizationId, id }, data: { role } });

export const deletePlace = (tx: Tx, { organizationId, id }: WorkspaceMember) =>
  tx.workspaceMember.deleteMany({ where: { organizationId, id } });

export const listPlaces = (
  tx: Tx,
  organizationId: string,
  workspaceId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<WorkspaceMember[]> =>
  tx.workspaceMember.findMany({
    where: { organizationId, workspaceId, ...(after && { id: { gt: after } }) },
    orderBy: { id: "asc" },
    take: limit,
  });

export interface AskedMembership {
  userId: string;
  organizationId: string;
  workspaceId: string | null;
}

export interface RolesThere {
  organizationRole: string | null;
  workspaceRole: string | null;
  workspaceExists: boolean;
}

/** The roles that each of these people holds there, in the order of the question; needs the service's own handle. */
export async function findRoles(service: Tx, asked: readonly AskedMembership[]): Promise<RolesThere[]> {
  return service.sql<RolesThere>(
    `select m.role as "organizationRole", w.role as "workspaceRole", s.id is not null as "workspaceExists"
       from unnest($1::text[], $2::text[], $3::text[]) with ordinality as q (user_id, organization_id, workspace_id, place)
       left join organization_member m on m.organization_id = q.organization_id and m.user_id = q.user_id
       left join workspace s on s.organization_id = q.organization_id and s.id = q.workspace_id
       left join workspace_member w on w.organization_id = q.organization_id and w.workspace_id = q.workspace_id
                                   and w.user_id = q.user_id
      order by q.place`,
    [
      asked.map(({ userId }) => userId),
      asked.map(({ organizationId }) => organizationId),
      asked.map(({ workspaceId }) => workspaceId),
    ],
  );
}

export interface DefaultContext {
  organizationId: string;
  workspaceId: string | null;
}

/**
 * Where each of these people begins: their oldest organization, and its oldest workspace that they may enter. Null for
 * somebody who belongs to none. Needs the service's own handle.
 */
export async function findDefaultContexts(
  service: Tx,
  userIds: readonly string[],
  rolesThatEnterAll: readonly string[],
): Promise<(DefaultContext | null)[]> {
  const rows = await service.sql<{ organizationId: string | null; workspaceId: string | null }>(
    `select m.organization_id as "organizationId", s.id as "workspaceId"
       from unnest($1::text[]) with ordinality as q (user_id, place)
       left join lateral (select * from organization_member m where m.user_id = q.user_id
                           order by m.created_at, m.id limit 1) m on true
       left join lateral (select s.id from workspace s
                           where s.organization_id = m.organization_id
                             and (m.role = any ($2::text[])
                                  or exists (select from workspace_member w
                                              where w.workspace_id = s.id and w.user_id = q.user_id))
                           order by s.created_at, s.id limit 1) s on true
      order by q.place`,
    [userIds, rolesThatEnterAll],
  );
  return rows.map(({ organizationId, workspaceId }) => (organizationId ? { organizationId, workspaceId } : null));
}
