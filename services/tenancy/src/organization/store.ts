import type { Tx } from "../context";
import type { Organization } from "./organization";

const columns = { id: true, name: true, createdAt: true, updatedAt: true } as const;

export const insertOrganization = (tx: Tx, organization: Organization & { foundedForUserId: string | null }) =>
  tx.organization.create({ data: organization });

export const findOrganization = (tx: Tx, id: string): Promise<Organization | null> =>
  tx.organization.findFirst({ where: { id }, select: columns });

export const findOrganizations = (tx: Tx, ids: readonly string[]): Promise<Organization[]> =>
  tx.organization.findMany({ where: { id: { in: [...ids] } }, select: columns });

/** Locks the organization until `tx` ends. Null where the handle may not see it. */
export async function lockOrganization(tx: Tx, id: string): Promise<Organization | null> {
  const [row] = await tx.sql<Organization>(
    `select id, name, created_at as "createdAt", updated_at as "updatedAt" from organization where id = $1 for update`,
    [id],
  );
  return row ?? null;
}

export const saveOrganization = (tx: Tx, { id, name, updatedAt }: Organization) =>
  tx.organization.updateMany({ where: { id }, data: { name, updatedAt } });

/** The organizations that a person belongs to, oldest first: all, or those among some ids. */
export const listOrganizationsOf = (
  tx: Tx,
  userId: string,
  { limit, after }: { limit: number; after: string | null },
  among: readonly string[] | null = null,
): Promise<Organization[]> =>
  tx.organization.findMany({
    where: {
      members: { some: { userId } },
      id: { ...(after && { gt: after }), ...(among && { in: [...among] }) },
    },
    select: columns,
    orderBy: { id: "asc" },
    take: limit,
  });

/** Whether a first organization was founded for this person, by this or an earlier delivery of the same event. */
export async function claimFirstOrganization(tx: Tx, organization: Organization, userId: string): Promise<boolean> {
  const rows = await tx.sql(
    `insert into organization (id, name, founded_for_user_id, created_at, updated_at)
     values ($1, $2, $3, $4, $4) on conflict (founded_for_user_id) do nothing returning id`,
    [organization.id, organization.name, userId, organization.createdAt],
  );
  return rows.length === 1;
}
