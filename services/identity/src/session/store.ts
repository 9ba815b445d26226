import type { Handle } from "@atrium/database";
import type { PrismaClient } from "../generated/prisma/client";
import type { PresentedToken, Session, SessionEndCause, Standing } from "./session";

type Db = Handle<PrismaClient>;

const sessionColumns = {
  id: true,
  userId: true,
  organizationId: true,
  workspaceId: true,
  device: true,
  createdAt: true,
  lastUsedAt: true,
  expiresAt: true,
  endedAt: true,
} as const;

export async function insertSession(tx: Db, session: Session): Promise<void> {
  await tx.session.create({ data: session });
}

/** Null where the handle's user has no such session. */
export const findSession = (db: Db, id: string): Promise<Session | null> =>
  db.session.findFirst({ where: { id }, select: sessionColumns });

/** Locks the session until `tx` ends, and with it the family of its refresh tokens. Null for another user's. */
export async function lockSession(tx: Db, id: string): Promise<Session | null> {
  const locked = await tx.sql("select from session where id = $1 for update", [id]);
  return locked.length > 0 ? findSession(tx, id) : null;
}

/** Locks the user's living sessions, oldest first, so that two who end them all don't wait for each other. */
export async function lockLivingSessions(tx: Db, userId: string, now: Date): Promise<Session[]> {
  await tx.sql(
    "select from session where user_id = $1 and ended_at is null and expires_at > $2 order by id for update",
    [userId, now],
  );
  return tx.session.findMany({
    where: { userId, endedAt: null, expiresAt: { gt: now } },
    select: sessionColumns,
    orderBy: { id: "asc" },
  });
}

export async function saveEnd(tx: Db, id: string, endCause: SessionEndCause, endedAt: Date): Promise<void> {
  await tx.session.update({ where: { id }, data: { endedAt, endCause } });
}

export async function saveUse(tx: Db, id: string, lastUsedAt: Date, expiresAt: Date): Promise<void> {
  await tx.session.update({ where: { id }, data: { lastUsedAt, expiresAt } });
}

export async function saveStanding(tx: Db, id: string, { organizationId, workspaceId }: Standing): Promise<void> {
  await tx.session.update({ where: { id }, data: { organizationId, workspaceId } });
}

/** A page of the user's living sessions, newest first; `after` is the id of the last one seen. */
export const findLivingSessions = (
  db: Db,
  userId: string,
  { now, after, limit }: { now: Date; after: string | null; limit: number },
): Promise<Session[]> =>
  db.session.findMany({
    where: { userId, endedAt: null, expiresAt: { gt: now }, ...(after && { id: { lt: after } }) },
    select: sessionColumns,
    orderBy: { id: "desc" },
    take: limit,
  });

/** Of these sessions, those that live. Asked for every request that reaches the gateway. */
export async function findLiveSessionIds(service: Db, ids: readonly string[], now: Date): Promise<string[]> {
  const rows = await service.sql<{ id: string }>(
    "select id from session where id = any ($1) and ended_at is null and expires_at > $2",
    [ids, now],
  );
  return rows.map(({ id }) => id);
}

export async function insertRefreshToken(
  tx: Db,
  token: { id: string; sessionId: string; userId: string; hash: Buffer; createdAt: Date },
): Promise<void> {
  await tx.refreshToken.create({ data: { ...token, hash: new Uint8Array(token.hash) } });
}

/** Whose token this is. Needs a service handle: the token is all that is known. */
export const findRefreshToken = (
  service: Db,
  hash: Buffer,
): Promise<{ id: string; sessionId: string; userId: string } | null> =>
  service.refreshToken.findFirst({
    where: { hash: new Uint8Array(hash) },
    select: { id: true, sessionId: true, userId: true },
  });

/** How far the token has come. Read it with the session locked. */
export async function findExchange(
  tx: Db,
  id: string,
): Promise<(PresentedToken & { successorId: string | null }) | null> {
  const [row] = await tx.sql<{ replaced_at: Date | null; successor_id: string | null; successor_replaced: boolean }>(
    `select token.replaced_at, token.successor_id, successor.replaced_at is not null as successor_replaced
     from refresh_token token left join refresh_token successor on successor.id = token.successor_id
     where token.id = $1`,
    [id],
  );
  if (!row) return null;
  return { replacedAt: row.replaced_at, successorId: row.successor_id, successorReplaced: row.successor_replaced };
}

export async function saveExchange(tx: Db, id: string, successorId: string, replacedAt: Date): Promise<void> {
  await tx.refreshToken.update({ where: { id }, data: { replacedAt, successorId } });
}

/** Deletes what nobody can use any more, some of it at a time; returns how many rows went. */
export async function deletePast(service: Db, before: Date, limit: number): Promise<number> {
  const sessions = await service.sql(
    `delete from session where id in (
       select id from session where expires_at < $1 or ended_at < $1 limit $2
     ) returning 1`,
    [before, limit],
  );
  const tokens = await service.sql(
    "delete from refresh_token where id in (select id from refresh_token where replaced_at < $1 limit $2) returning 1",
    [before, limit],
  );
  // A guest without a session can never come back.
  const guests = await service.sql(
    `delete from user_account where id in (
       select id from user_account guest where kind = 'GUEST' and created_at < $1
       and not exists (select from session where user_id = guest.id) limit $2
     ) returning 1`,
    [before, limit],
  );
  return sessions.length + tokens.length + guests.length;
}
