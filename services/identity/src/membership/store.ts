import type { Handle } from "@atrium/database";
import type { PrismaClient } from "../generated/prisma/client";
import type { Membership } from "./membership";

type Db = Handle<PrismaClient>;

export async function saveMembership(tx: Db, membership: Membership): Promise<void> {
  const { id, ...rest } = membership;
  await tx.membership.upsert({ where: { id }, create: membership, update: rest });
}

export async function deleteMembership(tx: Db, id: string): Promise<void> {
  await tx.membership.deleteMany({ where: { id } });
}

export async function deleteMembershipsOf(tx: Db, organizationId: string): Promise<void> {
  await tx.membership.deleteMany({ where: { organizationId } });
}

export const findMemberships = (db: Db, userId: string, organizationId: string): Promise<Membership[]> =>
  db.membership.findMany({ where: { userId, organizationId } });
