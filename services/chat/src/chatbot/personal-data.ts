import { countErased, erasedUserId, recordsBy, type PersonalData } from "@atrium/personal-data";

export const chatbotData: PersonalData = {
  holds: "Which bots the person made. The bots are the organization's.",
  category: "DOCUMENTS",
  legalBasis: "LEGITIMATE_INTEREST",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", created_at as "createdAt"
       from chatbot where created_by_id = $1 and id > $2 order by id limit $3`,
  ),
  async erase(person) {
    const published = "update chatbot_version set published_by_id = $2 where published_by_id = $1";
    const made = "update chatbot set created_by_id = $2 where created_by_id = $1";
    const versions = await countErased(person, published, erasedUserId);
    return { erased: versions + (await countErased(person, made, erasedUserId)) };
  },
};
