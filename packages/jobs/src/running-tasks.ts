import type { JobHelpers, TaskList } from "graphile-worker";
import type pg from "pg";
import { settleTaken, takeAlong, type Attempt, type Company } from "./company";
import { companyOf, readEnvelope } from "./envelope";
import type { BatchTask, Job, RunJobsOptions, Task } from "./job";
import { traced } from "./trace";

/** What an aborted job's signal gives as its reason. */
export class JobInterrupted extends Error {
  override readonly name = "JobInterrupted";
}

// The worker takes a job for abandoned after four hours, and starts it again.
const durationMaxMs = 3.9 * 60 * 60 * 1000;

const settleAgainAfterMs = [100, 500, 2_000];

interface Hooks {
  /** Something failed: it may be over for good. */
  onFailure(): void;
  /** Before the failure of interrupted jobs is recorded. */
  onInterrupted(jobIds: readonly string[]): Promise<void>;
  /** Jobs may be left behind that nobody else takes as long as this worker is there. */
  onUnsettled(error: Error): void;
}

/** An attempt at a job that has begun: its task sees `job`, and `error` is what it failed with. */
interface Begun<Client> extends Attempt {
  job: Job<Client> & { payload: never };
  traceparent: string | null;
}

/** The tasks as the worker calls them, and what of them is running. */
export class RunningTasks<Client> {
  readonly #running = new Map<string, AbortController>();
  #stopping = false;

  constructor(
    private readonly options: Pick<RunJobsOptions<Client>, "tasks" | "database" | "log">,
    private readonly pool: pg.Pool,
    private readonly hooks: Hooks,
  ) {}

  taskList(): TaskList {
    const entries = Object.entries(this.options.tasks).map(([name, task]) => [
      name,
      (payload: unknown, { job }: JobHelpers) => {
        const { id, attempts: attempt, max_attempts: attemptsMax, locked_by: workerId } = job;
        const first = { id, payload, attempt, attemptsMax };
        return typeof task === "function"
          ? this.#perform(name, task, first)
          : this.#performTogether(name, task, first, workerId!);
      },
    ]);
    return Object.fromEntries(entries) as TaskList;
  }

  cancel(jobId: string): void {
    this.#running.get(jobId)?.abort(new JobInterrupted("The job was cancelled."));
  }

  /** From now on no job begins, and those that end in an error were interrupted, not failed. */
  stop(): void {
    this.#stopping = true;
    for (const controller of this.#running.values()) controller.abort(shuttingDown());
  }

  running(): string[] {
    return [...this.#running.keys()];
  }

  async #perform(name: string, task: Task<Client>, attempt: Attempt): Promise<void> {
    const [error] = await this.#attempt(name, [attempt], async ([begun]) => [
      await settled(() => this.#traced(name, begun!, () => task(begun!.job.payload, begun!.job))),
    ]);
    if (error !== null) throw error;
  }

  async #performTogether(name: string, task: BatchTask<Client>, first: Attempt, workerId: string): Promise<void> {
    // What has failed before may be what ended a whole process.
    const company = first.attempt === 1 && !this.#stopping ? companyOf(first.payload) : null;
    const others = company ? await this.#takeAlong(workerId, first.id, company) : [];
    const [error, ...errors] = await this.#attempt(name, [first, ...others], (all) => {
      const results = this.#traced(name, all[0]!, () => task.together(all.map(({ job }) => job)));
      const eachInItsTrace = all.slice(1).map((begun, place) =>
        this.#traced(name, begun, async () => {
          const result = (await results)[place + 1];
          if (result?.status !== "fulfilled") throw result?.reason;
        }).catch(() => {}),
      );
      return Promise.all([results, ...eachInItsTrace]).then(([ended]) => ended);
    });
    const ended = others.map(({ id }, place) => ({ id, error: messageOf(errors[place]) }));
    if (ended.length > 0) await this.#settle(workerId, ended);
    if (error !== null) throw error;
  }

  #takeAlong(workerId: string, jobId: string, company: Company): Promise<Attempt[]> {
    return takeAlong(this.pool, workerId, jobId, company).catch((error: Error) => {
      // Some may have been taken without our learning which.
      this.hooks.onUnsettled(error);
      throw error;
    });
  }

  /** Runs attempts, and returns what each failed with; null for one that succeeded. */
  async #attempt(
    task: string,
    attempts: readonly Attempt[],
    run: (all: readonly Begun<Client>[]) => Promise<readonly PromiseSettledResult<unknown>[]>,
  ): Promise<unknown[]> {
    const controllers = attempts.map(({ id }) => {
      const controller = new AbortController();
      this.#running.set(id, controller);
      return controller;
    });
    const tooLong = () => {
      for (const controller of controllers) controller.abort(new JobInterrupted("The job took too long."));
    };
    const timer = setTimeout(tooLong, durationMaxMs).unref();
    try {
      const results = await settled(async () => {
        // The worker may have been about to take it.
        if (this.#stopping) throw shuttingDown();
        return run(attempts.map((attempt, place) => this.#begin(attempt, controllers[place]!.signal)));
      });
      const errors = attempts.map((_, place) => {
        const result = results.status === "fulfilled" ? results.value[place] : results;
        if (result?.status === "fulfilled") return null;
        return result?.reason ?? new Error("The task didn't say how the job ended.");
      });
      await this.#report(task, attempts, errors, controllers);
      return errors;
    } finally {
      clearTimeout(timer);
      for (const { id } of attempts) this.#running.delete(id);
    }
  }

  #begin({ payload, ...attempt }: Attempt, signal: AbortSignal): Begun<Client> {
    const { data, tenant, db, traceparent } = readEnvelope(payload, this.options.database);
    const { id, attempt: number, attemptsMax } = attempt;
    const job = { id, db, tenant, signal, attempt: number, attemptsMax, payload: data as never };
    return { ...attempt, payload, job, traceparent };
  }

  #traced<T>(task: string, { id, attempt, traceparent }: Begun<Client>, work: () => Promise<T>): Promise<T> {
    return traced({ task, jobId: id, attempt, traceparent }, work);
  }

  async #report(
    task: string,
    attempts: readonly Attempt[],
    errors: readonly unknown[],
    controllers: readonly AbortController[],
  ): Promise<void> {
    const failed = attempts.flatMap((attempt, place) => (errors[place] === null ? [] : [{ ...attempt, place }]));
    if (failed.length === 0) return;
    if (this.#stopping) return this.hooks.onInterrupted(failed.map(({ id }) => id));
    for (const { id, attempt, attemptsMax, place } of failed) {
      const details = { task, jobId: id, attempt, attemptsMax, err: errors[place] };
      if (controllers[place]!.signal.aborted) this.options.log.info(details, "a running job was aborted");
      else this.options.log.warn(details, "a job failed");
    }
    this.hooks.onFailure();
  }

  async #settle(workerId: string, ended: readonly { id: string; error: string | null }[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await settleTaken(this.pool, workerId, ended);
      } catch (error) {
        const pauseMs = settleAgainAfterMs[failures];
        if (pauseMs === undefined || this.#stopping) return this.hooks.onUnsettled(error as Error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}

async function settled<T>(work: () => Promise<T>): Promise<PromiseSettledResult<T>> {
  return (await Promise.allSettled([Promise.resolve().then(work)]))[0];
}

/** What is kept of an error with its job; null where there is none. */
function messageOf(error: unknown): string | null {
  return error === null ? null : error instanceof Error ? error.message : String(error);
}

const shuttingDown = () => new JobInterrupted("The process that ran this job is shutting down.");
