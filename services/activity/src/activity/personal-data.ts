import { countErased, recordsBy, type PersonalData } from "@atrium/personal-data";

export const activityData: PersonalData = {
  holds: "Lines of timelines: what the person did, what was done to their memberships, conversations and account.",
  category: "ANALYTICS",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", kind, subject_id as "subjectId",
            actor_id = $1 as "ownAct", happened_at as "happenedAt"
       from activity
      where (actor_id = $1 or person_id = $1) and id > coalesce(nullif($2, ''), '00000000-0000-0000-0000-000000000000')::uuid
      order by id limit $3`,
  ),
  // A line of an account is of nobody else; the others stay, and say no more who it was.
  erase: async (person) => ({
    erased:
      (await countErased(person, "delete from activity where organization_id is null and person_id = $1")) +
      (await countErased(
        person,
        `update activity set actor_id = nullif(actor_id, $1), person_id = nullif(person_id, $1)
          where actor_id = $1 or person_id = $1`,
      )),
  }),
};
