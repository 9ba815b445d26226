import { countErased, erasedUserId, type PersonalData } from "@atrium/personal-data";

export const consentPurposeData: PersonalData = {
  holds: "Which purposes the person has written for their organization.",
  category: "CONSENTS",
  legalBasis: "LEGITIMATE_INTEREST",
  async *records({ db, userId }) {
    yield* await db.sql<Record<string, unknown>>(
      `select organization_id as "organizationId", key, version, text, defined_at as "definedAt"
         from consent_purpose where defined_by_id = $1 order by organization_id, key, version`,
      [userId],
    );
  },
  erase: async (person) => ({
    erased: await countErased(
      person,
      "update consent_purpose set defined_by_id = $2 where defined_by_id = $1",
      erasedUserId,
    ),
  }),
};
