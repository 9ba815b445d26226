import { appendEvent, consentWithdrawn } from "@atrium/events";
import { countErased, recordsBy, type PersonalData } from "@atrium/personal-data";

export const consentData: PersonalData = {
  holds: "What the person agreed to or not: when, how, to which version, with which program, from which network.",
  category: "CONSENTS",
  legalBasis: "LEGAL_OBLIGATION",
  records: recordsBy(
    `select id, organization_id as "organizationId", purpose, purpose_version as "purposeVersion", given, method,
            user_agent as "userAgent", address, recorded_at as "recordedAt"
       from consent_record where user_id = $1 and id > $2 order by id limit $3`,
  ),
  async erase(person) {
    const { db, userId } = person;
    const given = await db.sql<{ organizationId: string; purpose: string; purposeVersion: number; given: boolean }>(
      `delete from consent where user_id = $1
       returning organization_id as "organizationId", purpose, purpose_version as "purposeVersion", given`,
      [userId],
    );
    for (const { organizationId, purpose, purposeVersion } of given.filter((consent) => consent.given))
      await appendEvent(db, consentWithdrawn({ userId, purpose, purposeVersion, method: "ERASURE" }), {
        organizationId,
      });
    return { erased: await countErased(person, "delete from consent_record where user_id = $1") };
  },
};
