import type { Tx } from "../context";
import type { ConsentPurpose } from "./consent-purpose";

/** The newest written version of each purpose of some organizations. */
export const findPurposes = (
  tx: Tx,
  organizationIds: readonly string[],
): Promise<(ConsentPurpose & { organizationId: string; definedAt: Date })[]> =>
  tx.sql(
    `select distinct on (organization_id, key) organization_id as "organizationId", key, version,
            legal_basis as "legalBasis", text, defined_at as "definedAt"
       from consent_purpose where organization_id = any ($1::text[]) order by organization_id, key, version desc`,
    [organizationIds],
  );

/** Saves a new version; false when another one was saved meanwhile. */
export async function insertPurpose(
  tx: Tx,
  { organizationId, definedById, ...purpose }: ConsentPurpose & { organizationId: string; definedById: string },
): Promise<boolean> {
  const rows = await tx.sql(
    `insert into consent_purpose (organization_id, key, version, legal_basis, text, defined_by_id, defined_at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning key`,
    [organizationId, purpose.key, purpose.version, purpose.legalBasis, purpose.text, definedById, purpose.definedAt],
  );
  return rows.length === 1;
}
