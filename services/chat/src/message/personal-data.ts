import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const messageData: PersonalData = {
  holds: "What the person wrote to bots, what these answered, and how the person rated it.",
  category: "CHATS",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, conversation_id as "conversationId", position, author, text, created_at as "createdAt", sentences, rating,
            rating_comment as "ratingComment", rated_at as "ratedAt"
       from message where participant_id = $1 and id > $2 order by id limit $3`,
  ),
  erase: erasedBy("delete from message where participant_id = $1"),
};
