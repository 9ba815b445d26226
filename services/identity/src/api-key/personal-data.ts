import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const apiKeyData: PersonalData = {
  holds: "API keys that the person made: their names and permissions, never the keys.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", name, hint, permissions,
            created_at as "createdAt", expires_at as "expiresAt", last_used_at as "lastUsedAt", revoked_at as "revokedAt"
       from api_key where user_id = $1 and id > $2 order by id limit $3`,
  ),
  erase: erasedBy("delete from api_key where user_id = $1"),
};
