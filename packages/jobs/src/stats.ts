import type pg from "pg";
import type { JobStats } from "./job";

export async function readStats(pool: pg.Pool): Promise<JobStats> {
  const { rows } = await pool.query<JobStats>(`
    select
      count(*) filter (where is_available and run_at <= now())::integer as due,
      count(*) filter (where is_available and run_at > now() and attempts = 0)::integer as scheduled,
      count(*) filter (where is_available and run_at > now() and attempts > 0)::integer as retrying,
      count(*) filter (where locked_at is not null)::integer as running,
      (select count(*)::integer from jobs.given_up) as "givenUp",
      coalesce(extract(epoch from now() - min(run_at) filter (where is_available and run_at <= now())), 0)::float8
        as "oldestDueSeconds"
    from graphile_worker._private_jobs`);
  return rows[0]!;
}
