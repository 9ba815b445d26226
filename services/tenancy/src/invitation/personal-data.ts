import { countErased, erasedUserId, inPages, type PersonalData } from "@atrium/personal-data";

export const invitationData: PersonalData = {
  holds: "Invitations to the person, and by them.",
  category: "PROFILE",
  legalBasis: "LEGITIMATE_INTEREST",
  // By whom others were invited is the person's; whom they invited isn't.
  records: ({ db, userId, emails }) =>
    inPages<{ id: string }>(({ after, limit }) =>
      db.sql(
        `select id, organization_id as "organizationId", organization_role as "organizationRole", status,
                case when email = any ($4::text[]) then email end as email, invited_by_id = $1 as "sentByThem",
                created_at as "createdAt", expires_at as "expiresAt", decided_at as "decidedAt"
           from invitation where (user_id = $1 or email = any ($4::text[]) or invited_by_id = $1) and id > $2
          order by id limit $3`,
        [userId, after, limit, emails.map(keyOf)],
      ),
    ),
  async erase(person) {
    const addressed = "delete from invitation where user_id = $1 or email = any ($2::text[])";
    const sent = "update invitation set invited_by_id = $2 where invited_by_id = $1";
    const received = await countErased(person, addressed, person.emails.map(keyOf));
    return { erased: received + (await countErased(person, sent, erasedUserId)) };
  },
};

/** As an address is kept here: compared without regard to case. */
const keyOf = (email: string) => email.toLowerCase();
