import type { Tx } from "../context";
import type { Activity, SubjectType } from "./activity";

const columns = `id, organization_id as "organizationId", workspace_id as "workspaceId", kind,
  subject_type as "subjectType", subject_id as "subjectId", actor_id as "actorId", person_id as "personId",
  happened_at as "happenedAt"`;

/** Writes lines, each once. */
export async function insertLines(tx: Tx, lines: readonly Activity[]): Promise<void> {
  if (lines.length === 0) return;
  await tx.sql(
    `insert into activity (id, organization_id, workspace_id, kind, subject_type, subject_id, actor_id, person_id, happened_at)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])
     on conflict (id) do nothing`,
    [
      lines.map(({ id }) => id),
      lines.map(({ organizationId }) => organizationId),
      lines.map(({ workspaceId }) => workspaceId),
      lines.map(({ kind }) => kind),
      lines.map(({ subjectType }) => subjectType),
      lines.map(({ subjectId }) => subjectId),
      lines.map(({ actorId }) => actorId),
      lines.map(({ personId }) => personId),
      lines.map(({ happenedAt }) => happenedAt),
    ],
  );
}

/** Which lines: those of the workspace, of one subject in it or its organization, or of what one person did there. */
export type Of = { workspaceId: string } | { subjectId: string } | { userId: string };

export interface LineQuery {
  organizationId: string;
  of: Of;
  /** Whose own lines count among `own`. */
  viewerId: string | null;
  all: readonly SubjectType[];
  own: readonly SubjectType[];
  /** Whether the lines of the viewer's account are among them. */
  account: boolean;
}

const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/**
 * The newest lines before `after`. Each type is read by itself from an index and then merged, so a page costs the same
 * however many lines of other types lie between.
 */
export function listLines(
  db: Tx,
  { organizationId, of, viewerId, all, own, account }: LineQuery,
  { limit, after }: { limit: number; after: string | null },
): Promise<Activity[]> {
  const [column, value] = Object.entries({
    workspace_id: "workspaceId" in of && of.workspaceId,
    subject_id: "subjectId" in of && of.subjectId,
    actor_id: "userId" in of && of.userId,
  }).find(([, given]) => given !== false) as [string, string];
  // Sorted by type and id, although each type is read by itself: sorted by id alone, the server would read all lines
  // backwards where it guesses that one of this type isn't far.
  const ofEachType = (types: string, only: string) =>
    `select line.* from unnest(${types}) as wanted (type) cross join lateral (
       select ${columns} from activity
       where organization_id = $1 and ${column} = $2 ${only}
         and subject_type >= wanted.type and (subject_type, id) < (wanted.type, $6::uuid)
       order by subject_type desc, id desc limit $7) as line`;
  return db.sql<Activity>(
    `select * from (
       (${ofEachType("$3::text[]", "")})
       union all
       (${ofEachType("$4::text[]", "and person_id = $5")})
       union all
       (select ${columns} from activity
        where $8 and organization_id is null and person_id = $5
          and subject_type >= 'ACCOUNT' and (subject_type, id) < ('ACCOUNT', $6)
        order by subject_type desc, id desc limit $7)
     ) as visible order by id desc limit $7`,
    [organizationId, value, all, own, viewerId, after ?? lastId, limit, account],
  );
}

const batchSize = 5_000;

/** Deletes the lines from before then, in small steps. */
export async function pruneLines(service: Tx, before: Date): Promise<void> {
  // The first 48 bits of an event's id are its time, so the primary key finds what is old.
  const first = before.getTime().toString(16).padStart(12, "0");
  const bound = `${first.slice(0, 8)}-${first.slice(8)}-0000-0000-000000000000`;
  const old = `select id from activity where id < $1 order by id limit ${batchSize}`;
  for (let step = batchSize; step === batchSize;)
    step = (await service.sql(`delete from activity where id = any (array(${old})) returning 1`, [bound])).length;
}

/** Deletes the lines of a workspace that is gone. */
export async function deleteLines(tx: Tx, organizationId: string, workspaceId: string): Promise<void> {
  await tx.sql("delete from activity where organization_id = $1 and workspace_id = $2", [organizationId, workspaceId]);
}
