import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const membershipData: PersonalData = {
  holds: "A copy of which organizations and workspaces the person belongs to.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId"
       from membership where user_id = $1 and id > $2 order by id limit $3`,
  ),
  erase: erasedBy("delete from membership where user_id = $1"),
};
