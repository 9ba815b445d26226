import { countErased, erasedUserId, recordsBy, type PersonalData } from "@atrium/personal-data";

export const documentData: PersonalData = {
  holds: "Which documents the person uploaded. The documents are the organization's.",
  category: "DOCUMENTS",
  legalBasis: "LEGITIMATE_INTEREST",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId",
            knowledge_base_id as "knowledgeBaseId", title, filename, content_type as "contentType",
            size_bytes as "sizeBytes", sha256, metadata, created_at as "createdAt"
       from document where created_by_id = $1 and id > $2 order by id limit $3`,
  ),
  async erase(person) {
    const uploaded = "update document set created_by_id = $2 where created_by_id = $1";
    const count = await countErased(person, uploaded, erasedUserId);
    return {
      erased: 0,
      retained: count,
      ...(count > 0 && {
        law: "Art. 17 (1) and 6 (1) (f) GDPR: the documents are the organization's; who uploaded them is erased.",
      }),
    };
  },
};
