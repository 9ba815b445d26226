import { Logger, runMigrations } from "graphile-worker";
import pg from "pg";

/** Where a cancelled job's id is announced. */
export const cancelledChannel = "jobs_cancelled";

// Queues are a table that every look for jobs locks, and a queue that is removed while a job is being put into it
// loses that job. So there are always the same few, and names share them: two names of one queue wait for each other
// without need, which costs time and breaks nothing.
const queueCount = 64;

// The worker keeps a job's place in 16 bits.
const placeMax = 32_767;

const schema = /* sql */ `
  create schema if not exists jobs;

  -- What can't be picked up: running, or failed for good. Both are looked for every few seconds.
  create index if not exists atrium_unavailable on graphile_worker._private_jobs (id) where not is_available;

  -- Whose turn it is: the last job of a tenant's task, and the last waiting one of a queue.
  create index if not exists atrium_lane on graphile_worker._private_jobs ((payload ->> 'lane'), priority);
  create index if not exists atrium_queue on graphile_worker._private_jobs (job_queue_id, priority)
    where is_available and job_queue_id is not null;

  create table if not exists jobs.given_up (
    id bigint primary key,
    task text not null,
    payload json not null,
    attempts integer not null,
    error text,
    enqueued_at timestamptz not null,
    given_up_at timestamptz not null default now(),
    report_at timestamptz not null default now(),
    reported_at timestamptz
  );

  -- A name within the tenant that this session is bound to, so that no tenant meets another's keys and queues.
  create or replace function jobs.name_of_tenant(name text) returns text
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
  declare
    tenant text := coalesce(
      nullif(current_setting('app.organization', true), ''),
      nullif(current_setting('app.user', true), ''),
      nullif(current_setting('app.scope', true), ''));
  begin
    if tenant is null then
      raise exception 'A job belongs to a tenant or to the service, and this session to neither.'
        using errcode = 'insufficient_privilege';
    end if;
    return tenant || '/' || name;
  end $$;

  -- Tenants take turns. Jobs run in the order of their places, and a job's place is the one after the last that its
  -- tenant has waiting or running for the same task; who has none comes in where the work is now. So the ten thousandth job
  -- of one waits for ten thousand turns, and the first of another for one. Within a queue, nobody overtakes.
  create or replace function jobs.place_of(lane text, queue text) returns integer
  language sql volatile set search_path = pg_catalog, pg_temp as $$
    select least(${placeMax}, greatest(
      (select max(job.priority) + 1 from graphile_worker._private_jobs as job
        where job.payload ->> 'lane' = place_of.lane),
      (select max(job.priority) from graphile_worker._private_jobs as job
        where job.is_available and job.job_queue_id =
          (select id from graphile_worker._private_job_queues where queue_name = place_of.queue)),
      coalesce(
        (select max(job.priority) from graphile_worker._private_jobs as job
          where not job.is_available and job.locked_at is not null),
        (select job.priority from graphile_worker._private_jobs as job
          where job.is_available and job.run_at <= now() order by job.priority, job.run_at limit 1),
        0)))
  $$;

  -- The service's role has no rights on the worker's tables: it enqueues and cancels through these, which run as their
  -- owner. For whom a job runs is read from the session, never taken from the caller. No two of the jobs have one key.
  create or replace function jobs.enqueue_all(task text, given json) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    lane text := jobs.name_of_tenant(task);
    keys text[];
    specs graphile_worker.job_spec[];
  begin
    with job as (
      select job.*, jobs.name_of_tenant(job.key) as full_key,
        'shared ' || abs(hashtext(jobs.name_of_tenant(job.queue)) % ${queueCount}) as shared_queue
      from rows from (json_to_recordset(given) as (
        data json, key text, queue text, run_at timestamptz, max_attempts integer, traceparent text, together text,
        together_max integer)) with ordinality as job (
        data, key, queue, run_at, max_attempts, traceparent, together, together_max, nth)
    ),
    place as materialized (
      select shared_queue, jobs.place_of(lane, shared_queue) as first
      from (select distinct shared_queue from job) as queue
    ),
    placed as (
      -- Each comes behind the one before it, and no sooner than its queue has a place.
      select job.*, least(${placeMax}, nth + max(place.first - nth) over (order by nth)) as place
      from job join place on place.shared_queue is not distinct from job.shared_queue
    )
    -- In order of their keys, so that two calls that enqueue the same ones never wait for each other both.
    select array_agg(full_key) filter (where full_key is not null), array_agg(row(
      task,
      json_build_object(
        'organizationId', nullif(current_setting('app.organization', true), ''),
        'workspaceId', nullif(current_setting('app.workspace', true), ''),
        'userId', nullif(current_setting('app.user', true), ''),
        'scope', nullif(current_setting('app.scope', true), ''),
        'key', full_key,
        'lane', lane,
        'traceparent', traceparent,
        -- Who may do what is the same for all of them, so that one transaction can hold what they change.
        'together', case when together is not null then json_build_array(
          current_setting('app.organization', true), current_setting('app.workspace', true),
          current_setting('app.user', true), current_setting('app.scope', true), together)::text end,
        'togetherMax', together_max,
        'data', data),
      shared_queue, run_at, max_attempts, full_key, place, null)::graphile_worker.job_spec order by full_key, nth)
    into keys, specs from placed;
    if keys is not null then
      -- Locked first, so that no worker picks one up between the two statements.
      perform from graphile_worker._private_jobs as job where job.key = any (keys) order by job.key for update;
      -- A run under way gives its key to the new job. It neither counts as failed nor is repeated.
      update graphile_worker._private_jobs as job
        set flags = coalesce(flags, '{}') || '{"superseded": true}'
        where job.key = any (keys) and locked_at is not null;
    end if;
    perform graphile_worker.add_jobs(specs);
  end $$;

  -- For processes of the version before, which enqueue one at a time while they are being replaced.
  drop function if exists jobs.enqueue(text, json, text, text, timestamptz, integer);
  drop function if exists jobs.enqueue(text, json, text, text, timestamptz, integer, text);
  create or replace function jobs.enqueue(
    task text, data json, key text, queue text, run_at timestamptz, max_attempts integer, traceparent text default null,
    together text default null, together_max integer default null
  ) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  begin
    perform jobs.enqueue_all(task, json_build_array(json_build_object(
      'data', data, 'key', key, 'queue', queue, 'run_at', run_at, 'max_attempts', max_attempts,
      'traceparent', traceparent, 'together', together, 'together_max', together_max)));
  end $$;

  create or replace function jobs.cancel(key text) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare
    full_key text := jobs.name_of_tenant(key);
    running bigint;
    found_one boolean := false;
  begin
    perform from graphile_worker._private_jobs as job where job.key = full_key for update;
    -- By the payload's copy of the key: a superseded run has lost its own.
    for running in
      update graphile_worker._private_jobs as job
        set flags = coalesce(flags, '{}') || '{"cancelled": true}', attempts = job.max_attempts
        where not is_available and locked_at is not null and payload ->> 'key' = full_key
        returning id
    loop
      found_one := true;
      perform pg_notify('${cancelledChannel}', running::text);
    end loop;
    return (graphile_worker.remove_job(full_key)).id is not null or found_one;
  end $$;

  revoke all on function jobs.enqueue_all, jobs.enqueue, jobs.cancel, jobs.name_of_tenant, jobs.place_of from public;
`;

// Any two processes that prepare one database.
const prepareLock = 727_073_702;

/**
 * Makes what jobs need in a service's database, as its owner, and lets `appRole` enqueue and cancel. Belongs to the
 * migrations: safe to run twice, and twice at once.
 */
export async function prepareJobs({ ownerUrl, appRole }: { ownerUrl: string; appRole: string }): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [prepareLock]);
    await runMigrations({ connectionString: ownerUrl, logger: new Logger(() => () => {}) });
    const app = pg.escapeIdentifier(appRole);
    // One simple query is one transaction.
    await client.query(`${schema}
      grant usage on schema jobs to ${app};
      grant execute on function jobs.enqueue_all, jobs.enqueue, jobs.cancel to ${app};`);
  } finally {
    await client.end().catch(() => {});
  }
}
