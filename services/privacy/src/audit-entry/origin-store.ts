import type { Tx } from "../context";
import { separator, type AuditOrigin } from "./audit-entry";

export interface StoredOrigin extends AuditOrigin {
  chain: string;
  number: number;
  /** Whose it is, and with whom it is erased. */
  personId: string;
  /** In hexadecimal. */
  salt: string;
  recordedAt: Date;
}

export async function insertOrigins(tx: Tx, origins: readonly StoredOrigin[]): Promise<void> {
  await tx.sql(
    `insert into audit_origin (chain, number, person_id, network, user_agent, salt, recorded_at)
     select chain, number, person_id, network, user_agent, decode(salt, 'hex'), recorded_at
       from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
         as o (chain, number, person_id, network, user_agent, salt, recorded_at)`,
    [
      origins.map(({ chain }) => chain),
      origins.map(({ number }) => number),
      origins.map(({ personId }) => personId),
      origins.map(({ network }) => network),
      origins.map(({ userAgent }) => userAgent),
      origins.map(({ salt }) => salt),
      origins.map(({ recordedAt }) => recordedAt),
    ],
  );
}

interface Place {
  chain: string;
  number: number;
}

/** Adds to each entry where its request came from, as far as that is known. */
export async function withOrigins<Entry extends Place>(
  tx: Tx,
  entries: readonly Entry[],
): Promise<(Entry & AuditOrigin)[]> {
  const rows = await tx.sql<Place & AuditOrigin>(
    `select chain, number, network, user_agent as "userAgent"
       from unnest($1::text[], $2::bigint[]) as wanted (chain, number) join audit_origin using (chain, number)`,
    [entries.map(({ chain }) => chain), entries.map(({ number }) => number)],
  );
  const found = new Map(rows.map((row) => [`${row.chain} ${row.number}`, row]));
  return entries.map((entry) => {
    const { network = null, userAgent = null } = found.get(`${entry.chain} ${entry.number}`) ?? {};
    return { ...entry, network, userAgent };
  });
}

/** The first entry of a range whose origin isn't what it was recorded with. One that has been erased tells nothing. */
export async function findAlteredOrigin(
  tx: Tx,
  chain: string,
  { from, to }: { from: number; to: number },
): Promise<number | null> {
  const [row] = await tx.sql<{ number: number }>(
    `select o.number from audit_origin o left join audit_entry e using (chain, number, recorded_at)
      where o.chain = $1 and o.number between $2 and $3
        and (o.person_id is distinct from coalesce(e.actor_id, e.subject)
          or e.origin_hash is distinct from sha256(convert_to(
               encode(o.salt, 'hex') || '${separator}' || coalesce(o.network, '') || '${separator}' ||
               coalesce(o.user_agent, ''), 'UTF8')))
      order by o.number limit 1`,
    [chain, from, to],
  );
  return row?.number ?? null;
}

/** Erases where a person's requests came from; returns of how many. The entries and their chain stay. */
export async function eraseOrigins(tx: Tx, personId: string): Promise<number> {
  const rows = await tx.sql("delete from audit_origin where person_id = $1 returning 1", [personId]);
  return rows.length;
}

/** Removes what belongs to entries that have been kept for long enough. */
export const dropOldOrigins = async (service: Tx): Promise<void> =>
  void (await service.sql("delete from audit_origin where recorded_at < now() - interval '7 years'"));
