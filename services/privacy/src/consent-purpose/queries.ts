import type { Context, Tx } from "../context";
import { withBuiltIn, type ConsentPurpose } from "./consent-purpose";
import { requireMember } from "./policy";
import { findPurposes } from "./store";

/** What the actor's organization asks people for, as it says now. */
export function consentPurposes({ actor, db }: Context): Promise<ConsentPurpose[]> {
  return purposesOf(db, requireMember(actor).organizationId);
}

export const purposesOf = async (db: Tx, organizationId: string): Promise<ConsentPurpose[]> =>
  withBuiltIn(await findPurposes(db, [organizationId]));

/** The version that counts of one purpose, by organization; null where there is no such purpose. */
export async function currentVersions(
  service: Tx,
  organizationIds: readonly string[],
  key: string,
): Promise<Map<string, number | null>> {
  const written = await findPurposes(service, [...new Set(organizationIds)]);
  return new Map(
    organizationIds.map((organizationId) => {
      const own = written.filter((purpose) => purpose.organizationId === organizationId);
      return [organizationId, withBuiltIn(own).find((purpose) => purpose.key === key)?.version ?? null];
    }),
  );
}
