import type { Handle } from "@atrium/database";
import { activeTraceparent } from "./trace";

export interface EnqueueOptions {
  /**
   * Names the job within its organization. While a job of that name waits, enqueuing again replaces it; while one is
   * running, the new one runs after or beside it (see `queue`). `cancelJob` finds it by this name.
   */
  key?: string;
  /** Jobs of one queue, within an organization, run one at a time. A job that waits for a retry doesn't hold up the rest. */
  queue?: string;
  /** At once when absent. */
  runAt?: Date;
  /** 10 when absent: the first retry after 3 s, the last more than 3 h after the first attempt. */
  maxAttempts?: number;
  /**
   * Lets a task that takes jobs together (`BatchTask`) perform this one with others of that name that the same person
   * enqueued: up to `jobsMax` in one turn. Not for jobs of a queue.
   */
  together?: { name: string; jobsMax: number };
}

const maxAttemptsDefault = 10;
const nameLengthMax = 200;
// Jobs carry references. What is big belongs in a table or a blob.
const payloadLengthMax = 64 * 1024;
// What others wait for when it isn't their turn.
const jobsTogetherMax = 100;

/**
 * Enqueues a job in the transaction of `tx`: it exists once that commits, and never when it rolls back. It will run
 * in the name of whoever `tx` is bound to.
 */
export const enqueue = (
  tx: Pick<Handle, "sql">,
  task: string,
  payload: unknown,
  options: EnqueueOptions = {},
): Promise<void> => enqueueAll(tx, task, [{ payload, ...options }]);

/** As `enqueue`, for several jobs of one task in their order: one statement in place of one each. */
export async function enqueueAll(
  tx: Pick<Handle, "sql">,
  task: string,
  jobs: readonly (EnqueueOptions & { payload: unknown })[],
): Promise<void> {
  checkName("task", task);
  const traceparent = activeTraceparent();
  const rows = jobs.map((job) => ({ ...rowOf(task, job), traceparent }));
  // The last of a key replaces those before it, as it would if they came one by one.
  const last = new Map(rows.map((row, nth) => [row.key ?? nth, row]));
  if (last.size === 0) return;
  // Not a SELECT: those are sent again when a connection breaks, and the jobs would be there twice.
  await tx.sql("values (jobs.enqueue_all($1, $2::json))", [task, JSON.stringify([...last.values()])]);
}

/** What is enqueued of a job, once it is right. */
function rowOf(
  task: string,
  { payload, key, queue, runAt, maxAttempts = maxAttemptsDefault, together }: EnqueueOptions & { payload: unknown },
) {
  const text = JSON.stringify(payload);
  if (text === undefined) throw new TypeError(`The payload of ${task} isn't JSON: ${typeof payload}.`);
  if (text.length > payloadLengthMax)
    throw new TypeError(`The payload of ${task} has ${text.length} characters; ${payloadLengthMax} are the most.`);
  checkName("key", key);
  checkName("queue", queue);
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > 100)
    throw new TypeError(`maxAttempts is 1 to 100, not ${maxAttempts}.`);
  checkName("together", together?.name);
  if (together && (!Number.isInteger(together.jobsMax) || together.jobsMax < 1 || together.jobsMax > jobsTogetherMax))
    throw new TypeError(`together.jobsMax is 1 to ${jobsTogetherMax}, not ${together.jobsMax}.`);
  if (together && queue) throw new TypeError("Jobs of a queue run one at a time, and so not together.");
  if (runAt && Number.isNaN(runAt.getTime())) throw new TypeError("runAt is no valid time.");
  return {
    data: payload,
    key,
    queue,
    run_at: runAt,
    max_attempts: maxAttempts,
    together: together?.name,
    together_max: together?.jobsMax,
  };
}

/**
 * Cancels the jobs of this key in the transaction of `tx`: what waits is deleted, what is running has its signal
 * aborted and isn't tried again. Returns whether there was one.
 */
export async function cancelJob(tx: Pick<Handle, "sql">, key: string): Promise<boolean> {
  checkName("key", key);
  const [row] = await tx.sql<{ column1: boolean }>("values (jobs.cancel($1))", [key]);
  return row!.column1;
}

function checkName(what: string, name: string | undefined): void {
  if (name !== undefined && (name === "" || name.length > nameLengthMax || name.includes("\0")))
    throw new TypeError(
      `A ${what} has 1 to ${nameLengthMax} characters, and no NUL: ${JSON.stringify(name.slice(0, 80))}`,
    );
}
