import type { Context } from "../context";
import { requireMember } from "../consent-purpose/policy";
import { currentVersions } from "../consent-purpose/queries";
import type { Consent, ConsentRecord } from "./consent";
import { findGivenVersions, listConsents, listRecords } from "./store";

/** How the actor stands to the purposes of their organization; what they weren't asked for isn't there. */
export const viewerConsents = ({ actor, db }: Context): Promise<Consent[]> => listConsents(db, requireMember(actor));

/** Everything that the actor has decided in their organization, newest first. */
export const consentHistory = (
  { actor, db }: Context,
  page: { limit: number; after: number | null },
): Promise<(ConsentRecord & { position: number })[]> => listRecords(db, requireMember(actor), page);

/**
 * Whether these people agree to a purpose, as it says now, in their organization: for whoever is about to collect
 * something. A consent to an earlier version, or to a purpose that doesn't exist, is none.
 */
export async function consentsOf(
  { database }: Pick<Context, "database">,
  people: readonly { organizationId: string; userId: string }[],
  purpose: string,
): Promise<boolean[]> {
  const service = database.asService();
  const organizationIds = people.map(({ organizationId }) => organizationId);
  const current = await currentVersions(service, organizationIds, purpose);
  const given = await findGivenVersions(service, people, purpose);
  return given.map((version, place) => version !== null && version === current.get(organizationIds[place]!));
}
