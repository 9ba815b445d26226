import type { Erased, Person } from "./held";
import { inPages } from "./pages";

/** Records by one query, page by page: `select … where <the person> = $1 and id > $2 order by id limit $3`. */
export const recordsBy =
  (sql: string) =>
  ({ db, userId }: Person) =>
    inPages<{ id: string }>(({ after, limit }) => db.sql(sql, [userId, after, limit]));

/** How many rows one statement erases, or takes the person out of: `delete from … where <the person> = $1`. */
export async function countErased({ db, userId }: Person, sql: string, ...values: unknown[]): Promise<number> {
  const counted = `with gone as (${sql} returning 1) select count(*)::int as count from gone`;
  const [row] = await db.sql<{ count: number }>(counted, [userId, ...values]);
  return row!.count;
}

/** Erases by one such statement. */
export const erasedBy =
  (sql: string) =>
  async (person: Person): Promise<Erased> => ({ erased: await countErased(person, sql) });
