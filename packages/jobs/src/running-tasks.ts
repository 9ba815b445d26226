import type { JobHelpers, TaskList } from "graphile-worker";
import { readEnvelope } from "./envelope";
import type { RunJobsOptions } from "./job";
import { traced } from "./trace";

/** What an aborted job's signal gives as its reason. */
export class JobInterrupted extends Error {
  override readonly name = "JobInterrupted";
}

// The worker takes a job for abandoned after four hours, and starts it again.
const durationMaxMs = 3.9 * 60 * 60 * 1000;

interface Hooks {
  /** Something failed: it may be over for good. */
  onFailure(): void;
  /** Before the worker records the failure of an interrupted job. */
  onInterrupted(jobId: string): Promise<void>;
}

/** The tasks as the worker calls them, and what of them is running. */
export class RunningTasks<Client> {
  readonly #running = new Map<string, AbortController>();
  #stopping = false;

  constructor(
    private readonly options: Pick<RunJobsOptions<Client>, "tasks" | "database" | "log">,
    private readonly hooks: Hooks,
  ) {}

  taskList(): TaskList {
    const entries = Object.keys(this.options.tasks).map((name) => [
      name,
      (payload: unknown, helpers: JobHelpers) => this.#perform(name, payload, helpers),
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

  async #perform(task: string, payload: unknown, { job }: JobHelpers): Promise<void> {
    const { tasks, database } = this.options;
    const { id, attempts: attempt, max_attempts: attemptsMax } = job;
    const controller = new AbortController();
    this.#running.set(id, controller);
    const timer = setTimeout(
      () => controller.abort(new JobInterrupted("The job took too long.")),
      durationMaxMs,
    ).unref();
    try {
      // The worker may have been about to take it.
      if (this.#stopping) throw shuttingDown();
      const { data, tenant, db, traceparent } = readEnvelope(payload, database);
      const run = tasks[task]!;
      await traced({ task, jobId: id, attempt, traceparent }, () =>
        run(data as never, { id, db, tenant, signal: controller.signal, attempt, attemptsMax }),
      );
    } catch (error) {
      if (this.#stopping) await this.hooks.onInterrupted(id);
      else this.#failed(controller.signal, { task, jobId: id, attempt, attemptsMax, err: error });
      throw error;
    } finally {
      clearTimeout(timer);
      this.#running.delete(id);
    }
  }

  #failed({ aborted }: AbortSignal, details: object): void {
    if (aborted) this.options.log.info(details, "a running job was aborted");
    else this.options.log.warn(details, "a job failed");
    this.hooks.onFailure();
  }
}

const shuttingDown = () => new JobInterrupted("The process that ran this job is shutting down.");
