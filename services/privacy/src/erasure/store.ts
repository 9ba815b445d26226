import type { Tx } from "../context";
import type { ErasedNoun, Erasure, ErasurePart } from "./erasure";

const columns = `id, user_id as "userId", status, reason, requested_at as "requestedAt", due_at as "dueAt",
  ended_at as "endedAt"`;

/** Saves the code that was mailed, in place of any before. */
export const saveCode = (
  tx: Tx,
  { userId, codeHash, triesLeft, expiresAt }: { userId: string; codeHash: Buffer; triesLeft: number; expiresAt: Date },
) =>
  tx.sql(
    `insert into erasure_code (user_id, code_hash, tries_left, expires_at) values ($1, decode($2, 'hex'), $3, $4)
     on conflict (user_id) do update
        set code_hash = excluded.code_hash, tries_left = excluded.tries_left, expires_at = excluded.expires_at`,
    [userId, codeHash.toString("hex"), triesLeft, expiresAt],
  );

/** Locks the person's code until `tx` ends, so that tries at once are counted one by one. */
export async function lockCode(
  tx: Tx,
  userId: string,
): Promise<{ codeHash: Buffer; triesLeft: number; expiresAt: Date } | null> {
  const [row] = await tx.sql<{ codeHash: Buffer; triesLeft: number; expiresAt: Date }>(
    `select code_hash as "codeHash", tries_left as "triesLeft", expires_at as "expiresAt"
       from erasure_code where user_id = $1 for update`,
    [userId],
  );
  return row ?? null;
}

export const countTry = (tx: Tx, userId: string) =>
  tx.sql("update erasure_code set tries_left = tries_left - 1 where user_id = $1", [userId]);

export const deleteCode = (tx: Tx, userId: string) => tx.erasureCode.deleteMany({ where: { userId } });

export const deleteExpiredCodes = (service: Tx, now: Date) =>
  service.erasureCode.deleteMany({ where: { expiresAt: { lt: now } } });

/** Saves a request; false while the person has another one that is open. */
export async function insertErasure(tx: Tx, erasure: Erasure, tokenHash: Buffer): Promise<boolean> {
  const rows = await tx.sql(
    `insert into erasure (id, user_id, status, reason, token_hash, requested_at, due_at)
     values ($1, $2, $3, $4, decode($5, 'hex'), $6, $7) on conflict do nothing returning id`,
    [
      erasure.id,
      erasure.userId,
      erasure.status,
      erasure.reason,
      tokenHash.toString("hex"),
      erasure.requestedAt,
      erasure.dueAt,
    ],
  );
  return rows.length === 1;
}

export async function findErasure(tx: Tx, id: string): Promise<Erasure | null> {
  const [found] = await tx.sql<Erasure>(`select ${columns} from erasure where id = $1`, [id]);
  return found ?? null;
}

/** The erasure that a token stands for; needs a service handle. */
export async function findByTokenHash(service: Tx, tokenHash: Buffer): Promise<Erasure | null> {
  const [found] = await service.sql<Erasure>(`select ${columns} from erasure where token_hash = decode($1, 'hex')`, [
    tokenHash.toString("hex"),
  ]);
  return found ?? null;
}

export async function findOpen(tx: Tx, userId: string): Promise<Erasure | null> {
  const [found] = await tx.sql<Erasure>(
    `select ${columns} from erasure where user_id = $1 and status in ('SCHEDULED', 'DUE')`,
    [userId],
  );
  return found ?? null;
}

export async function lockErasure(tx: Tx, id: string): Promise<Erasure | null> {
  const [found] = await tx.sql<Erasure>(`select ${columns} from erasure where id = $1 for update`, [id]);
  return found ?? null;
}

export const saveErasure = (tx: Tx, { id, status, endedAt }: Erasure) =>
  tx.sql("update erasure set status = $2, ended_at = $3 where id = $1", [id, status, endedAt]);

/** Erasures whose time has come. */
export const listDue = (service: Tx, now: Date, limit: number): Promise<{ id: string; userId: string }[]> =>
  service.sql(
    `select id, user_id as "userId" from erasure where status = 'SCHEDULED' and due_at <= $1 order by due_at limit $2`,
    [now, limit],
  );

/** Erasures with parts that were asked for before `before` and haven't been answered. */
export async function listWaiting(service: Tx, before: Date, limit: number): Promise<string[]> {
  const rows = await service.sql<{ id: string }>(
    `select distinct erasure_id as id from erasure_part where status = 'WAITING' and asked_at < $1 limit $2`,
    [before, limit],
  );
  return rows.map(({ id }) => id);
}

export const insertParts = (tx: Tx, { id, userId }: Erasure, services: readonly string[]) =>
  tx.sql(
    `insert into erasure_part (erasure_id, service, user_id, status, attempt)
     select $1, service, $2, 'PLANNED', 0 from unnest($3::text[]) as planned (service)`,
    [id, userId, services],
  );

export const listParts = (tx: Tx, erasureId: string): Promise<ErasurePart[]> =>
  tx.sql<ErasurePart>(
    `select service, status, attempt, asked_at as "askedAt", answered_at as "answeredAt", nouns from erasure_part
      where erasure_id = $1 order by service`,
    [erasureId],
  );

export const saveAsked = (tx: Tx, erasureId: string, services: readonly string[], askedAt: Date) =>
  tx.sql(
    `update erasure_part set status = 'WAITING', attempt = attempt + 1, asked_at = $3
      where erasure_id = $1 and service = any ($2::text[]) and status in ('PLANNED', 'WAITING')`,
    [erasureId, services, askedAt],
  );

/** Records a service's answer, also a late one; false when it had answered before. */
export async function saveErased(
  tx: Tx,
  erasureId: string,
  { service, nouns, answeredAt }: { service: string; nouns: readonly ErasedNoun[]; answeredAt: Date },
): Promise<boolean> {
  const rows = await tx.sql(
    `update erasure_part set status = 'ERASED', nouns = $3::jsonb, answered_at = $4
      where erasure_id = $1 and service = $2 and status in ('WAITING', 'MISSING') returning service`,
    [erasureId, service, JSON.stringify(nouns), answeredAt],
  );
  return rows.length === 1;
}

export const saveMissing = (tx: Tx, erasureId: string, services: readonly string[]) =>
  tx.sql(
    `update erasure_part set status = 'MISSING'
      where erasure_id = $1 and service = any ($2::text[]) and status = 'WAITING'`,
    [erasureId, services],
  );

/** Takes what a person wrote out of their requests. */
export const forgetReasons = (tx: Tx, userId: string) =>
  tx.sql("update erasure set reason = null where user_id = $1", [userId]);

export async function countErasures(tx: Tx, userId: string): Promise<number> {
  const [row] = await tx.sql<{ count: number }>("select count(*) as count from erasure where user_id = $1", [userId]);
  return row!.count;
}

export const pageOfErasures = (
  tx: Tx,
  userId: string,
  { after, limit }: { after: string; limit: number },
): Promise<Erasure[]> =>
  tx.sql<Erasure>(`select ${columns} from erasure where user_id = $1 and id > $2 order by id limit $3`, [
    userId,
    after,
    limit,
  ]);
