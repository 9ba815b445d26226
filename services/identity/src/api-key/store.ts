import type { Handle } from "@atrium/database";
import type { PrismaClient } from "../generated/prisma/client";
import type { ApiKey } from "./api-key";

type Db = Handle<PrismaClient>;

const columns = {
  id: true,
  userId: true,
  organizationId: true,
  workspaceId: true,
  name: true,
  hint: true,
  permissions: true,
  createdAt: true,
  expiresAt: true,
  lastUsedAt: true,
  revokedAt: true,
} as const;

export async function insertApiKey(tx: Db, key: ApiKey, hash: Buffer): Promise<void> {
  await tx.apiKey.create({ data: { ...key, hash: new Uint8Array(hash) } });
}

/** Counts the keys that still open, with their owner locked, so that two requests can't both take the last place. */
export async function lockAndCountApiKeys(tx: Db, userId: string, now: Date): Promise<number> {
  await tx.sql("select from user_account where id = $1 for update", [userId]);
  return tx.apiKey.count({
    where: { userId, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
  });
}

/** Locks the key until `tx` ends. Null for another user's. */
export async function lockApiKey(tx: Db, id: string): Promise<ApiKey | null> {
  const locked = await tx.sql("select from api_key where id = $1 for update", [id]);
  return locked.length > 0 ? tx.apiKey.findFirst({ where: { id }, select: columns }) : null;
}

/** Revokes the user's keys that weren't; returns their ids. */
export async function revokeAll(tx: Db, userId: string, revokedAt: Date): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>(
    "update api_key set revoked_at = $2 where user_id = $1 and revoked_at is null returning id",
    [userId, revokedAt],
  );
  return rows.map(({ id }) => id);
}

export async function saveRevocation(tx: Db, id: string, revokedAt: Date): Promise<void> {
  await tx.apiKey.update({ where: { id }, data: { revokedAt } });
}

/** A page of the user's keys that were not revoked, newest first; `after` is the id of the last one seen. */
export const findApiKeys = (
  db: Db,
  userId: string,
  { after, limit }: { after: string | null; limit: number },
): Promise<ApiKey[]> =>
  db.apiKey.findMany({
    where: { userId, revokedAt: null, ...(after && { id: { lt: after } }) },
    select: columns,
    orderBy: { id: "desc" },
    take: limit,
  });

/** The keys that rest as these hashes, usable or not. Needs a service handle: the secret is all that is known. */
export async function findApiKeysByHash(
  service: Db,
  hashes: readonly Buffer[],
): Promise<(ApiKey & { hash: Buffer })[]> {
  const rows = await service.apiKey.findMany({
    where: { hash: { in: hashes.map((hash) => new Uint8Array(hash)) } },
    select: { ...columns, hash: true },
  });
  return rows.map((row) => ({ ...row, hash: Buffer.from(row.hash) }));
}

export async function recordUse(service: Db, ids: readonly string[], now: Date): Promise<void> {
  await service.apiKey.updateMany({ where: { id: { in: [...ids] } }, data: { lastUsedAt: now } });
}
