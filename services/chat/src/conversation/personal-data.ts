import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const conversationData: PersonalData = {
  holds: "Conversations with bots that the person took part in.",
  category: "CHATS",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", chatbot_id as "chatbotId",
            chatbot_name as "chatbotName", greeting, participant_kind as "participantKind", channel,
            started_at as "startedAt", last_message_at as "lastMessageAt", closed_at as "closedAt"
       from conversation where participant_id = $1 and id > $2 order by id limit $3`,
  ),
  // What subscribers are told and questions that still wait go with it.
  erase: erasedBy("delete from conversation where participant_id = $1"),
};
