import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const presenceData: PersonalData = {
  holds: "In which quarters of an hour the person did something in a workspace: what active users are counted from.",
  category: "ANALYTICS",
  legalBasis: "LEGITIMATE_INTEREST",
  records: recordsBy(
    `select to_char(at, 'YYYY-MM-DD"T"HH24:MI"Z"') || ' ' || organization_id || ' ' || workspace_id as id, at,
            organization_id as "organizationId", workspace_id as "workspaceId"
       from presence where user_id = $1
        and to_char(at, 'YYYY-MM-DD"T"HH24:MI"Z"') || ' ' || organization_id || ' ' || workspace_id > $2
      order by 1 limit $3`,
  ),
  erase: erasedBy("delete from presence where user_id = $1"),
};
