import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const sessionData: PersonalData = {
  holds: "Sign-ins: when and on which device, as the client named itself.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, device, organization_id as "organizationId", workspace_id as "workspaceId", created_at as "createdAt",
            last_used_at as "lastUsedAt", expires_at as "expiresAt", ended_at as "endedAt", end_cause as "endCause"
       from session where user_id = $1 and id > $2 order by id limit $3`,
  ),
  // Their refresh tokens go with them.
  erase: erasedBy("delete from session where user_id = $1"),
};
