import type { Database, Handle, Log, Tenant } from "@atrium/database";

/** One attempt at a job, as its task sees it. */
export interface Job<Client = unknown> {
  readonly id: string;
  /** Bound to whoever enqueued the job: the tenant, or the service itself. */
  readonly db: Handle<Client>;
  readonly tenant: Tenant;
  /** Aborts when the process shuts down (the job then begins anew at the next start) and when the job is cancelled. */
  readonly signal: AbortSignal;
  /** 1 for the first. A crash of the process counts as an attempt, a shutdown doesn't. */
  readonly attempt: number;
  readonly attemptsMax: number;
}

/**
 * What a job does. It runs at least once, so a second run must do no harm; when it rejects, it is tried again later.
 * It takes less than four hours.
 */
export type Task<Client = unknown, Payload = never> = (payload: Payload, job: Job<Client>) => Promise<unknown>;

/**
 * What jobs do that were enqueued to be performed together: those of one name and one tenant that wait, in one turn. Says
 * how each of them ended, in their order; each succeeds, fails, is cancelled and tried again by itself. When it rejects,
 * all have failed. What has failed before is performed alone, so that no job takes others down with it twice.
 */
export interface BatchTask<Client = unknown, Payload = never> {
  together(
    jobs: readonly (Job<Client> & { readonly payload: Payload })[],
  ): Promise<readonly PromiseSettledResult<unknown>[]>;
}

/** A task that the service performs for itself at fixed times, with at most one run at a time. */
export interface CronTask {
  task: string;
  /** Minute, hour, day of month, month, day of week, in UTC: `0 3 * * *`. */
  schedule: string;
  payload?: Record<string, unknown>;
  /** Times that passed while no process ran are made up for when they lie back no further than this. */
  catchUpSeconds?: number;
  maxAttempts?: number;
}

/** A job whose last attempt failed, or whose process was killed during it. */
export interface GivenUpJob<Client = unknown> {
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
  readonly attempts: number;
  /** The message of the last error; null when the process died. */
  readonly error: string | null;
  readonly db: Handle<Client>;
  readonly tenant: Tenant;
}

export interface RunJobsOptions<Client> {
  /** Of the role that owns the service's database; the worker's tables belong to it. */
  ownerUrl: string;
  database: Pick<Database<Client>, "as" | "asService">;
  tasks: Readonly<Record<string, Task<Client> | BatchTask<Client>>>;
  cron?: readonly CronTask[];
  /** How many jobs this process runs at once; 4 unless told. */
  concurrency?: number;
  /** Called at least once for every job that is given up, by one process; called again later when it rejects. */
  onGivenUp?(job: GivenUpJob<Client>): Promise<void>;
  /** How long `stop` waits for jobs whose signal has aborted; 10 s unless told. */
  shutdownMaxMs?: number;
  log: Log;
}

export interface RunningJobs {
  /** Aborts what is running, waits for it, and leaves what didn't finish to the next start. */
  stop(): Promise<void>;
  /** Of all processes that work on this database. */
  stats(): Promise<JobStats>;
  /** Rejects while this process can't take jobs. */
  ready(): Promise<void>;
}

export interface JobStats {
  /** Could start now. */
  due: number;
  /** Enqueued for a later time. */
  scheduled: number;
  /** Failed, and waiting for their next attempt. */
  retrying: number;
  running: number;
  /** Of the last 30 days. */
  givenUp: number;
  /** How long the oldest due job has been waiting. */
  oldestDueSeconds: number;
}
