import { appendEvent, membershipChanged, membershipRevoked } from "@atrium/events";
import { type Person, type PersonalData, inPages } from "@atrium/personal-data";
import { factsOf } from "./commands";
import type { OrganizationMember, WorkspaceMember } from "./membership";

const places = `
  select id, organization_id as "organizationId", null as "workspaceId", role, created_at as "createdAt"
    from organization_member where user_id = $1
  union all
  select id, organization_id, workspace_id, role, created_at from workspace_member where user_id = $1`;

export const membershipData: PersonalData = {
  holds: "Which organizations and workspaces the person belongs to, and as what.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  records: ({ db, userId }) =>
    inPages<{ id: string }>(({ after, limit }) =>
      db.sql(`select * from (${places}) as place where id > $2 order by id limit $3`, [userId, after, limit]),
    ),
  async erase(person) {
    const { db, userId } = person;
    const memberships = await db.sql<OrganizationMember>(
      `select id, organization_id as "organizationId", user_id as "userId", role, created_at as "createdAt"
         from organization_member where user_id = $1 order by organization_id`,
      [userId],
    );
    let erased = 0;
    for (const membership of memberships) {
      await handOver(person, membership);
      const ended = await db.sql<WorkspaceMember>(
        `delete from workspace_member where user_id = $1 and organization_id = $2
         returning id, organization_id as "organizationId", workspace_id as "workspaceId", user_id as "userId", role`,
        [userId, membership.organizationId],
      );
      await db.sql("delete from organization_member where user_id = $1 and id = $2", [userId, membership.id]);
      for (const each of [...ended, membership]) {
        const { organizationId } = membership;
        const workspaceId = "workspaceId" in each ? (each as WorkspaceMember).workspaceId : null;
        await appendEvent(db, membershipRevoked(factsOf(each)), { organizationId, workspaceId });
      }
      erased += ended.length + 1;
    }
    return { erased };
  },
};

/**
 * Whose last owner goes gets another one: the administrator who has been there longest, else the member. Organizations
 * without either have been closed before; see the organization's own `personal-data.ts`.
 */
async function handOver({ db, userId }: Person, { organizationId, role }: OrganizationMember): Promise<void> {
  if (role !== "owner") return;
  await db.sql("select id from organization where id = $1 for no key update", [organizationId]);
  const [successor] = await db.sql<OrganizationMember>(
    `select id, organization_id as "organizationId", user_id as "userId", role, created_at as "createdAt"
       from organization_member m where organization_id = $1 and user_id <> $2
        and not exists (select from organization_member o
                         where o.organization_id = $1 and o.user_id <> $2 and o.role = 'owner')
        and role in ('admin', 'member') order by role = 'admin' desc, created_at, id limit 1`,
    [organizationId, userId],
  );
  if (!successor) return;
  await db.sql("update organization_member set role = 'owner' where id = $1", [successor.id]);
  const changed = membershipChanged({ ...factsOf(successor), role: "owner", previousRole: successor.role });
  await appendEvent(db, changed, { organizationId });
}
