import { countErased, erasedUserId, recordsBy, type PersonalData } from "@atrium/personal-data";

export const chatbotDraftData: PersonalData = {
  holds: "Which drafts of bots the person began. The drafts are the organization's.",
  category: "DOCUMENTS",
  legalBasis: "LEGITIMATE_INTEREST",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", name, created_at as "createdAt"
       from chatbot_draft where created_by_id = $1 and id > $2 order by id limit $3`,
  ),
  erase: async (person) => ({
    erased: await countErased(
      person,
      "update chatbot_draft set created_by_id = $2 where created_by_id = $1",
      erasedUserId,
    ),
  }),
};
