import { erasedBy, recordsBy, type PersonalData } from "@atrium/personal-data";

export const mailData: PersonalData = {
  holds: "Mails of the last days to the person.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  // A code in a mail is a secret until it has expired; the text isn't handed out with an export.
  records: recordsBy(
    `select id, recipient, subject, created_at as "createdAt"
       from mail where user_id = $1 and id > $2 order by id limit $3`,
  ),
  erase: erasedBy("delete from mail where user_id = $1"),
};
