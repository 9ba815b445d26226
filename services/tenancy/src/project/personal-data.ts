import { countErased, erasedUserId, recordsBy, type PersonalData } from "@atrium/personal-data";

export const projectData: PersonalData = {
  holds: "Which projects the person has begun. The projects are the organization's.",
  category: "DOCUMENTS",
  legalBasis: "LEGITIMATE_INTEREST",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", name, created_at as "createdAt"
       from project where created_by_id = $1 and id > $2 order by id limit $3`,
  ),
  erase: async (person) => ({
    erased: await countErased(person, "update project set created_by_id = $2 where created_by_id = $1", erasedUserId),
  }),
};
