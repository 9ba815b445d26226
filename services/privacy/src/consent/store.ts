import type { Tx } from "../context";
import type { Consent, ConsentRecord } from "./consent";

const columns = `purpose, purpose_version as "purposeVersion", given, method, recorded_at as "recordedAt"`;

interface Owner {
  organizationId: string;
  userId: string;
}

/** Lets the newest decision count; false when it is what counted already. Locks it until `tx` ends. */
export async function saveConsent(tx: Tx, { organizationId, userId }: Owner, consent: Consent): Promise<boolean> {
  const rows = await tx.sql(
    `insert into consent (organization_id, user_id, purpose, purpose_version, given, method, recorded_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (organization_id, user_id, purpose) do update
        set purpose_version = excluded.purpose_version, given = excluded.given, method = excluded.method,
            recorded_at = excluded.recorded_at
      where (consent.purpose_version, consent.given) is distinct from (excluded.purpose_version, excluded.given)
     returning purpose`,
    [
      organizationId,
      userId,
      consent.purpose,
      consent.purposeVersion,
      consent.given,
      consent.method,
      consent.recordedAt,
    ],
  );
  return rows.length === 1;
}

export const insertRecord = (tx: Tx, owner: Owner, record: ConsentRecord) =>
  tx.consentRecord.create({ data: { ...record, ...owner } });

export const listConsents = (tx: Tx, { organizationId, userId }: Owner): Promise<Consent[]> =>
  tx.sql<Consent>(`select ${columns} from consent where organization_id = $1 and user_id = $2 order by purpose`, [
    organizationId,
    userId,
  ]);

/** A person's decisions in one organization, newest first. */
export const listRecords = (
  tx: Tx,
  { organizationId, userId }: Owner,
  { limit, after }: { limit: number; after: number | null },
): Promise<(ConsentRecord & { position: number })[]> =>
  tx.sql(
    `select id, position, ${columns}, user_agent as "userAgent", address from consent_record
      where organization_id = $1 and user_id = $2 and ($3::bigint is null or position < $3)
      order by position desc limit $4`,
    [organizationId, userId, after, limit],
  );

/** To which version each of these people has agreed in their organization; null where they haven't. In order. */
export async function findGivenVersions(
  service: Tx,
  people: readonly Owner[],
  purpose: string,
): Promise<(number | null)[]> {
  const rows = await service.sql<{ version: number | null }>(
    `select c.purpose_version as version
       from unnest($1::text[], $2::text[]) with ordinality as asked (organization_id, user_id, place)
       left join consent c on c.organization_id = asked.organization_id and c.user_id = asked.user_id
        and c.purpose = $3 and c.given
      order by asked.place`,
    [people.map(({ organizationId }) => organizationId), people.map(({ userId }) => userId), purpose],
  );
  return rows.map(({ version }) => version);
}
