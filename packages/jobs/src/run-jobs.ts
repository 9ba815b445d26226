import type { RunJobsOptions, RunningJobs } from "./job";
import { openSession, type Session } from "./session";
import { readStats } from "./stats";

const reopenAfterMs = [500, 1_000, 2_000, 5_000, 10_000, 30_000];

/**
 * Performs the jobs of a service's database until it is stopped. Jobs that a killed process was running start again
 * at once. When the connection breaks, running jobs are aborted and the work goes on once the database is back.
 */
export async function runJobs<Client>(options: RunJobsOptions<Client>): Promise<RunningJobs> {
  const { log } = options;
  for (const { task } of options.cron ?? [])
    if (!options.tasks[task]) throw new TypeError(`The cron task ${task} isn't among the tasks.`);

  // Whoever starts this learns at once when it can't; later failures are mended here.
  let session: Session | null = await openSession(options);
  const stopping = new AbortController();
  const stopRequested = new Promise<null>((resolve) => stopping.signal.addEventListener("abort", () => resolve(null)));

  async function supervise(): Promise<void> {
    while (session) {
      const reason = await Promise.race([session.ended, stopRequested]);
      const open = session;
      session = null;
      if (reason !== null) log.warn({ reason }, "the job worker ended, and is started anew");
      await open.close();
      if (reason !== null) session = await reopen();
    }
  }

  async function reopen(): Promise<Session | null> {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      await pause(reopenAfterMs[Math.min(failures, reopenAfterMs.length - 1)]!);
      if (stopping.signal.aborted) break;
      try {
        return await openSession(options);
      } catch (error) {
        log.error({ err: error }, "the job worker couldn't be started; it is tried again");
      }
    }
    return null;
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      void stopRequested.then(() => (clearTimeout(timer), resolve()));
    });

  const supervised = supervise();

  function present(): Session {
    if (!session) throw new Error("The job worker has no connection to its database.");
    return session;
  }

  return {
    async stop() {
      stopping.abort();
      await supervised;
    },
    stats: async () => readStats(present().pool),
    ready: async () => void (await present().pool.query("select 1")),
  };
}
