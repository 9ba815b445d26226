import { parseCronItems, run, type WorkerPool } from "graphile-worker";
import pg from "pg";
import type { CronTask, RunJobsOptions } from "./job";
import { openPresence, reclaim } from "./presence";
import { RunningTasks } from "./running-tasks";
import { cancelledJobs, closeUp, keepAttempts, putBack, retire, unknownTasks } from "./sweep";
import { workerLog } from "./worker-log";

/** The worker, from the moment it takes jobs until it is closed or loses its connection. */
export interface Session {
  readonly pool: pg.Pool;
  /** Resolves with the reason when the worker can't go on; it then has to be closed. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
}

const concurrencyDefault = 4;
// A new job is announced, and starts at once; this is how late one can be that waited for its time.
const pollEveryMs = 1_000;
const sweepEveryMs = 5_000;
const sweepAfterFailureMs = 200;
const shutdownMaxMsDefault = 10_000;

export async function openSession<Client>(options: RunJobsOptions<Client>): Promise<Session> {
  const { ownerUrl, tasks: given, cron = [], concurrency = concurrencyDefault, log } = options;
  const { shutdownMaxMs = shutdownMaxMsDefault } = options;
  const pool = openPool(ownerUrl, concurrency, options.log);
  const tasks = new RunningTasks(options, pool, {
    onFailure: sweepSoon,
    onInterrupted: keep,
    onUnsettled: (error) => end(`it couldn't take jobs, or record what became of them: ${error.message}`),
  });
  const presence = await openPresence(ownerUrl, (jobId) => tasks.cancel(jobId)).catch(async (error) => {
    await pool.end();
    throw error;
  });
  let end!: (reason: string) => void;
  const ended = new Promise<string>((resolve) => (end = resolve));
  let isLost = false;
  void presence.lost.then((reason) => {
    isLost = true;
    end(`its connection broke: ${reason}`);
  });

  let worker: WorkerPool | undefined;
  let claimed: Promise<void> | undefined;
  let sweeping: Promise<void> | undefined;
  let sweepingSoon: NodeJS.Timeout | undefined;
  let closing = false;
  const interrupted: string[] = [];
  const warnedOf = new Set<string>();

  function sweep(): void {
    if (closing || sweeping) return;
    sweeping = sweepOnce()
      .catch((error) => log.error({ err: error }, "looking after jobs failed; it is tried again"))
      .finally(() => (sweeping = undefined));
  }

  function sweepSoon(): void {
    sweepingSoon ??= setTimeout(() => {
      sweepingSoon = undefined;
      sweep();
    }, sweepAfterFailureMs).unref();
  }

  async function keep(jobIds: readonly string[]): Promise<void> {
    interrupted.push(...jobIds);
    await keepAttempts(pool, jobIds).catch((error) =>
      log.warn({ jobIds, err: error }, "the interruption of a job counts as an attempt"),
    );
  }

  async function sweepOnce(): Promise<void> {
    await reclaim(pool);
    if (worker) for (const jobId of await cancelledJobs(pool, worker.id)) tasks.cancel(jobId);
    await retire(pool, options);
    await closeUp(pool);
    for (const task of await unknownTasks(pool, Object.keys(given))) {
      if (warnedOf.has(task)) continue;
      warnedOf.add(task);
      log.error({ task }, "jobs wait for a task that this service doesn't know");
    }
  }

  const shutDown = async () => {
    closing = true;
    clearInterval(sweepTimer);
    clearTimeout(sweepingSoon);
    tasks.stop();
    // What was under way on other connections that broke fails first; a worker that is stopping would take it amiss.
    if (isLost) await pause(100);
    await stopWorker();
    await Promise.race([sweeping, pause(shutdownMaxMs)]);
    await putBack(pool, interrupted).catch((error) =>
      log.warn({ jobIds: interrupted, err: error }, "interrupted jobs begin anew after a pause"),
    );
    await presence.close();
    await Promise.race([pool.end(), pause(shutdownMaxMs)]);
  };

  async function stopWorker(): Promise<void> {
    const stopped = runner?.stop().catch(() => {});
    if ((await Promise.race([stopped, pause(shutdownMaxMs)])) !== "waited") return;
    log.warn({ jobIds: tasks.running() }, "jobs didn't heed their signal; they are left behind");
    await keep(tasks.running());
    await Promise.resolve(worker?.forcefulShutdown("The process is shutting down.")).catch(() => {});
  }

  let runner: Awaited<ReturnType<typeof run>> | undefined;
  const sweepTimer = setInterval(sweep, sweepEveryMs).unref();
  try {
    // Before the first look for jobs, so that those of a killed predecessor are among what it finds.
    await reclaim(pool);
    runner = await run({
      pgPool: pool,
      taskList: tasks.taskList(),
      parsedCronItems: cronItems(cron),
      concurrency,
      pollInterval: pollEveryMs,
      noHandleSignals: true,
      logger: workerLog(log),
      preset: {
        // Batches of one, for their error handling: without, a connection that breaks while a job is being completed is
        // an unhandled rejection.
        worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 },
        plugins: [
          {
            name: "AtriumPresencePlugin",
            version: "1.0.0",
            worker: {
              hooks: {
                // Runs before a worker first looks for a job: no job is ever locked by a worker without presence.
                async startWorker(_context, event) {
                  worker = event.worker.workerPool;
                  claimed ??= presence.claim(worker.id);
                  await claimed.catch((error) => {
                    end(`it couldn't claim its presence: ${error.message}`);
                    throw error;
                  });
                },
              },
            },
          },
        ],
      },
    });
    // While one worker looks for a job, all queues are locked, and the others find nothing in them. So when it has
    // found one, they look again.
    runner.events.on("job:start", ({ worker, job }) => {
      if (job.job_queue_id !== null) setImmediate(() => wake(worker.workerPool));
    });
    runner.promise.then(
      () => end("it stopped by itself"),
      (error) => end(`it stopped: ${error.message}`),
    );
  } catch (error) {
    await shutDown();
    throw error;
  }
  sweep();
  return { pool, ended, close: shutDown };
}

function wake(workerPool: WorkerPool): void {
  try {
    workerPool.nudge(1);
  } catch {
    // It has begun to shut down.
  }
}

function openPool(ownerUrl: string, concurrency: number, log: RunJobsOptions<unknown>["log"]): pg.Pool {
  // One connection listens, one is for looking after jobs, and taking and finishing them is quick.
  const pool = new pg.Pool({
    connectionString: ownerUrl,
    max: concurrency + 2,
    application_name: "atrium jobs",
    connectionTimeoutMillis: 10_000,
  });
  pool.on("error", (error) => log.warn({ err: error }, "an idle connection of the job worker broke"));
  // A connection that breaks fails the statement under way; without a listener it would also end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

function cronItems(cron: readonly CronTask[]) {
  return parseCronItems(
    cron.map(({ task, schedule, payload = {}, catchUpSeconds = 0, maxAttempts }) => ({
      task,
      match: schedule,
      payload: { scope: "service", data: payload },
      options: { backfillPeriod: catchUpSeconds * 1_000, maxAttempts, queueName: `cron ${task}` },
    })),
  );
}

const pause = (ms: number) => new Promise<"waited">((resolve) => setTimeout(() => resolve("waited"), ms).unref());
