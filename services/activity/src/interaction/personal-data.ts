import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const interactionData: PersonalData = {
  holds: "What the person did in the user interface, while they agreed to analytics.",
  category: "ANALYTICS",
  legalBasis: "CONSENT",
  records: recordsBy(
    `select organization_id || ' ' || id as id, organization_id as "organizationId", workspace_id as "workspaceId",
            recorded_at as "recordedAt", interactions
       from interaction_batch where user_id = $1 and organization_id || ' ' || id > $2
      order by organization_id || ' ' || id limit $3`,
  ),
  erase: erasedBy("delete from interaction_batch where user_id = $1"),
};
