import type { Tx } from "../context";
import type { Consent } from "./consent";

/** Keeps what was said last: events may be repeated, and come late. */
export async function saveConsent(
  tx: Tx,
  organizationId: string,
  userId: string,
  { given, purposeVersion }: Consent,
  eventId: string,
): Promise<void> {
  await tx.sql(
    `insert into analytics_consent (organization_id, user_id, given, purpose_version, event_id)
     values ($1, $2, $3, $4, $5)
     on conflict (organization_id, user_id) do update
       set given = excluded.given, purpose_version = excluded.purpose_version, event_id = excluded.event_id
       where analytics_consent.event_id < excluded.event_id`,
    [organizationId, userId, given, purposeVersion, eventId],
  );
}

export async function saveVersion(tx: Tx, organizationId: string, version: number): Promise<void> {
  await tx.sql(
    `insert into analytics_purpose (organization_id, version) values ($1, $2)
     on conflict (organization_id) do update set version = greatest(analytics_purpose.version, excluded.version)`,
    [organizationId, version],
  );
}

/** Locked until `tx` ends: a withdrawal waits for what is collected now, and then deletes that too. */
export async function lockConsent(
  tx: Tx,
  organizationId: string,
  userId: string,
): Promise<{ consent: Consent | null; versionNow: number }> {
  const [row] = await tx.sql<Consent & { [column: string]: unknown }>(
    `select given, purpose_version as "purposeVersion" from analytics_consent
     where organization_id = $1 and user_id = $2 for share`,
    [organizationId, userId],
  );
  const [purpose] = await tx.sql<{ version: number }>(
    "select coalesce(max(version), 1) as version from analytics_purpose where organization_id in ('', $1)",
    [organizationId],
  );
  return { consent: row ?? null, versionNow: purpose!.version };
}
