import type pg from "pg";
import { readEnvelope } from "./envelope";
import { inTransaction } from "./in-transaction";
import type { RunJobsOptions } from "./job";

type Options<Client> = Pick<RunJobsOptions<Client>, "database" | "onGivenUp" | "log">;

// What was cancelled or superseded had its attempts taken away: it has neither failed nor is it repeated.
const isWanted = "(flags ?| '{cancelled,superseded}') is not true";

/** Takes away the jobs that will never run again; those that failed for good are kept for a while, and reported. */
export async function retire<Client>(pool: pg.Pool, { database, onGivenUp, log }: Options<Client>): Promise<void> {
  await pool.query(`
    with over as (
      delete from graphile_worker._private_jobs as job using graphile_worker._private_tasks as task
      where not is_available and locked_at is null and task.id = job.task_id
      returning job.*, task.identifier
    )
    insert into jobs.given_up (id, task, payload, attempts, error, enqueued_at)
    select id, identifier, payload, attempts, last_error, created_at from over
    where ${isWanted}`);
  await pool.query("delete from jobs.given_up where reported_at < now() - interval '30 days'");
  while (await reportOne(pool, { database, onGivenUp, log }));
}

interface GivenUpRow {
  id: string;
  task: string;
  payload: unknown;
  attempts: number;
  error: string | null;
}

/** Reports one job, and says whether there was one. */
async function reportOne<Client>(pool: pg.Pool, { database, onGivenUp, log }: Options<Client>): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    // Locked while it is reported, so that one process does, and another takes over should this one die.
    const { rows } = await client.query<GivenUpRow>(`
      select id, task, payload, attempts, error from jobs.given_up
      where reported_at is null and report_at <= now() order by id limit 1 for update skip locked`);
    const [row] = rows;
    if (!row) return false;
    const { payload, ...job } = row;
    log.error({ jobId: job.id, task: job.task, attempts: job.attempts, error: job.error }, "a job was given up");
    try {
      const { data, traceparent: _, ...tenantAndDb } = readEnvelope(payload, database);
      await onGivenUp?.({ ...job, payload: data, ...tenantAndDb });
      await client.query("update jobs.given_up set reported_at = now() where id = $1", [job.id]);
    } catch (error) {
      log.error({ jobId: job.id, task: job.task, err: error }, "a job that was given up couldn't be reported");
      await client.query("update jobs.given_up set report_at = now() + interval '1 minute' where id = $1", [job.id]);
    }
    return true;
  });
}

/** Which of the jobs that `worker` is running were cancelled: an announcement may have been missed. */
export async function cancelledJobs(pool: pg.Pool, worker: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from graphile_worker._private_jobs where not is_available and locked_by = $1 and flags ? 'cancelled'`,
    [worker],
  );
  return rows.map((row) => row.id);
}

/** Gives running jobs back the attempt that they are about to lose to an interruption: it isn't their failure. */
export async function keepAttempts(pool: pg.Pool, jobIds: readonly string[]): Promise<void> {
  await pool.query(
    `update graphile_worker._private_jobs set attempts = greatest(attempts - 1, 0)
     where id = any($1::bigint[]) and locked_at is not null and ${isWanted}`,
    [jobIds],
  );
}

/** Lets interrupted jobs start again at once, rather than after the pause that follows a failure. */
export async function putBack(pool: pg.Pool, jobIds: readonly string[]): Promise<void> {
  await pool.query(
    `update graphile_worker._private_jobs set run_at = now(), last_error = 'interrupted by a shutdown'
     where id = any($1::bigint[]) and locked_at is null and ${isWanted}`,
    [jobIds],
  );
}

const placesBehindMax = 10_000;

/** Takes the places that nobody waits for any more out of the count, which has an end. */
export async function closeUp(pool: pg.Pool): Promise<void> {
  await pool.query(
    `update graphile_worker._private_jobs set priority = greatest(priority - first.place, 0)
     from (select priority as place from graphile_worker._private_jobs
           where is_available and run_at <= now() order by priority, run_at limit 1) as first
     where first.place > $1`,
    [placesBehindMax],
  );
}

/** Names of enqueued tasks that nobody here performs. */
export async function unknownTasks(pool: pg.Pool, known: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ identifier: string }>(
    `select identifier from graphile_worker._private_tasks as task
     where identifier <> all($1) and exists (
       select from graphile_worker._private_jobs as job where job.task_id = task.id and is_available)`,
    [known],
  );
  return rows.map((row) => row.identifier);
}
