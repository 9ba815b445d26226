import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const consentData: PersonalData = {
  holds: "Whether the person agrees to analytics, as privacy has last said.",
  category: "CONSENTS",
  legalBasis: "LEGAL_OBLIGATION",
  records: recordsBy(
    `select organization_id as id, given, purpose_version as "purposeVersion"
       from analytics_consent where user_id = $1 and organization_id > $2 order by organization_id limit $3`,
  ),
  erase: erasedBy("delete from analytics_consent where user_id = $1"),
};
