import type pg from "pg";

/** A job that is being attempted. */
export interface Attempt {
  id: string;
  payload: unknown;
  attempt: number;
  attemptsMax: number;
}

/** With what a job may be performed. */
export interface Company {
  lane: string;
  together: string;
  othersMax: number;
}

// Those of a tenant that wait for longer: they are looked through each time.
const lookedThroughMax = 200;

/**
 * Takes what waits and may be performed together with a job: the next ones of its tenant, in its turn. They lie where
 * the job does, so that what comes in later doesn't come behind them.
 */
export async function takeAlong(
  pool: pg.Pool,
  workerId: string,
  jobId: string,
  { lane, together, othersMax }: Company,
): Promise<Attempt[]> {
  if (othersMax === 0) return [];
  const { rows } = await pool.query<Attempt>({
    name: "jobs_take_along",
    text: `
      with first as (select task_id, priority from graphile_worker._private_jobs where id = $1),
      near as materialized (
        select id from graphile_worker._private_jobs
        where payload ->> 'lane' = $2 and is_available and run_at <= now() and attempts = 0
        order by priority limit ${lookedThroughMax}
      ),
      others as (
        select job.id from graphile_worker._private_jobs as job
        where id in (select id from near) and is_available and attempts = 0 and job_queue_id is null
          and task_id = (select task_id from first) and payload ->> 'together' = $3
        order by priority, run_at limit $4 for update skip locked
      )
      update graphile_worker._private_jobs as job
        set attempts = job.attempts + 1, locked_by = $5, locked_at = now(), priority = first.priority
        from others, first where job.id = others.id
        returning job.id, job.payload, job.attempts as attempt, job.max_attempts as "attemptsMax"`,
    values: [jobId, lane, together, othersMax, workerId],
  });
  return rows.sort((a, b) => Number(a.id) - Number(b.id));
}

/** What became of jobs that were taken along: those without an error are done, the others are tried again after a pause. */
export async function settleTaken(
  pool: pg.Pool,
  workerId: string,
  ended: readonly { id: string; error: string | null }[],
): Promise<void> {
  const done = ended.filter(({ error }) => error === null);
  const failed = ended.filter(({ error }) => error !== null);
  if (done.length > 0)
    await pool.query("delete from graphile_worker._private_jobs where id = any ($1::bigint[]) and locked_by = $2", [
      done.map(({ id }) => id),
      workerId,
    ]);
  if (failed.length > 0)
    // As the worker does with a job that fails.
    await pool.query(
      `update graphile_worker._private_jobs as job
         set last_error = failure.error, locked_by = null, locked_at = null,
             run_at = greatest(now(), run_at) + (exp(least(attempts, 10)) * interval '1 second')
         from unnest($1::bigint[], $2::text[]) as failure (id, error)
         where job.id = failure.id and locked_by = $3`,
      [failed.map(({ id }) => id), failed.map(({ error }) => error), workerId],
    );
}
