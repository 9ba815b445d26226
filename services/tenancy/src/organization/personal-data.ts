import { appendEvent, organizationDeleted, workspaceDeleted } from "@atrium/events";
import { countErased, recordsBy, type PersonalData } from "@atrium/personal-data";

export const organizationData: PersonalData = {
  holds: "Which organization was founded when the person registered.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, name, created_at as "createdAt" from organization
      where founded_for_user_id = $1 and id > $2 order by id limit $3`,
  ),
  /**
   * An organization that nobody but this person could run is theirs, and is closed with all that is in it; every
   * service hears of it. From the others, the founder's id is taken.
   */
  async erase(person) {
    const { db, userId, now } = person;
    const alone = await db.sql<{ id: string }>(
      `select o.id from organization o
         join organization_member mine on mine.organization_id = o.id and mine.user_id = $1 and mine.role = 'owner'
        where not exists (select from organization_member m where m.organization_id = o.id and m.user_id <> $1
                           and m.role in ('owner', 'admin', 'member'))
        order by o.id for update of o`,
      [userId],
    );
    for (const { id: organizationId } of alone) {
      const workspaces = await db.sql<{ id: string }>(
        "select id from workspace where organization_id = $1 order by id",
        [organizationId],
      );
      for (const { id: workspaceId } of workspaces)
        await appendEvent(db, workspaceDeleted({ workspaceId }), { organizationId, workspaceId });
      const closed = organizationDeleted({ organizationId, erasedAt: now.toISOString() });
      await appendEvent(db, closed, { organizationId });
      await db.sql("delete from organization where id = $1", [organizationId]);
    }
    const founded = "update organization set founded_for_user_id = 'erased:' || id where founded_for_user_id = $1";
    return { erased: alone.length + (await countErased(person, founded)) };
  },
};
