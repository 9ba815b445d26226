import pg from "pg";
import { inTransaction } from "./in-transaction";
import { cancelledChannel } from "./prepare";

// Whoever holds this lock for a worker's id is that worker's process, and alive: the server frees it with the connection.
const presenceKey = (worker: string) => `hashtextextended('atrium jobs of ' || ${worker}, 0)`;

export interface Presence {
  /** Says that this worker is alive, for as long as the connection stands. */
  claim(workerId: string): Promise<void>;
  /** Resolves with the reason when the connection breaks; others may then take our jobs. */
  readonly lost: Promise<string>;
  close(): Promise<void>;
}

/** A connection that shows other processes that this one is alive, and hears which jobs are cancelled. */
export async function openPresence(ownerUrl: string, onCancelled: (jobId: string) => void): Promise<Presence> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: "atrium jobs, presence",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  let reportLoss!: (reason: string) => void;
  const lost = new Promise<string>((resolve) => (reportLoss = resolve));
  client.on("error", (error) => reportLoss(error.message));
  client.on("end", () => reportLoss("the connection was closed"));
  client.on("notification", ({ payload }) => onCancelled(payload ?? ""));
  await client.connect();
  // The server, too, has to notice soon when a machine has vanished without a word.
  await client.query(`
    listen ${cancelledChannel};
    set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3`);

  return {
    async claim(workerId) {
      await client.query(`select pg_advisory_lock(${presenceKey("$1")})`, [workerId]);
    },
    lost,
    close: () => client.end().catch(() => {}),
  };
}

/**
 * Frees the jobs and queues of workers that are gone. Not to be sent over a connection that holds a presence: a lock of
 * one's own counts as free.
 */
export async function reclaim(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ locked_by: string }>(`
      with holder as (
        select locked_by from graphile_worker._private_jobs where not is_available and locked_by is not null
        union
        select locked_by from graphile_worker._private_job_queues where locked_by is not null
      )
      select locked_by from holder where pg_try_advisory_xact_lock(${presenceKey("locked_by")})`);
    if (rows.length === 0) return;
    await client.query("select graphile_worker.force_unlock_workers($1)", [rows.map((row) => row.locked_by)]);
    await client.query(`select pg_notify('jobs:insert', '{"count": 1000}')`);
  });
}
